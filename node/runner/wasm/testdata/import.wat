(module (import "env" "steal" (func)) (func (export "_start")))
