package main

import (
	"bytes"
	"net"
	"slices"
	"testing"
)

// TestHostileGuestIsJudged holds what doctor makes of a job that gets somewhere: who answers,
// if only with a no, was reached.
func TestHostileGuestIsJudged(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := gone.Addr().String()
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	open := l.Addr().String()
	var said bytes.Buffer
	tryTargets(&said, []string{open, closed})
	if got, err := reachedBy(said.String(), "127.0.0.1:1"); err != nil || !slices.Equal(got, []string{open, closed}) {
		t.Errorf("reached %q, %v by %q", got, err, &said)
	}
	if got, err := reachedBy("kept 192.0.2.1:9\nrefused "+closed+"\ndone\n", closed); err != nil || len(got) > 0 {
		t.Errorf("a guest that was kept reached %q, %v", got, err)
	}
	if _, err := reachedBy("kept 192.0.2.1:9\n", closed); err == nil {
		t.Error("a guest that did not end well is believed")
	}
	if len(lanTargets()) == 0 || len(lanTargets()) > maxTargets {
		t.Errorf("targets are %q", lanTargets())
	}
}
