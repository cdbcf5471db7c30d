// Command guest is the tests' guest: its first argument says what to do. It is
// compiled for wasip1 once per test run.
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Println("hello")
		return
	}
	if err := act(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func act(what string, args []string) error {
	switch what {
	case "exit":
		code, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		os.Exit(code)
	case "echo":
		fmt.Println(strings.Join(args, " "))
		fmt.Fprintln(os.Stderr, "env", os.Environ())
	case "facts":
		return facts()
	case "litter":
		for i := 0; ; i++ {
			if err := os.WriteFile(fmt.Sprint("/out/f", i), nil, 0o644); err != nil {
				return err
			}
			if err := os.Remove(fmt.Sprint("/out/f", i)); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("unknown action %q", what)
	}
	return nil
}

// facts prints all that could differ between two hosts.
func facts() error {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return err
	}
	begin := time.Now()
	time.Sleep(3 * time.Hour)
	m := map[int]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9}
	fmt.Printf("%x %s %s\n", b, begin, time.Since(begin))
	for k := range m {
		fmt.Println(k)
	}
	list, err := os.ReadDir("/in")
	if err != nil {
		return err
	}
	for _, d := range list {
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Println(d.Name(), info.Mode(), info.Size(), info.ModTime())
	}
	return nil
}
