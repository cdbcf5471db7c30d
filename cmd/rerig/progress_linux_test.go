package main

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoColor: on a terminal what succeeded is green, but for --no-color and NO_COLOR.
func TestNoColor(t *testing.T) {
	for _, c := range []struct {
		flag, env string
		green     bool
	}{{"", "", true}, {"--no-color", "", false}, {"", "1", false}} {
		t.Setenv("NO_COLOR", c.env)
		terminal, read := openTerminal(t)
		a := &app{stdin: strings.NewReader(""), stdout: terminal, stderr: terminal}
		root := a.root()
		if err := root.ParseFlags(strings.Fields(c.flag)); err != nil {
			t.Fatal(err)
		}
		a.progress().done("written")
		if got := read(); strings.Contains(got, "\x1b[32m") != c.green || !strings.Contains(got, "✓") || a.page().color != c.green {
			t.Errorf("with %q and NO_COLOR=%q the terminal gets %q", c.flag, c.env, got)
		}
	}
}

// openTerminal is a terminal of its own and what was written to it, up to a line's end.
func openTerminal(t *testing.T) (*os.File, func() string) {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("needs /dev/ptmx: mount devpts on /dev/pts")
	}
	t.Cleanup(func() { ptmx.Close() })
	n, err := unix.IoctlGetInt(int(ptmx.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty, func() string {
		buf := make([]byte, 4096)
		n, err := ptmx.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}
