package journal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// crashDirEnv makes the test binary the child of TestKilledNodeLosesNothing.
const crashDirEnv = "RERIG_JOURNAL_CRASH_DIR"

const crashJobs = 4

// crashWriter promises and credits unit after unit for several jobs at once and
// prints each when the journal has acknowledged it, until it is killed.
func crashWriter(dir string) {
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	ctx, ch := context.Background(), channel(1)
	j, err := Open(dir, Options{})
	check(err)
	go func() { check(j.Run(ctx)) }()
	check(j.SetOutChannel(ctx, domain, ch, funded(1<<50)))
	check(j.SetInChannel(ctx, domain, ch, funded(1<<50)))
	fmt.Println("began")
	pay := func(job protocol.Hash, total protocol.Amount) {
		v, err := j.Promise(ctx, ch.ID(), job, total)
		check(err)
		paid, err := j.Credit(ctx, ch.ID(), job, protocol.SignedVoucher{Voucher: v, Signature: protocol.Signature{1}}, total)
		check(err)
		fmt.Println("paid", job, paid, v.Cumulative)
	}
	var wg sync.WaitGroup
	for n := range uint64(crashJobs) {
		job := num(n)
		check(j.Reserve(ctx, ch.ID(), job, amt(1<<40)))
		check(j.ReserveIn(ctx, ch.ID(), job, amt(1<<40)))
		promised, err := jobPaid(ctx, j, protocol.RoleRequester, job)
		check(err)
		wg.Go(func() {
			total := promised
			for { // the first repeats what may have been promised and not credited
				pay(job, total)
				var err error
				total, err = total.Add(amt(1))
				check(err)
			}
		})
	}
	wg.Wait()
}

// jobPaid is what the book has for the job.
func jobPaid(ctx context.Context, j *Journal, role protocol.Role, job protocol.Hash) (paid protocol.Amount, err error) {
	err = j.view(ctx, func(r reader) error {
		res, _, err := reservationOf(r, role, job)
		paid = res.paid
		return err
	})
	return paid, err
}

func TestKilledNodeLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acked := map[protocol.Hash]protocol.Amount{} // over all lives
	var best protocol.Amount
	for range 15 {
		runAndKill(t, dir, rand.IntN(80), func(line string) {
			var job, paid, cumulative string
			if _, err := fmt.Sscanf(line, "paid %s %s %s", &job, &paid, &cumulative); err != nil {
				return // "began", or a line cut off by the kill: not acknowledged
			}
			id, err := protocol.ParseHash(job)
			must(t, err)
			p, err := protocol.ParseAmount(paid)
			must(t, err)
			c, err := protocol.ParseAmount(cumulative)
			must(t, err)
			acked[id], best = larger(acked[id], p), larger(best, c)
		})
		checkAfterKill(t, dir, acked, best)
	}
	if len(acked) != crashJobs {
		t.Fatalf("only %d jobs were ever acknowledged", len(acked))
	}
}

// runAndKill kills the child after it has acknowledged some writes, while it is
// making others, and hands over every whole line that it printed.
func runAndKill(t *testing.T, dir string, after int, line func(string)) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), crashDirEnv+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	in := bufio.NewReader(stdout)
	for n := 0; ; n++ {
		text, err := in.ReadString('\n')
		if err == io.EOF {
			break
		}
		must(t, err)
		line(text)
		if n == after {
			must(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait() // killed, as it should be
	if stderr.Len() > 0 {
		t.Fatalf("child: %s", &stderr)
	}
}

func checkAfterKill(t *testing.T, dir string, acked map[protocol.Hash]protocol.Amount, best protocol.Amount) {
	t.Helper()
	j, err := Open(dir, Options{})
	must(t, err)
	defer func() { must(t, j.Close()) }()
	var promised, credited protocol.Amount
	for n := range uint64(crashJobs) {
		out, err := jobPaid(t.Context(), j, protocol.RoleRequester, num(n))
		must(t, err)
		in, err := jobPaid(t.Context(), j, protocol.RoleRig, num(n))
		must(t, err)
		if in.Less(acked[num(n)]) || out.Less(in) {
			t.Fatalf("job %d: promised %s, credited %s, acknowledged %s", n, out, in, acked[num(n)])
		}
		if promised, err = promised.Add(out); err == nil {
			credited, err = credited.Add(in)
		}
		must(t, err)
	}
	out, err := j.OutChannel(t.Context(), channel(1).ID())
	must(t, err)
	in, err := j.InChannel(t.Context(), channel(1).ID())
	must(t, err)
	if out.Promised != promised || in.Credited != credited || in.Best.Voucher.Cumulative.Less(best) {
		t.Fatalf("promised %s credited %s best %s; the jobs have %s and %s, acknowledged %s",
			out.Promised, in.Credited, in.Best.Voucher.Cumulative, promised, credited, best)
	}
}
