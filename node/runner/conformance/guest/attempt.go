package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// aims is what a hostile job is told of the host, more than a real one would know.
type aims struct {
	Secret   string // the path of a file of the miner's
	Handle   []byte // its file handle, for open_by_handle_at
	HandleOf int32  // the handle's type
	Token    string // marks all that an attempt leaves anywhere
	Port     int    // where the host listens, on every address and as an abstract socket
	Address  string // of the host on its own network
	Canary   int    // the id of a process of the host's
	Key      int    // of a System V segment of the host's
	Block    uint32 // a disk of the host's, as in st_rdev
	Link     string // a network interface of the host's
	Tries    []string
}

// attempts are what a hostile job tries; each system adds its own. What they print is for a
// reader, but for a line that begins with "BREACH": something that was reached and that the
// host cannot see.
var attempts = map[string]func(a *aims){}

func init() {
	actions["try"] = func(args []string) error {
		a, err := aimsOf(args[0])
		if err != nil {
			return err
		}
		return tryAll(a, args[0])
	}
	actions["one"] = func(args []string) error {
		a, err := aimsOf(args[0])
		if err != nil {
			return err
		}
		try, ok := attempts[args[1]]
		if !ok {
			return fmt.Errorf("unknown attempt %q", args[1])
		}
		try(a)
		return nil
	}
	actions["attempts"] = func([]string) error {
		var names []string
		for name := range attempts {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, n := range names {
			fmt.Println(n)
		}
		return nil
	}
}

func aimsOf(text string) (*aims, error) {
	a := new(aims)
	if err := json.Unmarshal([]byte(text), a); err != nil {
		return nil, fmt.Errorf("decode the aims: %w", err)
	}
	return a, nil
}

// said prints how a call went.
func said(what string, err error) {
	if err == nil {
		fmt.Println(what + ": done")
		return
	}
	fmt.Println(what+":", err)
}

// breach tells of something that a job must not reach.
func breach(what string, err error) {
	if err == nil {
		fmt.Println("BREACH", what)
		return
	}
	fmt.Println(what+":", err)
}

// show reads a file and prints its beginning.
func show(path string) {
	f, err := os.Open(path)
	if err != nil {
		fmt.Println("read", path+":", err)
		return
	}
	defer f.Close()
	b := make([]byte, 4096)
	n, err := f.Read(b)
	fmt.Printf("read %s: %q, %v\n", path, b[:n], err)
}

// put writes to a file that is there.
func put(path, text string) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(text)
		_ = f.Close() // the write's error is the one to tell
	}
	said("write "+path, err)
}
