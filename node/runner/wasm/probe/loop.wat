;; Never ends: only the deadline stops it.
(module (func (export "_start") (loop br 0)))
