package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

const (
	clockAhead = time.Minute      // a newest block so far in our future means a slow clock
	clockStale = 10 * time.Minute // one so far in our past, a fast clock or a chain that stands
)

// finding is one thing that doctor looked at.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"` // "ok", "warning" or "failed"
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// doctor collects findings.
type doctor struct {
	app      *app
	findings []finding
}

func (d *doctor) ok(check, format string, args ...any) {
	d.findings = append(d.findings, finding{check, "ok", fmt.Sprintf(format, args...), ""})
}

func (d *doctor) warn(check, fix, format string, args ...any) {
	d.findings = append(d.findings, finding{check, "warning", fmt.Sprintf(format, args...), fix})
}

func (d *doctor) fail(check, fix string, err error) {
	d.findings = append(d.findings, finding{check, "failed", err.Error(), fix})
}

func (a *app) doctorCmd() *cobra.Command {
	var held, sysroot string
	c := &cobra.Command{
		Use: "doctor", Short: "Check what a node needs, and say how to mend it",
		Long: `Check the data directory and its disk, the cards with driver, memory and link, key, profile,
chain, gas, clock, sandboxes, port, NAT and peers, by really using each of them: a job that
tries to reach this machine and the network beside it is one of the tests. Cards' memory is
what their drivers recorded of it; nothing is written into it. The exit code is 1 when
something is broken.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), held, sysroot) },
	}
	c.Flags().StringVar(&sysroot, "sysroot", "", "look at the cards below `directory` instead of this machine's, for tests")
	_ = c.Flags().MarkHidden("sysroot") // it was added just now
	c.Flags().StringVar(&held, "containers", containersHere, "`sandbox` of containers to try, as for rerig up")
	return c
}

func (a *app) doctor(ctx context.Context, held, sysroot string) error {
	d := &doctor{app: a}
	d.directory()
	d.disk()
	d.cards(ctx, sysroot)
	d.sandbox(ctx)
	if held != containersOff {
		d.containers(ctx, held)
		d.lan(ctx, held)
	}
	profile, err := a.profile()
	if err != nil {
		d.fail("profile", "rerig testnet up, or give another --network", err)
	} else {
		d.ok("profile", "%s: network %s, chain %d", a.profilePath(), profile.Name, profile.ChainID)
		addr := d.node(ctx, profile)
		d.signer(ctx)
		d.chain(ctx, profile, addr)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := a.print(d.findings, d.write); err != nil {
		return err
	}
	for _, f := range d.findings {
		if f.Status == "failed" {
			return &exitError{code: exitFailed}
		}
	}
	return nil
}

func (d *doctor) write(w io.Writer) error {
	marks := map[string]string{"ok": "✓", "warning": "!", "failed": "✗"}
	for _, f := range d.findings {
		fmt.Fprintf(w, "%s %-10s %s\n", marks[f.Status], f.Check, f.Detail)
		if f.Fix != "" {
			fmt.Fprintf(w, "  %-10s → %s\n", "", f.Fix)
		}
	}
	return nil
}

// directory writes a file where the node would.
func (d *doctor) directory() {
	dir := d.app.dir()
	err := os.MkdirAll(dir, 0o700)
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(dir, ".doctor-*")
	}
	if err == nil {
		_, err = f.WriteString("x")
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		d.fail("directory", "choose a directory you may write with --data-dir", err)
		return
	}
	d.ok("directory", "%s is writable", dir)
}

// node starts one, or asks the one that runs, and returns the address that pays.
func (d *doctor) node(ctx context.Context, profile *node.Profile) (addr protocol.Address) {
	s, err := d.app.connect(ctx)
	if errors.Is(err, client.ErrNoNode) {
		s, err = d.app.open(ctx)
	}
	var locked *node.LockedError
	switch {
	case errors.Is(err, node.ErrPassphrase):
		d.fail("key", "give the right --passphrase-file", err)
		return addr
	case errors.As(err, &locked):
		d.fail("node", "wait for it to start, or end it", err)
		return addr
	case err != nil:
		d.fail("node", "mend what it names and run rerig doctor again", err)
		return addr
	}
	defer func() {
		if err := s.Close(); err != nil { // of a node that doctor started
			d.fail("node", "mend what it names and run rerig doctor again", err)
		}
	}()
	addr = s.info.Payer
	d.ok("key", "address %s", s.info.Address)
	if !s.own {
		d.ok("node", "running with process ID %d", s.info.PID)
	}
	if s.info.Network != profile.Name {
		d.fail("node", "give the --network it was started with", fmt.Errorf("it is on network %s, not %s", s.info.Network, profile.Name))
	}
	for _, l := range s.info.Listen {
		d.ok("port", "listens on %s", l)
	}
	d.alarms(&s.info.Chain)
	peers, link := 0, node.LinkStatus{}
	err = poll(ctx, joinWait, func() (bool, error) {
		info, err := s.Info(ctx)
		if err == nil {
			peers, link = info.Peers, info.Link
		}
		return peers > 0, err
	})
	if err == nil && peers == 0 {
		err = errors.New("no peer answers")
	}
	if err != nil {
		d.fail("peers", "check that a bootstrap node of the profile is up and that a firewall lets it through", err)
		return addr
	}
	d.ok("peers", "%d connected", peers)
	d.link(&link, profile.Local)
	return addr
}

// signer asks the program that signs for the payer.
func (d *doctor) signer(ctx context.Context) {
	s, err := d.app.paySigner()
	if s == nil && err == nil {
		return
	}
	if err == nil {
		err = s.Check(ctx)
		_ = s.Close() // it says nothing that Check did not
	}
	if err != nil {
		d.fail("signer", "start the program that --signer names, with the key of --payer", err)
		return
	}
	d.ok("signer", "has the key of %s", s.Address())
}

// alarms tells what the node holds against its chain.
func (d *doctor) alarms(c *node.ChainInfo) {
	for _, a := range c.Alarms {
		d.fail("channel", "find out who else uses this key or what the endpoint did; then start the node again", &a)
	}
	for _, e := range c.Endpoints {
		if c.Online && !e.Used {
			d.warn("endpoint", "mend rpc in "+d.app.profilePath(), "%s is not used: %s", e.Name, e.Reason)
		}
	}
}

// chain contacts the RPC endpoint as settlement does.
func (d *doctor) chain(ctx context.Context, profile *node.Profile, addr protocol.Address) {
	nobody, err := protocol.NewKey()
	if err != nil {
		d.fail("chain", "", err)
		return
	}
	m := profile.Market()
	c, err := settle.New(settle.Config{RPC: profile.RPC, Domain: m.Domain, Token: m.Token, Key: nobody, Book: reading{}})
	if err != nil {
		d.fail("chain", "correct rpc in "+d.app.profilePath(), err)
		return
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1) // gets Run's result, once
	go func() { ended <- c.Run(running) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			d.fail("chain", "", err)
		}
	}()
	has, err := c.Balances(ctx, addr)
	if err != nil {
		d.fail("chain", "correct "+d.app.profilePath()+" or start the endpoint it names", err)
		return
	}
	d.ok("chain", "chain %d answers, escrow %s is a Rerig escrow", m.Domain.ChainID, m.Domain.Escrow)
	if v, err := c.VerifyEscrow(ctx); err != nil {
		d.fail("escrow", "use a profile whose escrow you have verified; docs/security.md says how", err)
	} else {
		d.ok("escrow", "its code is, to the byte, this version's contract: %s, code hash %s", v.Parameters, v.RuntimeCodeHash)
	}
	d.clock(ctx, c)
	switch {
	case addr.IsZero(): // already told why
	case has.Native.IsZero():
		d.warn("gas", "send some native coin to "+addr.String()+", or on a test network run rerig wallet init", "none: this node can neither buy nor collect")
	default:
		d.ok("gas", "%s ETH", wei(has.Native))
	}
}

// clock compares ours with the newest block's.
func (d *doctor) clock(ctx context.Context, c *settle.Client) {
	err := poll(ctx, joinWait, func() (bool, error) { return c.Online(), nil })
	st := c.Status()
	if err != nil || !st.Online {
		d.warn("clock", "", "not compared: %s", st.Reason)
		return
	}
	off := time.Since(st.HeadTime).Round(time.Second)
	switch {
	case off < -clockAhead:
		d.fail("clock", "set it, by NTP", fmt.Errorf("%v behind the chain's newest block", -off))
	case off > clockStale:
		d.warn("clock", "set the clock by NTP; if it is right, the chain stands still", "%v ahead of the chain's newest block", off)
	default:
		d.ok("clock", "block %d is %v old", st.Head, max(off, 0))
	}
}
