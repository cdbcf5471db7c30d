package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// resume counts in steps of some ten milliseconds. What it has done is in its checkpoint,
// which is replaced whole.
func resume(count string) {
	last, err := strconv.Atoi(count)
	check(err)
	first := 0
	switch kept, err := os.ReadFile("/in/checkpoint"); {
	case err == nil:
		first, err = strconv.Atoi(strings.TrimSpace(string(kept)))
		check(err)
	case !errors.Is(err, fs.ErrNotExist):
		check(err)
	}
	fmt.Println("begins at", first)
	for i := first; i < last; i++ {
		steps(200_000_000)
		check(os.WriteFile("/out/next", []byte(strconv.Itoa(i+1)), 0o600))
		check(os.Rename("/out/next", "/out/checkpoint"))
	}
	fmt.Println("ends at", last)
}
