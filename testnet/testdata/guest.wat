;; The scenarios' guest. Its first argument says what to do:
;;   exit CODE, print TEXT, spin N, count LINES N, loop, grow, trap, flood,
;;   write NAME TEXT (to /out/NAME), duplicate NAME (/in/NAME to /out/NAME)
;; where N is millions of rounds of a loop. Assembled by: wat2wasm guest.wat
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  ;; 0 argc, 4 size, 8 iovec, 16 count, 20 descriptor, 32 digits, 64 argv, 4096 its text, 65536 buffer
  (global $sink (mut i64) (i64.const 1))

  (func $arg (param $i i32) (result i32)
    (i32.load (i32.add (i32.const 64) (i32.shl (local.get $i) (i32.const 2)))))

  (func $strlen (param $p i32) (result i32) (local $n i32)
    (block $end (loop $next
      (br_if $end (i32.eqz (i32.load8_u (i32.add (local.get $p) (local.get $n)))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $next)))
    (local.get $n))

  (func $number (param $p i32) (result i32) (local $v i32)
    (block $end (loop $next
      (br_if $end (i32.eqz (i32.load8_u (local.get $p))))
      (local.set $v (i32.add (i32.mul (local.get $v) (i32.const 10))
        (i32.sub (i32.load8_u (local.get $p)) (i32.const 48))))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br $next)))
    (local.get $v))

  (func $fail (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (i32.add (i32.const 100) (local.get $errno))))))

  (func $write (param $fd i32) (param $p i32) (param $n i32)
    (block $end (loop $next
      (br_if $end (i32.eqz (local.get $n)))
      (i32.store (i32.const 8) (local.get $p))
      (i32.store (i32.const 12) (local.get $n))
      (call $fail (call $fd_write (local.get $fd) (i32.const 8) (i32.const 1) (i32.const 16)))
      (local.set $p (i32.add (local.get $p) (i32.load (i32.const 16))))
      (local.set $n (i32.sub (local.get $n) (i32.load (i32.const 16))))
      (br $next))))

  (func $line (param $p i32)
    (call $write (i32.const 1) (local.get $p) (call $strlen (local.get $p)))
    (i32.store8 (i32.const 16384) (i32.const 10))
    (call $write (i32.const 1) (i32.const 16384) (i32.const 1)))

  ;; print a number of at most four digits
  (func $digits (param $v i32)
    (i32.store8 (i32.const 32) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $v) (i32.const 1000)) (i32.const 10))))
    (i32.store8 (i32.const 33) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $v) (i32.const 100)) (i32.const 10))))
    (i32.store8 (i32.const 34) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $v) (i32.const 10)) (i32.const 10))))
    (i32.store8 (i32.const 35) (i32.add (i32.const 48) (i32.rem_u (local.get $v) (i32.const 10))))
    (i32.store8 (i32.const 36) (i32.const 0))
    (call $line (i32.const 32)))

  (func $spin (param $millions i32) (local $i i32) (local $x i64)
    (local.set $x (global.get $sink))
    (block $end (loop $million
      (br_if $end (i32.eqz (local.get $millions)))
      (local.set $i (i32.const 1000000))
      (loop $round
        (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (br_if $round (local.get $i)))
      (local.set $millions (i32.sub (local.get $millions) (i32.const 1)))
      (br $million)))
    (global.set $sink (local.get $x)))

  (func $count (param $lines i32) (param $millions i32) (local $i i32)
    (block $end (loop $next
      (br_if $end (i32.ge_u (local.get $i) (local.get $lines)))
      (call $spin (local.get $millions))
      (call $digits (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))

  ;; open a name in a directory (3 is /in, 4 is /out) with flags and rights
  (func $open (param $dir i32) (param $name i32) (param $flags i32) (param $rights i64) (result i32)
    (call $fail (call $path_open (local.get $dir) (i32.const 0) (local.get $name) (call $strlen (local.get $name))
      (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 20)))
    (i32.load (i32.const 20)))

  (func $duplicate (param $name i32) (local $from i32) (local $to i32)
    (local.set $from (call $open (i32.const 3) (local.get $name) (i32.const 0) (i64.const 2)))
    (local.set $to (call $open (i32.const 4) (local.get $name) (i32.const 1) (i64.const 64)))
    (block $end (loop $next
      (i32.store (i32.const 8) (i32.const 65536))
      (i32.store (i32.const 12) (i32.const 65536))
      (call $fail (call $fd_read (local.get $from) (i32.const 8) (i32.const 1) (i32.const 16)))
      (br_if $end (i32.eqz (i32.load (i32.const 16))))
      (call $write (local.get $to) (i32.const 65536) (i32.load (i32.const 16)))
      (br $next))))

  (func $grow (local $at i32)
    (loop $next
      (local.set $at (memory.grow (i32.const 16)))
      (if (i32.eq (local.get $at) (i32.const -1)) (then unreachable))
      (i32.store (i32.shl (local.get $at) (i32.const 16)) (i32.const 1))
      (br $next)))

  (func (export "_start") (local $what i32)
    (call $fail (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (if (i32.lt_u (i32.load (i32.const 0)) (i32.const 2)) (then return))
    (call $fail (call $args_get (i32.const 64) (i32.const 4096)))
    (local.set $what (i32.load8_u (call $arg (i32.const 1))))
    (if (i32.eq (local.get $what) (i32.const 101)) ;; exit
      (then (call $proc_exit (call $number (call $arg (i32.const 2))))))
    (if (i32.eq (local.get $what) (i32.const 112)) ;; print
      (then (call $line (call $arg (i32.const 2)))))
    (if (i32.eq (local.get $what) (i32.const 115)) ;; spin
      (then (call $spin (call $number (call $arg (i32.const 2))))))
    (if (i32.eq (local.get $what) (i32.const 99)) ;; count
      (then (call $count (call $number (call $arg (i32.const 2))) (call $number (call $arg (i32.const 3))))))
    (if (i32.eq (local.get $what) (i32.const 108)) ;; loop
      (then (loop $ever (br $ever))))
    (if (i32.eq (local.get $what) (i32.const 103)) (then (call $grow)))
    (if (i32.eq (local.get $what) (i32.const 116)) (then unreachable))
    (if (i32.eq (local.get $what) (i32.const 102)) ;; flood
      (then (loop $more (call $write (i32.const 1) (i32.const 65536) (i32.const 16384)) (br $more))))
    (if (i32.eq (local.get $what) (i32.const 119)) ;; write
      (then (call $write (call $open (i32.const 4) (call $arg (i32.const 2)) (i32.const 1) (i64.const 64))
        (call $arg (i32.const 3)) (call $strlen (call $arg (i32.const 3))))))
    (if (i32.eq (local.get $what) (i32.const 100)) (then (call $duplicate (call $arg (i32.const 2)))))))
