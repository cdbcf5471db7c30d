//go:build unix

package governor

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const asRig = "GOVERNOR_TEST_RIG" // this binary is a rig with its directory there, to be killed

func TestMain(m *testing.M) {
	if dir := os.Getenv(asRig); dir != "" {
		g, err := New(rigConfig(dir, "sh", "-c", "(trap '' HUP TERM; while :; do sleep 1; done) & echo $! >"+filepath.Join(dir, "grandchild")+"; wait"))
		if err == nil {
			err = g.Run(context.Background())
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// machine is one card whose readings are set, and whose owner is kept in memory.
type machine struct {
	mu      sync.Mutex
	reading Reading
	owned   bool
	dirty   error
}

func (m *machine) Latest() []Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.reading
	r.At = time.Now()
	return []Seen{{Card: Card{ID: "0000:01:00.0", Name: "RTX 3060", UUID: "GPU-1"}, Reading: r}}
}

func (m *machine) Claim(context.Context, string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owned {
		return fmt.Errorf("the card is taken")
	}
	m.owned = true
	return nil
}

func (m *machine) Free(context.Context, string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owned = false
	return m.dirty
}

func (m *machine) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

const theCard = "0000:01:00.0"

func rigConfig(dir string, command ...string) Config {
	kwh, revenue := PerKWh(150_000), Rate(90_000)
	m := &machine{}
	return Config{Price: 48_000, KWh: &kwh, Revenue: &revenue, Command: command, Dir: dir, Readings: m, Claims: m, Changed: func() {},
		EndJob: func(string) {}, Clock: time.Now, Tick: 20 * time.Millisecond, StopTime: 30 * time.Second, Logger: slog.New(slog.DiscardHandler)}
}

// begin runs a governor until the test ends.
func begin(t *testing.T, cfg Config) *Governor {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return g
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for over := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(over) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

func miner(g *Governor) MinerStatus {
	if r := g.Report(); len(r.Cards) == 1 && r.Cards[0].Miner != nil {
		return *r.Cards[0].Miner
	}
	return MinerStatus{}
}

func running(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return runtime.GOOS != "linux"
	}
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(f) > 0 && f[0][0] != 'Z' && f[0][0] != 'X'
}

// TestHandOver: the command runs with the card's name, gives way to a job, comes back after
// it, and ends with the governor.
func TestHandOver(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RERIG_SECRET", "x")
	cfg := rigConfig(dir, "sh", "-c", `trap 'echo bye; exit 0' TERM; echo "$0 $RERIG_CARD $RERIG_CARD_UUID $RERIG_SECRET."; while :; do sleep 0.02; done`, "{index}={uuid}")
	m := cfg.Claims.(*machine)
	g := begin(t, cfg)
	until(t, "the command runs", func() bool { return miner(g).State == "runs" })
	first := miner(g)
	logged := func(want string) {
		t.Helper()
		until(t, "the log says "+want, func() bool { b, _ := os.ReadFile(first.Log); return strings.Contains(string(b), want) })
	}
	logged("0=GPU-1 0000:01:00.0 GPU-1 .\n")
	if why := g.Sold(theCard); why != "" {
		t.Errorf("while mining is tried the card is not for jobs: %s", why)
	}
	if err := g.Yield(t.Context(), "job 1", []string{theCard}); err != nil {
		t.Fatal(err)
	}
	if m.owned || running(first.PID) {
		t.Errorf("a job has the card, and the command %d too", first.PID)
	}
	logged("bye")
	until(t, "the card is the job's", func() bool { r := g.Report(); return r.Cards[0].Mode == ModeJob && r.Cards[0].Holder == "job 1" })
	g.Return("job 1", []string{theCard})
	until(t, "the command runs again", func() bool { st := miner(g); return st.State == "runs" && st.PID != first.PID })
	if st := miner(g); st.Starts != 2 || st.Handover != 1 || st.StopMS < 1 || st.StartMS < 1 || st.Crashes != 0 {
		t.Errorf("the command's status is %+v", st)
	}
	if err := g.Pause(theCard, true); err != nil {
		t.Fatal(err)
	}
	until(t, "a paused card is free", func() bool { return miner(g).State == "stopped" })
	if err := g.Pause("0000:09:00.0", true); err == nil {
		t.Error("a card that is not there is paused")
	}
	if err := g.Pause("", true); err != nil {
		t.Fatal(err)
	}
	if err := g.Pause(theCard, false); err != nil { // one of all
		t.Fatal(err)
	}
	until(t, "the command runs a third time", func() bool { return miner(g).State == "runs" })
	m.set(func() { m.dirty = fmt.Errorf("900 MiB are still taken") })
	if err := g.Yield(t.Context(), "job 2", []string{theCard}); err == nil || !strings.Contains(err.Error(), "900 MiB") {
		t.Errorf("a card that is not clean is given away: %v", err)
	}
	m.set(func() { m.dirty = nil })
	until(t, "the command runs a fourth time", func() bool { return miner(g).State == "runs" })
}

// TestStubbornCommand: one that does not heed SIGTERM is killed, with all that it started.
func TestStubbornCommand(t *testing.T) {
	dir := t.TempDir()
	pids := filepath.Join(dir, "pids")
	cfg := rigConfig(dir, "sh", "-c", "trap '' TERM; (while :; do sleep 0.02; done) & echo $$ $! >"+pids+"; while :; do sleep 0.02; done")
	cfg.StopTime = 100 * time.Millisecond
	g := begin(t, cfg)
	var both []string
	until(t, "both run", func() bool { b, _ := os.ReadFile(pids); both = strings.Fields(string(b)); return len(both) == 2 })
	until(t, "the command runs", func() bool { return miner(g).State == "runs" })
	if err := g.Yield(t.Context(), "job", []string{theCard}); err != nil {
		t.Fatal(err)
	}
	for _, pid := range both {
		if n, err := strconv.Atoi(pid); err != nil || running(n) {
			t.Errorf("process %s still runs", pid)
		}
	}
	g.Return("job", []string{theCard})
}

// TestCrashLoop: a command that ends by itself is left alone for longer each time, and the
// card is free meanwhile.
func TestCrashLoop(t *testing.T) {
	cfg := rigConfig(t.TempDir(), "sh", "-c", "echo no card; exit 3")
	g := begin(t, cfg)
	until(t, "it has crashed", func() bool { return miner(g).Crashes == 1 })
	st := miner(g)
	if wait := time.Until(st.NextTry); st.State != "rests" || !strings.Contains(st.LastEnd, "3") || wait > 5*time.Second {
		t.Errorf("after a crash the command's status is %+v", st)
	}
	if err := g.Yield(t.Context(), "job", []string{theCard}); err != nil {
		t.Error(err)
	}
	g.Return("job", []string{theCard})
	var b backoff
	var total time.Duration
	for range 20 {
		total += b.after(0)
	}
	if total < 2*time.Hour || total > 4*time.Hour {
		t.Errorf("twenty crashes take %v", total)
	}
	if wait := b.after(time.Hour); wait != 5*time.Second {
		t.Errorf("after an hour's run it is left alone for %v", wait)
	}
	none := rigConfig(t.TempDir(), "/nowhere/miner")
	g2 := begin(t, none)
	until(t, "it is said that there is no such program", func() bool { return strings.Contains(miner(g2).LastEnd, "no such file") })
}

// TestKilledRigLeavesNoMiner kills a rig; the kernel ends its command, and the next run what
// that had started.
func TestKilledRigLeavesNoMiner(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: elsewhere a command outlives its rig and must be ended by hand")
	}
	dir := t.TempDir()
	rig := exec.Command(os.Args[0])
	rig.Env = append(os.Environ(), asRig+"="+dir)
	if err := rig.Start(); err != nil {
		t.Fatal(err)
	}
	grandchild := 0
	until(t, "the command has started another", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "grandchild"))
		grandchild, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return grandchild > 0
	})
	if err := rig.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = rig.Wait()
	if !running(grandchild) {
		t.Fatal("what the command started is gone already: this test shows nothing")
	}
	if _, err := New(rigConfig(dir, "true")); err != nil {
		t.Fatal(err)
	}
	until(t, "it is gone", func() bool { return !running(grandchild) })
}

