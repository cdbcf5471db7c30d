//go:build linux

package hardware_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rerig/rerig/node/hardware"
)

// model is what must be true of a ledger, kept beside it.
type model struct {
	t      testing.TB
	w      *world
	reader *hardware.Ledger
	jobs   map[string]int // running jobs to their owners
	has    map[int]string // cards by number to the job that has them
	alive  map[int]uint64 // processes
	next   int            // job and process numbers
	boots  int
	marks  uint64
}

func (m *model) number(address string) int {
	return slices.IndexFunc(m.w.cards, func(c hardware.Card) bool { return c.Address == address })
}

// dies forgets what a process had.
func (m *model) dies(pid int) {
	delete(m.alive, pid)
	for job, owner := range m.jobs {
		if owner == pid {
			m.forget(job)
		}
	}
}

func (m *model) forget(job string) {
	delete(m.jobs, job)
	for i, j := range m.has {
		if j == job {
			delete(m.has, i)
		}
	}
}

func (m *model) process(r *rapid.T) int {
	pids := []int{}
	for pid := range m.alive {
		pids = append(pids, pid)
	}
	if len(pids) == 0 || len(pids) < 3 && rapid.Bool().Draw(r, "new process") {
		m.next++
		pid := 100 + m.next%4 // IDs are used again
		if _, ok := m.alive[pid]; !ok {
			m.alive[pid] = uint64(m.next)
			m.w.start(m.t, pid, uint64(m.next))
		}
		return pid
	}
	slices.Sort(pids)
	return rapid.SampledFrom(pids).Draw(r, "process")
}

func (m *model) take(r *rapid.T) {
	pid := m.process(r)
	m.next++
	job := fmt.Sprint("job-", m.next)
	before := m.w.look(m.t.Context())
	got, err := m.w.ledger(pid).Take(m.t.Context(), job, hardware.Want{Count: rapid.IntRange(1, 3).Draw(r, "count")})
	var none *hardware.NoCardError
	if errors.As(err, &none) {
		return
	} else if err != nil {
		r.Fatal(err)
	}
	m.jobs[job] = pid
	for _, c := range got {
		i := m.number(c.Address)
		if other, ok := m.has[i]; ok {
			r.Fatalf("card %d of %s leased to %s too", i, other, job)
		}
		if was := before.Cards[i]; *was.VRAMUsedMiB > 512 || len(was.Holders) > 0 || slices.ContainsFunc(was.Faults, func(f hardware.Fault) bool { return f.Present }) {
			r.Fatalf("card %d leased although %+v", i, was)
		}
		m.has[i] = job
	}
}

func (m *model) job(r *rapid.T) string {
	jobs := []string{}
	for j := range m.jobs {
		jobs = append(jobs, j)
	}
	if len(jobs) == 0 {
		r.Skip("no job")
	}
	slices.Sort(jobs)
	return rapid.SampledFrom(jobs).Draw(r, "job")
}

func (m *model) release(r *rapid.T) {
	job := m.job(r)
	if err := m.w.ledger(m.jobs[job]).Release(m.t.Context(), job); err != nil {
		r.Fatal(err)
	}
	m.forget(job)
}

// releaseAndDie cuts a release off while the card is looked at.
func (m *model) releaseAndDie(r *rapid.T) {
	job := m.job(r)
	pid := m.jobs[job]
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	l := hardware.NewLedger(hardware.LedgerConfig{Path: filepath.Join(m.w.dir, "cards.json"), Sources: hardware.Below(m.w.root), PID: pid,
		Look: func(ctx context.Context) hardware.Survey { cancel(); return m.w.look(ctx) }})
	if err := l.Release(ctx, job); !errors.Is(err, context.Canceled) {
		r.Fatalf("release that was cut off: %v", err)
	}
	m.w.kill(m.t, pid)
	m.dies(pid)
}

func (m *model) crash(r *rapid.T) {
	pid := m.process(r)
	m.w.kill(m.t, pid)
	if rapid.Bool().Draw(r, "orphan") {
		for i, job := range m.has {
			if m.jobs[job] == pid {
				m.w.set(i, func(c *hardware.Card) {
					*c.VRAMUsedMiB, c.Holders = 5000, []hardware.Holder{{PID: 9000 + i, Name: "orphan", Compute: true}}
				})
			}
		}
	}
	m.dies(pid)
}

func (m *model) restart(*rapid.T) {
	m.boots++
	m.w.boot(m.t, fmt.Sprint("boot-", m.boots))
	for pid := range m.alive {
		m.dies(pid)
	}
	for i := range m.w.cards {
		m.heal(i)
	}
}

func (m *model) heal(i int) {
	m.w.set(i, func(c *hardware.Card) { *c.VRAMUsedMiB, c.Holders, c.Faults = 0, nil, nil })
}

func (m *model) trouble(r *rapid.T) {
	i := rapid.IntRange(0, len(m.w.cards)-1).Draw(r, "card")
	m.marks++
	m.w.set(i, func(c *hardware.Card) {
		switch rapid.SampledFrom([]string{"xid-79", "ecc", "off-bus", "xid-31", "memory", "heal"}).Draw(r, "trouble") {
		case "xid-79":
			c.Faults = []hardware.Fault{{Kind: "xid-79", Mark: m.marks, Text: "gone", Serious: true}}
		case "ecc":
			c.Faults = []hardware.Fault{{Kind: "ecc", Mark: m.marks, Text: "bits", Serious: true}}
		case "off-bus":
			c.Faults = []hardware.Fault{{Kind: "off-bus", Text: "no answer", Serious: true, Present: true}}
		case "xid-31":
			c.Faults = []hardware.Fault{{Kind: "xid-31", Mark: m.marks, Text: "a program's"}}
		case "memory":
			*c.VRAMUsedMiB = 2000
		case "heal":
			*c.VRAMUsedMiB, c.Holders, c.Faults = 0, nil, nil
		}
	})
}

