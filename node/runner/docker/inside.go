package docker

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// What the helper does, by its first argument.
const (
	modeInit   = "init"   // NAMES OUTPUT PROGRAM ...: be the container's first process
	modeDial   = "dial"   // PORT: carry a connection to the job's loopback
	modeReport = "report" // say what the sandbox looks like from inside
	modeEcho   = "echo"   // serve echoPort until killed
	modeEat    = "eat"    // BYTES: hold so much memory
)

// echoPort is where the probe's job listens.
const echoPort = 7007

// lingerTime is how long a carried connection may go on once its dialler sends no more.
const lingerTime = 10 * time.Minute

// Main is the first call of a helper's main function: it returns false at once unless this
// process is a helper in a container, which it tells by its own path. It runs with the
// job's user among the job's processes, and nothing it says is believed beyond that.
func Main() bool {
	if len(os.Args) < 2 || os.Args[0] != helperPath {
		return false
	}
	if err := helper(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func helper(args []string, in io.Reader, out io.Writer) error {
	number := uint64(0)
	if args[0] == modeInit && len(args) > 3 {
		return first(args[1], args[2], args[3:], in, out)
	}
	if len(args) > 1 {
		var err error
		if number, err = strconv.ParseUint(args[1], 10, 63); err != nil {
			return err
		}
	}
	switch args[0] {
	case modeDial:
		return carry(uint16(number), in, out)
	case modeReport:
		return json.NewEncoder(out).Encode(lookAround())
	case modeCards:
		return listCards(out)
	case modeEcho:
		return echo(out)
	case modeEat:
		return eat(number, out)
	}
	return fmt.Errorf("the helper cannot %q", args[0])
}

// carry connects to a port and copies both ways. Its first byte says that it has connected.
func carry(port uint16, in io.Reader, out io.Writer) error {
	c, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // the process ends
	if _, err := out.Write([]byte{0}); err != nil {
		return err
	}
	go func() { // ends with the process
		_, _ = io.Copy(c, in) // until the dialler closes, or the job does
		_ = c.CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(lingerTime)) // a dialler that went away leaves no helper for ever
	}()
	_, err = io.Copy(out, c)
	return err
}

// echo serves connections until it is killed, each giving back what it gets.
func echo(out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(echoPort))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() { // ends with the process
			defer c.Close()
			_, _ = io.Copy(c, c) // the prober looks at what comes back
		}()
	}
}

// eat holds memory, each page of it written.
func eat(bytes uint64, out io.Writer) error {
	held := make([]byte, bytes)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	_, err := fmt.Fprintln(out, "held", len(held))
	return err
}

// report is what a helper sees of its sandbox.
type report struct {
	Effective, Bounding, NoNewPrivs, Seccomp string // of /proc/self/status
	Interfaces                               []string
	// Writable are the directories in which a file could be made.
	Writable []string
	Input    string // what /in/probe says
}

func lookAround() report {
	var r report
	status, _ := os.ReadFile("/proc/self/status") // none is judged by who asked
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "CapEff":
			r.Effective = value
		case "CapBnd":
			r.Bounding = value
		case "NoNewPrivs":
			r.NoNewPrivs = value
		case "Seccomp":
			r.Seccomp = value
		}
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		r.Interfaces = []string{err.Error()}
	}
	for _, i := range interfaces {
		r.Interfaces = append(r.Interfaces, i.Name)
	}
	for _, dir := range []string{"/", "/etc", "/in", "/out", "/proc/sys/kernel", "/run", "/sys/fs/cgroup", "/tmp"} {
		if canWrite(dir) {
			r.Writable = append(r.Writable, dir)
		}
	}
	input, _ := os.ReadFile("/in/probe") // none is judged by who asked
	r.Input = string(input)
	return r
}
