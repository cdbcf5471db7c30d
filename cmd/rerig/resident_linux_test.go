package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// fileMemory is how much of this program's files is in memory, in kB.
func fileMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssFile:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Skip("needs a kernel that tells RssFile: Linux 4.5 or later")
	return 0
}

// An idle node keeps less of its program in memory than starting touched, and goes on.
func TestDropStartup(t *testing.T) {
	before := fileMemory(t)
	dropStartup()
	if after := fileMemory(t); after >= before {
		t.Errorf("%d kB of files in memory, then %d", before, after)
	}
}

func TestReadOnly(t *testing.T) {
	for line, want := range map[string]bool{
		"00400000-03fc5000 r-xp 00000000 fe:00 131 /usr/bin/rerig":   true,
		"03fc5000-05a00000 r--p 03bc5000 fe:00 131 /usr/bin/rerig":   true,
		"05a00000-05b00000 rw-p 05600000 fe:00 131 /usr/bin/rerig":   false,
		"05a00000-05b00000 r--s 05600000 fe:00 131 /usr/bin/rerig":   false,
		"05a00000-05b00000 r--p 05600000 fe:00 132 /usr/lib/libc":    false,
		"05a00000-05a00000 r--p 05600000 fe:00 131 /usr/bin/rerig":   false,
		"zz-05b00000 r--p 05600000 fe:00 131 /usr/bin/rerig":         false,
		"7ffd0000-7ffd1000 r-xp 00000000 00:00 0 [vdso]":             false,
		"05a00000-05b00000 r--p 05600000 fe:00 131 /usr/bin/rerig x": false,
	} {
		if _, _, ok, _ := readOnly(line, "/usr/bin/rerig"); ok != want {
			t.Errorf("%q: %v, want %v", line, ok, want)
		}
	}
}
