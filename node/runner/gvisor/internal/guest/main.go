//go:build linux

// Command guest is what the engine's tests run inside a sandbox: its first argument says
// what it does there.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	switch os.Args[1] {
	case "nothing":
	case "echo":
		fmt.Println(os.Args[2])
		fmt.Fprintln(os.Stderr, os.Args[2])
	case "write":
		write(os.Args[2:])
	case "read":
		b, err := os.ReadFile(os.Args[2])
		fmt.Print(string(b))
		if err != nil {
			fmt.Println(err)
		}
	case "rights":
		rights(os.Args[2], os.Args[3])
	case "integer":
		integer()
	case "idle":
		fmt.Println("idle")
		time.Sleep(time.Hour)
	case "grow":
		grow()

	case "reserve":
		reserve(os.Args[2])
	case "spin":
		spin(os.Args[2])
	default:
		fmt.Println("no action", os.Args[1])
	}
	code, _ := strconv.Atoi(os.Getenv("CODE")) // 0 without it
	os.Exit(code)
}

// spin computes for that long, by the clock, and says when it begins.
func spin(text string) {
	d, err := time.ParseDuration(text)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	fmt.Println("spinning")
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

// reserve asks for disk that nothing was written to.
func reserve(path string) {
	f, err := os.Create(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := unix.Fallocate(int(f.Fd()), 0, 0, 1<<20); err != nil {
		fmt.Println("refused:", err)
	}
}

// write makes directories with a file in each, and says how that went.
func write(dirs []string) {
	for _, d := range dirs {
		err := os.Mkdir(d, 0o700)
		if err == nil {
			err = os.WriteFile(filepath.Join(d, "file"), []byte("written"), 0o400)
		}
		fmt.Println(d, err)
	}
}

// grow takes memory without end.
func grow() {
	for hold := [][]byte{}; ; {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		hold = append(hold, b)
	}
}

// integer computes a fixed number of steps.
func integer() {
	x := uint64(1)
	for range 600_000_000 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	if x == 0 { // nobody can know before
		fmt.Println(x)
	}
}

// rights makes a program that gives its user's rights away, and a directory that nobody may
// read.
func rights(program, closed string) {
	if err := os.WriteFile(program, []byte("#!/bin/sh"), 0o700); err != nil {
		fmt.Println(err)
	}
	if err := os.Chmod(program, 0o755|os.ModeSetuid|os.ModeSetgid); err != nil {
		fmt.Println(err)
	}
	if err := os.Mkdir(closed, 0); err != nil {
		fmt.Println(err)
	}
	if os.Getenv("STAY") != "" {
		fmt.Println("staying")
		time.Sleep(time.Hour)
	}
}
