package telemetry

import (
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Values that drivers give in place of one, such as 9223372036854775794, 4294967295 and 65535,
// are outside of what can be; everything else is dropped with them.
const (
	coldest, hottest = -40, 150 // °C
	mostPowerMW      = 3_000_000
	mostMemoryMiB    = 1 << 24
)

// within is a whole number in a range, or nil.
func within(s string, low, high int) *int {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return nil
	}
	return &n
}

func celsius(s string) *int { return within(s, coldest, hottest) }

// milli reads watts with a fraction as milliwatts.
func milli(s string) *int64 {
	w, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(w) || w < 0 || w > mostPowerMW/1000 {
		return nil
	}
	mw := int64(math.Round(w * 1000))
	return &mw
}

func memory(s string) *uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > mostMemoryMiB {
		return nil
	}
	mib := uint32(n)
	return &mib
}

func count(s string) *uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n >= 1<<31 {
		return nil
	}
	return &n
}

// maxText is what is read of one file of sysfs or procfs.
const maxText = 4 << 10

// text reads a small file, without the space around it; "" when there is none. A pipe in its
// place is not opened, because opening one waits for its other end.
func text(path ...string) string {
	b, err := readFile(filepath.Join(path...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func readFile(name string) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New(name + " is not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxText))
}

// entries lists a directory's first names, in no order.
func entries(path ...string) []string {
	d, err := os.Open(filepath.Join(path...))
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(256) // what could be read is what there is
	return names
}

// printable blanks what is no printable ASCII.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
}

// clip makes a tool's text fit to be shown: one line, and not long.
func clip(s string) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	return s[:min(len(s), 128)]
}
