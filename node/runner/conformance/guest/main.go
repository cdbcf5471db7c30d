// Command guest is the program that the conformance suite runs inside every engine: its
// first argument says what to do. It is built for Linux and for WASI.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// actions are what the guest can do; each system adds its own.
var actions = map[string]func(args []string) error{
	"echo":    echo,
	"exit":    exit,
	"files":   files,
	"write":   write,
	"spin":    spin,
	"sleep":   sleep,
	"grow":    grow,
	"flood":   flood,
	"fill":    fill,
	"sparse":  sparse,
	"litter":  litter,
	"torrent": torrent,
	"scratch": scratch,
	"burn":    burn,
	"loop":    loop,
}

func main() {
	if len(os.Args) < 2 {
		fmt.Println("hello")
		return
	}
	do, ok := actions[os.Args[1]]
	err := fmt.Errorf("unknown action %q", os.Args[1])
	if ok {
		err = do(os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func echo(args []string) error {
	env := os.Environ()
	slices.Sort(env)
	fmt.Println(strings.Join(args, " "))
	fmt.Fprintln(os.Stderr, "env", env)
	return nil
}

func exit(args []string) error {
	code, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	os.Exit(code)
	return nil
}

// files uses its directories as ordinary programs do.
func files([]string) error {
	in, err := os.ReadFile("/in/deep/data")
	if err != nil {
		return err
	}
	if err := os.WriteFile("/out/copy", in, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile("/in/deep/data", in, 0o644); err == nil {
		return errors.New("wrote an input")
	}
	if err := os.MkdirAll("/out/a/b", 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile("/out/a/log", os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	fmt.Fprint(f, "one ")
	fmt.Fprint(f, "two")
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.WriteFile("/out/tmp", append(b, " three"...), 0o644); err != nil {
		return err
	}
	if err := os.Rename("/out/tmp", "/out/a/b/final"); err != nil {
		return err
	}
	return os.Remove("/out/a/log")
}

func write(paths []string) error {
	for _, p := range paths {
		if err := os.WriteFile(p, []byte("x"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// spin computes for ever.
func spin([]string) error {
	fmt.Println("spinning")
	for x := 1; ; {
		x = x*1664525 + 1013904223
		runtime.KeepAlive(x)
	}
}

// torrent writes many outputs at once, each until there is no room.
func torrent([]string) error {
	var writers sync.WaitGroup
	for i := range 16 {
		writers.Go(func() {
			f, err := os.Create(fmt.Sprintf("/out/torrent-%d", i))
			for chunk := make([]byte, 256<<10); err == nil; {
				_, err = f.Write(chunk)
			}
		})
	}
	writers.Wait()
	return errors.New("there is no room for more")
}

func sleep([]string) error {
	time.Sleep(time.Hour)
	return nil
}

// grow takes memory until there is no more.
func grow([]string) error {
	var held [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		held = append(held, b)
		runtime.KeepAlive(held)
	}
}

func flood([]string) error {
	line := strings.Repeat("x", 1023) + "\n"
	for {
		if _, err := io.WriteString(os.Stdout, line); err != nil {
			return err
		}
	}
}

// fill writes to one output until it is refused; then it looks what else it may do, because
// an engine that refuses must end it too.
func fill([]string) error {
	f, err := os.Create("/out/big")
	if err != nil {
		return err
	}
	for {
		if _, err := f.Write(make([]byte, 64<<10)); err != nil {
			return err
		}
	}
}

func sparse([]string) error {
	f, err := os.Create("/out/sparse")
	if err != nil {
		return err
	}
	return f.Truncate(1 << 40)
}

func litter([]string) error {
	for i := 0; ; i++ {
		if err := os.WriteFile(fmt.Sprint("/out/f", i), nil, 0o644); err != nil {
			return err
		}
	}
}

// scratch fills a file outside of /out, up to 256 MiB, and tells how far it came.
func scratch(paths []string) error {
	var n int
	f, err := os.Create(paths[0])
	for err == nil && n < 256<<20 {
		var m int
		m, err = f.Write(make([]byte, 256<<10))
		n += m
		if n%(1<<20) == 0 || err != nil {
			fmt.Printf("wrote %d, %v\n", n, err)
		}
	}
	if n == 0 {
		fmt.Printf("wrote 0, %v\n", err)
	}
	return nil
}

// burn says "begin", computes for about a number of milliseconds of one core by counting
// rounds, says "end" and goes on until it is killed, idle.
func burn(args []string) error {
	rounds, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	fmt.Println("begin")
	compute(rounds)
	fmt.Println("end")
	return rest()
}

// compute runs a million steps a round.
func compute(rounds int) {
	x := 1
	for range rounds * 1_000_000 {
		x = x*1664525 + 1013904223
	}
	runtime.KeepAlive(x)
}
