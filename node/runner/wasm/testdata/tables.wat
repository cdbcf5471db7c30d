;; Grows a table for ever: it lives outside the linear memory.
(module (table $t 1 funcref)
  (func (export "_start") (loop (drop (table.grow $t (ref.null func) (i32.const 1000000))) br 0)))
