package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"
)

// loops are what an engine is compared with the host by; each takes 2 to 100
// milliseconds there. The directory is one that the job may write to.
var loops = map[string]func(dir string) error{
	"integer": func(string) error { compute(100); return nil },
	"float":   func(string) error { multiply(); return nil },
	"calls":   func(string) error { calls(20_000); return nil },
	"files":   func(dir string) error { return churn(dir, 1_000) },
}

// loop says after each turn how many nanoseconds it took.
func loop(args []string) error {
	turns, err := strconv.Atoi(args[1])
	do, ok := loops[args[0]]
	if err != nil || !ok {
		return errors.New("loop takes integer, float, calls or files, a number of turns, a directory")
	}
	for range turns {
		begun := time.Now()
		if err := do(args[2]); err != nil {
			return err
		}
		fmt.Println(time.Since(begun).Nanoseconds())
	}
	return nil
}

// multiply multiplies two square matrices of 32-bit floats.
func multiply() {
	const n = 384
	a, b, c := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
	for i := range a {
		a[i], b[i] = float32(i%7), float32(i%5)
	}
	for i := range n {
		for k := range n {
			x, from, to := a[i*n+k], b[k*n:k*n+n], c[i*n:i*n+n]
			for j := range to {
				to[j] += x * from[j]
			}
		}
	}
	runtime.KeepAlive(c)
}

// churn opens, writes, reads and closes a file, again and again.
func churn(dir string, times int) error {
	text := make([]byte, 100)
	for range times {
		f, err := os.OpenFile(dir+"/churn", os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		if err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
		if err == nil {
			_, err = io.ReadFull(f, text)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
