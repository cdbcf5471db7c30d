// Command container is the program of the image that the tests of containers buy.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(64)
	}
	args := os.Args[2:]
	switch os.Args[1] {
	case "say":
		fmt.Println(strings.Join(args, " "), os.Getenv("WORD"))
	case "exit":
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	case "count": // COUNT TIMES: a line for each million steps, TIMES in all
		times, _ := strconv.Atoi(args[0])
		for i := range times {
			fmt.Println(i, steps(20_000_000))
		}
	case "spin":
		for {
			steps(1 << 20)
		}
	case "hog":
		for kept := [][]byte{}; ; {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			kept = append(kept, b)
		}
	case "upper": // copies an input in capitals
		in, err := os.Open("/in/" + args[0])
		check(err)
		text, err := io.ReadAll(in)
		check(err)
		check(os.WriteFile("/out/upper-"+args[0], []byte(strings.ToUpper(string(text))), 0o644))
	case "resume": // COUNT: steps from the checkpoint on, keeping one after each
		resume(args[0])
	case "cards": // SECONDS
		cards(args[0])
	case "reach":
		for _, addr := range args {
			c, err := net.DialTimeout("tcp", addr, 2*time.Second)
			if err == nil {
				c.Close()
			}
			fmt.Println(addr, err == nil)
		}
	case "allreduce": // LENGTH
		length, _ := strconv.Atoi(args[0])
		allreduce(length)
	case "hang": // [CODE]
		hang(strings.Join(args, ""))
	case "leave": // BYTES
		length, _ := strconv.Atoi(args[0])
		leave(length)
	case "ask": // HOSTS
		ask(args)
	case "greet": // PORT
		greet(args[0])
	case "look": // ADDRS
		look(args)
	case "serve": // PORT
		serve(args[0])
	case "paint": // PORT WEIGHTS
		paint(args[0], args[1])
	case "peek":
		for _, path := range args {
			b, err := os.ReadFile(path)
			fmt.Println(path, err == nil && len(b) > 0)
		}
	}
}

// steps is work that no compiler leaves out.
func steps(n int) (x uint32) {
	for i := range n {
		x = x*1664525 + uint32(i)
	}
	return x
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
