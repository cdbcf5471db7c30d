;; Writes 65 MiB into /out/large.bin. Assembled by: wat2wasm large.wat
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 18)
  (data (i32.const 64) "large.bin")
  (func (export "_start") (local $dir i32) (local $left i32)
    (local.set $dir (i32.const 3))
    (block $open
      (loop $next ;; the directory that can be written to
        (br_if $open (i32.eqz (call $path_open (local.get $dir) (i32.const 0) (i32.const 64) (i32.const 9)
          (i32.const 1) (i64.const 0x40) (i64.const 0) (i32.const 0) (i32.const 32))))
        (local.set $dir (i32.add (local.get $dir) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $dir) (i32.const 8))))
      (call $proc_exit (i32.const 1)))
    (i32.store (i32.const 8) (i32.const 0x10000))
    (i32.store (i32.const 12) (i32.const 0x100000))
    (local.set $left (i32.const 65))
    (loop $piece
      (i32.store (i32.const 0x10000) (local.get $left)) ;; no two are alike
      (if (call $fd_write (i32.load (i32.const 32)) (i32.const 8) (i32.const 1) (i32.const 16)) (then (call $proc_exit (i32.const 2))))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $piece (local.get $left)))))
