package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rerig/rerig/node"
)

const (
	// guestEnv makes this program a guest of doctor's: it tries to connect to the addresses
	// in it, and says what came of that. It does nothing that a job could not do by itself.
	guestEnv = "RERIG_DOCTOR_GUEST"
	// guestDial is how long it tries each.
	guestDial = 2 * time.Second
	// maxTargets keeps a machine with many interfaces from a long test.
	maxTargets = 16
	// metadataHost is where clouds tell a machine its secrets.
	metadataHost = "169.254.169.254:80"
)

// doctorGuest is main inside the sandbox. It reports whether this process is one.
func doctorGuest() bool {
	targets := os.Getenv(guestEnv)
	if targets == "" {
		return false
	}
	tryTargets(os.Stdout, strings.Split(targets, ","))
	return true
}

// tryTargets tries to connect to each, and writes a line of what came of it.
func tryTargets(w io.Writer, targets []string) {
	for _, target := range targets {
		conn, err := net.DialTimeout("tcp", target, guestDial)
		switch {
		case err == nil:
			_ = conn.Close() // it was only to be reached
			fmt.Fprintln(w, "reached", target)
		case errors.Is(err, syscall.ECONNREFUSED): // somebody said no: packets go there and back
			fmt.Fprintln(w, "refused", target)
		default:
			fmt.Fprintln(w, "kept", target)
		}
	}
	fmt.Fprintln(w, "done")
}

// reachedBy are the targets that a guest got to, by what it wrote. Its own loopback, which has
// the address of this machine's, may refuse it.
func reachedBy(said, loopback string) (reached []string, err error) {
	if !strings.HasSuffix(said, "done\n") {
		return nil, fmt.Errorf("the guest said %q", clipText(said, 200))
	}
	for line := range strings.Lines(said) {
		verdict, target, _ := strings.Cut(strings.TrimSpace(line), " ")
		if verdict == "reached" || verdict == "refused" && target != loopback {
			reached = append(reached, target)
		}
	}
	return reached, nil
}

// lan runs a hostile job: one that tries to reach this machine and what is beside it.
func (d *doctor) lan(ctx context.Context, held string) {
	if held != node.HeldByGvisor && held != node.HeldByNamespaces {
		return
	}
	reached, tried, err := tryLAN(ctx, held)
	switch {
	case err != nil:
		d.warn("lan", "containers are not sold until their self-test passes; mend what it names", "a job that tries to reach the LAN could not be run: %v", err)
	case len(reached) > 0:
		d.fail("lan", "do not sell here, and report this: rerig up --containers off", fmt.Errorf("a job in %s reached %s", held, strings.Join(reached, ", ")))
	default:
		d.ok("lan", "a hostile job in %s reached none of %d addresses: this machine's, its loopback, the network's beside it", held, tried)
	}
}

func tryLAN(ctx context.Context, held string) (reached []string, tried int, err error) {
	dir, err := os.MkdirTemp("", "rerig-doctor-")
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	var visits atomic.Int32
	over := make(chan struct{}) // closed when nobody is let in any more
	go func() {
		defer close(over)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			visits.Add(1)
			_ = conn.Close() // that it came is all there is to know
		}
	}()
	targets := append(lanTargets(), l.Addr().String())
	said, err := node.RunGuest(ctx, held, dir, []string{guestEnv + "=" + strings.Join(targets, ",")})
	_ = l.Close() // it was only listened on
	<-over
	if err == nil {
		reached, err = reachedBy(said, l.Addr().String())
	}
	if visits.Load() > 0 {
		reached = append(reached, "this machine's loopback")
	}
	return reached, len(targets), err
}

// lanTargets are addresses that no job may reach: this machine's own, those which are usually
// the router's, and a cloud's metadata. Port 9 is closed nearly everywhere, and says so to who
// gets there.
func lanTargets() (list []string) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return []string{metadataHost}
	}
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.IsLoopback() || len(list) > maxTargets-3 {
			continue
		}
		list = append(list, net.JoinHostPort(n.IP.String(), "9"))
		if four := n.IP.To4(); four != nil {
			router := four.Mask(n.Mask)
			router[3]++
			list = append(list, net.JoinHostPort(router.String(), "9"), net.JoinHostPort(router.String(), "53"))
		}
	}
	return append(list, metadataHost)
}