func (m *model) lift(r *rapid.T) {
	v := m.w.look(m.t.Context())
	_ = m.reader.Lift(m.t.Context(), &v.Cards[rapid.IntRange(0, len(v.Cards)-1).Draw(r, "card")]) // may be in no quarantine, or still be broken
}

func (m *model) wait(r *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{time.Minute, 2 * time.Hour, 25 * time.Hour}).Draw(r, "wait")
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.w.now = m.w.now.Add(d)
}

func (m *model) scrub(r *rapid.T) {
	if err := m.w.ledger(m.process(r)).Scrub(m.t.Context(), nil); err != nil {
		r.Fatal(err)
	}
}

// check compares the ledger with the model: leased is exactly what jobs have.
func (m *model) check(r *rapid.T) {
	_, all, err := m.reader.Read(m.t.Context())
	if err != nil || len(all) != len(m.w.cards) {
		r.Fatalf("%d cards, %v", len(all), err)
	}
	for i, s := range all {
		if job := m.has[i]; (s.State == hardware.StateLeased) != (job != "") || s.Job != job {
			r.Fatalf("card %d is %+v, and %q has it", i, s, job)
		}
	}
}

// TestNoCardTwiceNoneLost plays random lives of a rig: jobs, crashes at any point, restarts
// and faults. No card is ever leased twice, and at the end every card is free again.
func TestNoCardTwiceNoneLost(t *testing.T) {
	t.Parallel()
	memory := memoryDir(t)
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, rapid.IntRange(1, 4).Draw(r, "cards"))
		w.dir = filepath.Join(memory, fmt.Sprint(time.Now().UnixNano()))
		m := &model{t: t, w: w, reader: w.ledger(1), jobs: map[string]int{}, has: map[int]string{}, alive: map[int]uint64{}}
		m.restart(r)
		r.Repeat(map[string]func(*rapid.T){"take": m.take, "take more": m.take, "release": m.release, "release and die": m.releaseAndDie,
			"crash": m.crash, "restart": m.restart, "trouble": m.trouble, "lift": m.lift, "wait": m.wait, "scrub": m.scrub, "": m.check})
		m.restart(r)
		w.start(t, 50, 1)
		l := w.ledger(50)
		if err := l.Scrub(t.Context(), nil); err != nil {
			r.Fatal(err)
		}
		w.mu.Lock()
		w.now = w.now.Add(48 * time.Hour)
		w.mu.Unlock()
		v := w.look(t.Context())
		for i := range v.Cards {
			if err := l.Lift(t.Context(), &v.Cards[i]); err != nil && !errors.Is(err, hardware.ErrNotQuarantined) {
				r.Fatal(err)
			}
		}
		if err := l.Scrub(t.Context(), nil); err != nil {
			r.Fatal(err)
		}
		if got, err := l.Take(t.Context(), "all", hardware.Want{Count: len(w.cards)}); err != nil || len(got) != len(w.cards) {
			r.Fatalf("cards were lost: %v, %v", len(got), err)
		}
	})
}

// memoryDir is a directory whose syncs cost nothing, where there is one: thousands of them
// make a test on a busy disk slow and prove no more.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "rerig-cards-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestManyAtOnce lets processes fight for cards.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	var mu sync.Mutex
	held := map[string]string{}
	var all sync.WaitGroup
	for p := range 4 {
		w.start(t, 100+p, 5)
		all.Go(func() {
			l := w.ledger(100 + p)
			for n := range 10 {
				job := fmt.Sprintf("%d-%d", p, n)
				got, err := l.Take(t.Context(), job, hardware.Want{Count: 1 + n%2})
				var none *hardware.NoCardError
				if errors.As(err, &none) {
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, c := range got {
					if other := held[c.Address]; other != "" {
						t.Errorf("%s has %s, and so has %s", job, c.Address, other)
					}
					held[c.Address] = job
				}
				mu.Unlock()
				mu.Lock()
				for _, c := range got {
					held[c.Address] = ""
				}
				mu.Unlock()
				if err := l.Release(t.Context(), job); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	wantStates(t, w, w.ledger(100), "free", "free", "free")
}

// TestKilledHolder kills a real process while it takes and gives back cards, at whatever
// point that is, and finds the ledger whole and every card free.
func TestKilledHolder(t *testing.T) {
	if dir := os.Getenv("RERIG_TEST_LEDGER"); dir != "" {
		holdForever(t, dir)
		return
	}
	t.Parallel()
	w := newWorld(t, 2)
	for round := range 8 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledHolder$")
		cmd.Env = append(os.Environ(), "RERIG_TEST_LEDGER="+w.dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 1 + round { // so far, and then anywhere
			lines.Scan()
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		l := realLedger(w)
		if err := l.Scrub(t.Context(), nil); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		wantStates(t, w, l, "free", "free")
	}
}

// realLedger goes by the real machine's processes.
func realLedger(w *world) *hardware.Ledger {
	return hardware.NewLedger(hardware.LedgerConfig{Path: filepath.Join(w.dir, "cards.json"), Sources: hardware.Machine(), Look: w.look,
		Limits: hardware.Limits{ScrubTime: 20 * time.Millisecond}})
}

func holdForever(t *testing.T, dir string) {
	w := newWorld(t, 2)
	w.dir = dir
	l := realLedger(w)
	for n := 0; ; n++ {
		job := fmt.Sprint("job-", n)
		_, err := l.Take(t.Context(), job, hardware.Want{Count: 1 + n%2})
		fmt.Println("took", n)
		if err = errors.Join(err, l.Release(t.Context(), job)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}
