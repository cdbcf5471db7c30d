package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

// What the journal of a rig holds that is started again: each voucher paid for a job
// of its own. Half of the channels were closed and opened again on the way, with a
// voucher left to collect.
const (
	oldCustomers = 10_000
	jobsOfEach   = 10
	fillers      = 256 // at once: they share fsyncs
	restarts     = 5
)

// restart measures how long the built binary's rig takes from its start until it
// offers again, with 100,000 vouchers in its journal and with none.
func (f *field) restart(ctx context.Context, o options, res results) error {
	if _, err := os.Stat(o.binary); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(os.Stderr, "%s is not built; leaving the restart out\n", o.binary)
		return nil
	}
	if o.scale < 1 {
		fmt.Fprintln(os.Stderr, "leaving the restart with 100,000 vouchers out of a small run")
		return nil
	}
	profile := filepath.Join(f.dir, "profile.toml")
	if err := f.net.Profile.Write(profile); err != nil {
		return err
	}
	for name, customers := range map[string]int{"restart_empty_ms": 0, "restart_100k_vouchers_ms": oldCustomers} {
		dir := filepath.Join(f.dir, name)
		begin := time.Now()
		if err := f.fill(ctx, dir, customers); err != nil {
			return fmt.Errorf("fill a journal: %w", err)
		}
		filled := time.Since(begin)
		var all []time.Duration
		for n := range restarts + 1 {
			t, err := startUp(ctx, exec.Command(o.binary, "up", "--network", profile, "--data-dir", dir, "--listen", "127.0.0.1:0", "--quiet"), dir)
			if err != nil {
				return err
			}
			if n > 0 { // the first makes the key and compiles the self-test
				all = append(all, t)
			}
		}
		res[name] = ms(quantile(all, 50))
		fmt.Fprintf(os.Stderr, "restart with %6d vouchers: p50 %.0f ms (written in %.1f s)\n", customers*jobsOfEach, res[name], filled.Seconds())
	}
	return nil
}

// startUp is how long a node takes until it offers. It is ended in good order.
func startUp(ctx context.Context, cmd *exec.Cmd, dir string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd.Stderr = os.Stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start the node: %w", err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var err error
	for !offering(ctx, dir) && err == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			err = fmt.Errorf("wait for the restarted node: %w", ctx.Err())
		}
	}
	took := time.Since(begin)
	_ = cmd.Process.Signal(os.Interrupt) // Wait tells how it ended
	return took, errors.Join(err, cmd.Wait())
}

// fill makes the journal of a rig with jobsOfEach paid jobs for each customer.
func (f *field) fill(ctx context.Context, dir string, customers int) (err error) {
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	running, ctx := errgroup.WithContext(ctx)
	stop, cancel := context.WithCancel(ctx)
	running.Go(func() error { return j.Run(stop) })
	work, all := errgroup.WithContext(ctx)
	work.SetLimit(fillers)
	for n := range customers {
		work.Go(func() error { return f.customer(all, j, uint64(n)) })
	}
	err = work.Wait()
	cancel()
	return errors.Join(err, running.Wait())
}

// customer journals what a rig does for one customer's jobs. The journal does not
// look at signatures.
func (f *field) customer(ctx context.Context, j *journal.Journal, n uint64) error {
	domain := f.net.Profile.Market().Domain
	ch := protocol.Channel{Payer: numbered(1, n), Signer: numbered(1, n), Payee: numbered(2, 0), Operator: numbered(2, 0), Token: f.net.Profile.Market().Token}
	st := protocol.ChannelState{Funded: protocol.NewAmount(1_000_000)}
	var paid uint64
	for i := range uint64(jobsOfEach) {
		if i == jobsOfEach/2 && n%2 == 0 {
			st.Epoch, paid = 1, 0
		}
		if i == 0 || paid == 0 {
			if err := j.SetInChannel(ctx, domain, ch, st); err != nil {
				return err
			}
		}
		rec := paidJob(ch, st.Epoch, n*jobsOfEach+i)
		if err := j.PutAndReserveIn(ctx, rec); err != nil {
			return err
		}
		paid += 1000
		rec.Job.State, rec.Job.Ended, rec.Job.Paid = protocol.StateSettled, true, protocol.NewAmount(1000)
		v := protocol.SignedVoucher{Voucher: protocol.Voucher{Channel: ch.ID(), Epoch: st.Epoch, Cumulative: protocol.NewAmount(paid)},
			Signature: protocol.Signature{1}}
		if err := j.PutAndCredit(ctx, rec, v, protocol.NewAmount(1000)); err != nil {
			return err
		}
	}
	return nil
}

// paidJob is the record of a job that is as large as most are.
func paidJob(ch protocol.Channel, epoch uint32, n uint64) (rec protocol.Record) {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], n)
	rec.Job.ID, rec.Job.Role = protocol.Keccak(seed[:]), protocol.RoleRig
	rec.Channel, rec.Epoch, rec.Run, rec.Created = ch, epoch, rec.Job.ID, 1_700_000_000_000+n
	rec.Agreement.MaxTotal, rec.Agreement.Requester = protocol.NewAmount(2000), ch.Payer
	rec.Peer, rec.SpecCID = "16Uiu2HAmVSYnzM3BmXomqJRSR6TLyZGofx1TpKwgBEdBMYwzC4Pa", "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
	rec.Spec = append(make([]byte, 300), ch.Payer[:]...)
	return rec
}

// numbered is an address that differs for each kind and number.
func numbered(kind byte, n uint64) (a protocol.Address) {
	a[0] = kind
	binary.BigEndian.PutUint64(a[12:], n)
	return a
}
