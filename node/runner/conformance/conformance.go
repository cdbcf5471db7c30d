// Package conformance is the one suite that every engine of node/runner passes: what a job
// may count on, what a miner may count on, and what a hostile job must not achieve
// (SPEC §5.1). An engine's own test opens the engine and calls Run and Hostile; nothing
// here knows an engine.
//
// A hostile attempt counts as contained only when the suite, looking from outside, saw that
// nothing had happened: what the guest says of its success is printed and not believed.
package conformance

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rerig/rerig/node/runner"
)

// Target is an engine under test.
type Target struct {
	// Open opens the engine with its data in dir, which may hold what an earlier one left
	// there: what a Rig that was killed left too, so both name their control groups alike.
	// The suite runs it and closes it.
	Open func(t testing.TB, dir string) (runner.Engine, error)
	// WASM tells that jobs are modules; otherwise they are Linux programs in a root.
	WASM bool
	// Looks tells that the engine cannot hold the output directory here, and only looks
	// whether there is too much in it.
	Looks bool
	// Rig is the absolute path of a static program that calls rig.Main for this engine, for
	// what must be seen of an engine that is killed; without one, "killed rig" is in Not.
	Rig string
	// Binary is the absolute path of the program that the engine's sandboxes start from, so
	// that the suite can tell its processes from others; "" for Rig.
	Binary string
	// Not names checks and attempts that this engine does not hold, each with the reason.
	// Those are tried all the same, and one that holds fails the test.
	Not map[string]string
}

// check is one point of the suite. Its error says what an engine did not hold.
type check struct {
	name string
	run  func(s *suite, t testing.TB) error
	// alone tells that other jobs at the same time would spoil what is seen.
	alone bool
}

// suite is a target with its engine running and its guest built.
type suite struct {
	Target
	engine runner.Engine
	dir    string // the engine's data
	guest  guest
}

// Run holds an engine to every point that is no attack, each as a subtest.
func Run(t *testing.T, target Target) {
	s := open(t, target)
	s.all(t, slices.Concat(basics, limits, inside, outside))
}

// open builds the guest and starts the engine for as long as t runs.
func open(t testing.TB, target Target) *suite {
	s := &suite{Target: target, dir: t.TempDir()}
	for name := range target.Not {
		if !known(name) {
			t.Errorf("%q is listed as not held and names no check and no attempt", name)
		}
	}
	s.guest = build(t, target.WASM)
	s.engine = s.serve(t, s.dir)
	return s
}

// known tells whether a check or an attempt has a name.
func known(name string) bool {
	return slices.ContainsFunc(slices.Concat(basics, limits, inside, outside), func(c check) bool { return c.name == name }) ||
		slices.ContainsFunc(attempts, func(a attempt) bool { return a.name == name || a.name+byExec == name })
}

// serve runs an engine over dir until the test ends.
func (s *suite) serve(t testing.TB, dir string) runner.Engine {
	t.Helper()
	e, stop, err := s.begin(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// begin opens and runs an engine over dir. The caller calls stop once.
func (s *suite) begin(t testing.TB, dir string) (e runner.Engine, stop func() error, err error) {
	e, err = s.Open(t, dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open the engine: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }() // ended by stop
	stop = func() error {
		cancel()
		err := <-done
		if closed := e.Close(); err == nil {
			err = closed
		}
		return err
	}
	select {
	case <-e.Started():
		return e, stop, nil
	case err := <-done:
		done <- err
		_ = stop() // the same error again
		return nil, nil, fmt.Errorf("run the engine: %w", err)
	}
}

// all runs checks: those that bear company at the same time, then the others.
func (s *suite) all(t *testing.T, checks []check) {
	together := func(t *testing.T) {
		for _, c := range checks {
			if !c.alone {
				t.Run(c.name, func(t *testing.T) { t.Parallel(); s.one(t, c) })
			}
		}
	}
	t.Run("together", together)
	for _, c := range checks {
		if c.alone {
			t.Run(c.name, func(t *testing.T) { s.one(t, c) })
		}
	}
}

func (s *suite) one(t *testing.T, c check) {
	s.verdict(t, c.name, c.run(s, t))
}

// verdict compares what a check found with what the target says of itself.
func (s *suite) verdict(t testing.TB, name string, err error) {
	t.Helper()
	why, not := s.Not[name]
	switch {
	case not && err == nil:
		t.Errorf("%s holds, and is listed as not held (%s): take it off the list", name, why)
	case not:
		t.Logf("not held: %s: %s (%v)", name, why, err)
	case err != nil:
		t.Error(err)
	}
}