// TestLogIsBounded: a command that writes for days fills no disk.
func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.log")
	l, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	line := bytes.Repeat([]byte("x"), 100_000)
	for range 50 {
		if n, err := l.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if n, err := l.Write(bytes.Repeat([]byte("y"), 3<<20)); n != 3<<20 || err != nil {
		t.Fatal(n, err)
	}
	for _, p := range []string{path, path + ".old"} {
		st, err := os.Stat(p)
		if err != nil || st.Size() > logBytes || st.Size() == 0 {
			t.Errorf("%s: %v, %v", p, st, err)
		}
	}
}

// TestAutoFollowsTheMarket: the median of what others ask, and never below the floor.
func TestAutoFollowsTheMarket(t *testing.T) {
	cfg := rigConfig(t.TempDir(), "sleep", "1000")
	cfg.Auto = true
	asks := make(chan []Rate, 2)
	cfg.Market = func(context.Context) ([]Rate, error) { return <-asks, nil }
	asks <- []Rate{90_000, 50_000, 70_000}
	g := begin(t, cfg)
	until(t, "it asks the median", func() bool { return g.Ask() == 70_000 })
	if r := g.Report(); r.Median != 70_000 || r.Asks != 3 || !r.MarketKnown || !r.Auto {
		t.Errorf("the report is %+v", r)
	}
	if err := g.SetPrice(80_000, false); err != nil {
		t.Fatal(err)
	}
	until(t, "it asks what the miner says", func() bool { return g.Ask() == 80_000 })
	if err := g.SetPrice(0, false); err != nil {
		t.Fatal(err)
	}
	until(t, "it asks the floor", func() bool { r := g.Report(); return r.Ask > 0 && r.Ask == r.Cards[0].Sum.Floor })
	if err := g.SetPrice(-1, false); err == nil {
		t.Error("it pays for jobs")
	}
}

// TestMemory: what was learned and wished is there after a restart; rubbish is as nothing.
func TestMemory(t *testing.T) {
	dir := t.TempDir()
	m := memory{Version: 1, Cards: map[string]State{theCard: {Draw: Draw{Job: 170_000}}}, Paused: []string{theCard}}
	if err := m.save(dir); err != nil {
		t.Fatal(err)
	}
	g, err := New(rigConfig(dir, "true"))
	if err != nil {
		t.Fatal(err)
	}
	g.decide(time.Now())
	r := g.Report()
	if r.Cards[0].Sum.Power != 170_000 || r.Cards[0].Mode != ModePaused || r.Ask != 48_000 {
		t.Errorf("after a restart it is %+v", r)
	}
	if err := os.WriteFile(filepath.Join(dir, memoryFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(rigConfig(dir, "true")); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Config){
		"no tariff": func(c *Config) { c.KWh = nil }, "--mining-revenue": func(c *Config) { c.Revenue = nil },
		"stop temperature": func(c *Config) { c.Policy.TempStop = 200 }, "resume temperature": func(c *Config) { c.Policy.TempStop = 80; c.Policy.TempResume = 80 },
		"margin": func(c *Config) { c.Policy.Margin = -1 },
	} {
		cfg := rigConfig(dir, "true")
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
