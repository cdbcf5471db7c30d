package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/rerig/rerig/protocol"
)

const controlRounds = 100

// control measures the machine itself in the same run, so that a noisy run shows:
// what spawning a trivial process and one fsync cost here and now.
func control(res results) error {
	var spawns, syncs []time.Duration
	f, err := os.CreateTemp("", "rerig-bench-fsync-")
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	for range controlRounds {
		begin := time.Now()
		if err := exec.Command("/bin/true").Run(); err != nil {
			return fmt.Errorf("control: %w", err)
		}
		spawns = append(spawns, time.Since(begin))
		begin = time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return fmt.Errorf("control: %w", err)
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("control: %w", err)
		}
		syncs = append(syncs, time.Since(begin))
	}
	res["control_spawn_p50_ms"], res["control_fsync_p50_ms"] = ms(quantile(spawns, 50)), ms(quantile(syncs, 50))
	return nil
}

// vouchers measures what signing and checking one costs a core.
func vouchers(res results) error {
	key, err := protocol.NewKey()
	if err != nil {
		return err
	}
	me := key.Address()
	d := protocol.Domain{ChainID: 31337, Escrow: protocol.Address{1}}
	ch := protocol.Channel{Payer: me, Signer: me, Payee: protocol.Address{2}, Operator: protocol.Address{3}, Token: protocol.Address{4}}
	v := protocol.Voucher{Channel: ch.ID(), Epoch: 1, Cumulative: protocol.NewAmount(1_000_000)}
	signed, err := protocol.SignVoucher(v, d, key)
	if err != nil {
		return err
	}
	sign, err1 := perSecond(func() error { _, err := protocol.SignVoucher(v, d, key); return err })
	verify, err2 := perSecond(func() error { return signed.Verify(d, ch, 1) })
	res["voucher_sign_per_s"], res["voucher_verify_per_s"] = sign, verify
	return errors.Join(err1, err2)
}

// perSecond is the median rate of f over short rounds of CPU time.
func perSecond(f func() error) (float64, error) {
	const rounds, calls = 21, 100
	var times []time.Duration
	for range rounds {
		begin := time.Now()
		for range calls {
			if err := f(); err != nil {
				return 0, err
			}
		}
		times = append(times, time.Since(begin))
	}
	return calls / quantile(times, 50).Seconds(), nil
}

// cpuTime is what this process and its ended children have used.
func cpuTime() (total time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return total
}

// loadAverage is the machine's over the last minute, 0 where it has none.
func loadAverage() (load float64) {
	b, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, _ = fmt.Sscan(strings.Fields(string(b))[0], &load) // stays 0 when unreadable
	}
	return load
}

// binarySize notes the size of a built binary, stripped as make builds it.
func binarySize(res results, key, path string) error {
	st, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(os.Stderr, "%s is not built; leaving its size out\n", path)
		return nil
	}
	if err != nil {
		return fmt.Errorf("size of the binary: %w", err)
	}
	res[key] = float64(st.Size()) / 1e6
	return nil
}
