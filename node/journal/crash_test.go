package journal

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// crashDirEnv makes the test binary a child that writes until it is killed, or until
// it has told as much as crashTellsEnv says.
const (
	crashDirEnv   = "RERIG_JOURNAL_CRASH_DIR"
	crashTellsEnv = "RERIG_JOURNAL_CRASH_TELLS"
)

const crashJobs = 4

// crashWriter promises and credits unit after unit for several jobs at once, keeps
// records, transactions and cursors beside them, and prints each when the journal has
// acknowledged it.
func crashWriter(dir string) {
	most, _ := strconv.Atoi(os.Getenv(crashTellsEnv)) // 0 has no end
	var mu sync.Mutex
	tell := func(words ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(words...)
		if most--; most == 0 {
			os.Exit(0) // without closing anything
		}
	}
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
		tell("paid", job, paid, v.Cumulative)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := nextKept(ctx, j); ; n++ {
			check(j.PutRecord(ctx, crashRecord(n)))
			check(j.PutTx(ctx, protocol.Tx{Hash: num(n), From: addr(1), Nonce: n, Raw: make([]byte, 200), Status: protocol.TxPending}))
			check(j.PutMeta(ctx, fmt.Sprint("cursor ", n%3), fmt.Append(nil, n)))
			tell("kept", n)
		}
	})
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

// nextKept is where the life before left off.
func nextKept(ctx context.Context, j *Journal) (n uint64) {
	for i := range 3 {
		val, _ := j.Meta(ctx, fmt.Sprint("cursor ", i)) // none in the first life
		if at, err := strconv.ParseUint(string(val), 10, 64); err == nil {
			n = max(n, at+1)
		}
	}
	return n
}

func crashRecord(n uint64) protocol.Record {
	rec := record(protocol.RoleRequester, 1000+n, n)
	rec.Spec = fmt.Append(make([]byte, 700), n/4)
	return rec
}

// heard is what children have told, over all their lives.
type heard struct {
	paid map[protocol.Hash]protocol.Amount
	best protocol.Amount
	kept int // records, transactions and cursors
}

// line takes one that is whole: what a kill cut off was not acknowledged.
func (h *heard) line(t *testing.T, line string) {
	t.Helper()
	var job, paid, cumulative string
	var n int
	if _, err := fmt.Sscanf(line, "kept %d\n", &n); err == nil {
		h.kept = max(h.kept, n+1)
	}
	if _, err := fmt.Sscanf(line, "paid %s %s %s\n", &job, &paid, &cumulative); err != nil {
		return
	}
	id, err := protocol.ParseHash(job)
	must(t, err)
	p, err := protocol.ParseAmount(paid)
	must(t, err)
	c, err := protocol.ParseAmount(cumulative)
	must(t, err)
	if h.paid == nil {
		h.paid = map[protocol.Hash]protocol.Amount{}
	}
	h.paid[id], h.best = larger(h.paid[id], p), larger(h.best, c)
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
	var acked heard
	for range 15 {
		runAndKill(t, dir, rand.IntN(80), func(line string) { acked.line(t, line) })
		acked.check(t, dir)
	}
	if len(acked.paid) != crashJobs || acked.kept == 0 {
		t.Fatalf("only %d jobs and %d records were ever acknowledged", len(acked.paid), acked.kept)
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

// check opens the journal: all that was told is in it, and its sums agree.
func (h *heard) check(t *testing.T, dir string) {
	t.Helper()
	j, err := Open(dir, Options{})
	must(t, err)
	defer func() { must(t, j.Close()) }()
	if len(h.paid) == 0 && h.kept == 0 {
		return // not even the channels may be there
	}
	ctx := t.Context()
	var promised, credited protocol.Amount
	for n := range uint64(crashJobs) {
		out, err := jobPaid(ctx, j, protocol.RoleRequester, num(n))
		must(t, err)
		in, err := jobPaid(ctx, j, protocol.RoleRig, num(n))
		must(t, err)
		if in.Less(h.paid[num(n)]) || out.Less(in) {
			t.Fatalf("job %d: promised %s, credited %s, acknowledged %s", n, out, in, h.paid[num(n)])
		}
		if promised, err = promised.Add(out); err == nil {
			credited, err = credited.Add(in)
		}
		must(t, err)
	}
	out, err := j.OutChannel(ctx, channel(1).ID())
	must(t, err)
	in, err := j.InChannel(ctx, channel(1).ID())
	must(t, err)
	_, earned, err := j.Earned(ctx, 0)
	must(t, err)
	if out.Promised != promised || in.Credited != credited || earned != credited || in.Best.Voucher.Cumulative.Less(h.best) {
		t.Fatalf("promised %s credited %s earned %s best %s; the jobs have %s and %s, acknowledged %s",
			out.Promised, in.Credited, earned, in.Best.Voucher.Cumulative, promised, credited, h.best)
	}
	for n := range uint64(h.kept) {
		want := crashRecord(n)
		got, err := j.Record(ctx, want.Job.Role, want.Job.ID)
		must(t, err)
		if !bytes.Equal(got.Spec, want.Spec) {
			t.Fatalf("record %d has another spec", n)
		}
		_, err = j.Tx(ctx, num(n))
		must(t, err)
	}
	for n := max(0, h.kept-3); n < h.kept; n++ {
		val, err := j.Meta(ctx, fmt.Sprint("cursor ", n%3))
		must(t, err)
		if at, err := strconv.Atoi(string(val)); err != nil || at < n {
			t.Fatalf("cursor %d is at %q, was told to be at %d", n%3, val, n)
		}
	}
}
