;; Says "rerig", asks for more memory than its limit, and exits with 7 if that
;; was refused, 8 if not.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\06\00\00\00rerig\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $exit (select (i32.const 7) (i32.const 8)
      (i32.eq (memory.grow (i32.const 64)) (i32.const -1))))))
