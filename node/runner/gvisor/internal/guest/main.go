//go:build linux

// Command guest is what the engine's tests run inside a sandbox: its first argument says
// what it does there.
package main

import (
	"fmt"
	"os"
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
