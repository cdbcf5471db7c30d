package main

import (
	"context"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

// untilSays REGEXP COMMAND ARGS… runs a command again and again until it succeeds and prints
// what the expression matches.
func untilSays(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until REGEXP COMMAND ARGS…")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	until(ts, args[0], func(context.Context) (bool, error) {
		err := ts.Exec(args[1], args[2:]...)
		return err == nil && want.MatchString(ts.ReadFile("stdout")) != neg, nil
	})
}
