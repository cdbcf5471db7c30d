(module (memory 4096) (func (export "_start")))
