package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// leakDir is where a rerig of a script writes what it has left running.
const leakDir = "RERIG_TEST_LEAKS"

// mayStay are goroutines that live as long as the process.
var mayStay = []goleak.Option{
	goleak.IgnoreTopFunction("github.com/rerig/rerig/cmd/rerig.notify.func1"),
	// go-ethereum's pool of signature workers, one for the whole process.
	goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"),
}

// tidyMain is main, and looks for goroutines when the command is over. It cannot
// tell by its exit code, because a script may expect a failure.
func tidyMain() {
	code := run()
	if err := goleak.Find(mayStay...); err != nil {
		name := filepath.Join(os.Getenv(leakDir), fmt.Sprint(os.Getpid()))
		if err := os.WriteFile(name, fmt.Appendf(nil, "%q: %v", os.Args, err), 0o600); err != nil {
			panic(err)
		}
	}
	os.Exit(code)
}

// noLeaks fails the test of a script whose commands left something running.
func noLeaks(t *testing.T, e *testscript.Env) {
	files, err := os.ReadDir(e.Getenv(leakDir))
	if err != nil {
		t.Error(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(e.Getenv(leakDir), f.Name()))
		t.Errorf("left running by %s, %v", b, err)
	}
}

// tidy runs the tests of this process and then looks for goroutines too.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	code := m.M.Run()
	if err := goleak.Find(mayStay...); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "the tests left running:", err)
		return 1
	}
	return code
}
