// Command guest is the tests' guest: its first argument says what to do. It is
// compiled for wasip1 once per test run.
package main

import (
	"crypto/rand"
	"fmt"
	"io"
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
	case "burn":
		return burn(args[0])
	case "grow":
		var held [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			held = append(held, b)
		}
	case "flood":
		line := strings.Repeat("x", 1023) + "\n"
		for {
			if _, err := io.WriteString(os.Stdout, line); err != nil {
				return err
			}
		}
	case "copy":
		b, err := os.ReadFile("/in/" + args[0])
		if err != nil {
			return err
		}
		return os.WriteFile("/out/"+args[0], b, 0o644)
	case "fill":
		f, err := os.Create("/out/big")
		if err != nil {
			return err
		}
		for {
			if _, err := f.Write(make([]byte, 4096)); err != nil {
				return err
			}
		}
	case "sparse":
		f, err := os.Create("/out/sparse")
		if err != nil {
			return err
		}
		return f.Truncate(1 << 40)
	case "litter":
		for i := 0; ; i++ {
			if err := os.WriteFile(fmt.Sprint("/out/f", i), nil, 0o644); err != nil {
				return err
			}
			if err := os.Remove(fmt.Sprint("/out/f", i)); err != nil {
				return err
			}
		}
	case "escape":
		return escape(args)
	case "files":
		return files()
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

// burn computes for a number of rounds and prints a line after each.
func burn(rounds string) error {
	n, err := strconv.Atoi(rounds)
	if err != nil {
		return err
	}
	var x uint64 = 1
	for i := range n {
		for range 10_000_000 {
			x = x*6364136223846793005 + 1442695040888963407
		}
		fmt.Println(i, x)
	}
	return nil
}

// escape tries each path, as it is and through a link in /out, and prints what
// it could read.
func escape(paths []string) error {
	for i, p := range paths {
		if b, err := os.ReadFile(p); err == nil {
			return fmt.Errorf("read %s: %q", p, b)
		}
		link := fmt.Sprint("/out/link", i)
		if err := os.Symlink(p, link); err == nil {
			return fmt.Errorf("made a link to %s", p)
		}
		if err := os.Link(p, link); err == nil {
			return fmt.Errorf("made a hard link to %s", p)
		}
		if err := os.WriteFile(p, []byte("x"), 0o644); err == nil {
			return fmt.Errorf("wrote %s", p)
		}
	}
	for _, p := range []string{"/in/new", "/in/../new", "/out/../new", "/new", "../new"} {
		if err := os.WriteFile(p, []byte("x"), 0o644); err == nil {
			return fmt.Errorf("wrote %s", p)
		}
	}
	if err := os.Remove("/in/secret"); err == nil {
		return fmt.Errorf("removed an input")
	}
	fmt.Println("contained")
	return nil
}

// files uses an output directory as ordinary programs do.
func files() error {
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
	if err := os.Remove("/out/a/log"); err != nil {
		return err
	}
	info, err := os.Stat("/out/a/b/final")
	if err != nil {
		return err
	}
	fmt.Println(info.Name(), info.Size(), info.Mode())
	return nil
}
