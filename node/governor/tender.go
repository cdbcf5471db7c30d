package governor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// MinerStatus is how the idle command does on a card.
type MinerStatus struct {
	State    string    `json:"state"` // runs, stopped, stopping, starting or rests (after a crash)
	PID      int       `json:"pid,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Starts   int       `json:"starts"`
	Crashes  int       `json:"crashes"`
	LastEnd  string    `json:"last_end,omitempty"` // how the last crash looked
	NextTry  time.Time `json:"next_try,omitzero"`
	Log      string    `json:"log"`
	StopMS   int64     `json:"stop_ms,omitempty"`  // of the last hand-over to a job: until the card was clean
	StartMS  int64     `json:"start_ms,omitempty"` // of the last one back: until the command ran
	Handover int       `json:"handovers"`
}

// tender keeps the idle command on one card. Its goroutine owns the process.
type tender struct {
	card   Card
	cfg    *Config
	mark   string
	log    *slog.Logger
	kick   chan struct{} // capacity 1: look again
	report func()        // the status is another one

	mu      sync.Mutex // guards what follows
	wanted  bool
	holders []string      // who has been given the card, or waits for it
	clear   chan struct{} // closed while nothing of the command is on the card
	unclean error         // why the last stop did not leave the card clean
	back    time.Time     // when the last job left; zero once the command runs again
	status  MinerStatus
	backoff backoff
}

func newTender(card Card, cfg *Config, mark string, report func()) *tender {
	t := &tender{card: card, cfg: cfg, mark: mark, report: report, kick: make(chan struct{}, 1), clear: make(chan struct{}),
		log: cfg.Logger.With("card", card.ID)}
	close(t.clear)
	t.status = MinerStatus{State: "stopped", Log: filepath.Join(cfg.Dir, logName(card.ID))}
	return t
}

// logName is a file's name for a card.
func logName(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' {
			return r
		}
		return '-'
	}, id) + ".log"
}

// want says whether the command is to run while nobody else has the card.
func (t *tender) want(on bool) {
	t.mu.Lock()
	changed := t.wanted != on
	t.wanted = on
	t.mu.Unlock()
	if changed {
		t.look()
	}
}

func (t *tender) look() {
	select {
	case t.kick <- struct{}{}:
	default: // it is to look already
	}
}

// yield gives the card to who. It returns when the command is gone and the card clean.
func (t *tender) yield(ctx context.Context, who string) error {
	begun := time.Now()
	t.mu.Lock()
	t.holders = append(t.holders, who)
	gone, mined := t.clear, !closed(t.clear)
	t.mu.Unlock()
	t.look()
	select {
	case <-gone:
	case <-ctx.Done():
		t.giveBack(who)
		return fmt.Errorf("take card %s from the idle command: %w", t.card.ID, ctx.Err())
	}
	t.mu.Lock()
	err := t.unclean
	t.unclean = nil
	if mined && err == nil {
		t.status.StopMS, t.status.Handover = max(time.Since(begun).Milliseconds(), 1), t.status.Handover+1
	}
	t.mu.Unlock()
	if err != nil {
		t.giveBack(who)
	}
	return err
}

// giveBack ends what yield began.
func (t *tender) giveBack(who string) {
	t.mu.Lock()
	for i, h := range t.holders {
		if h == who {
			t.holders = append(t.holders[:i], t.holders[i+1:]...)
			break
		}
	}
	if len(t.holders) == 0 {
		t.back = time.Now()
	}
	t.mu.Unlock()
	t.look()
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// holder is who has the card, "" for nobody.
func (t *tender) holder() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.holders) == 0 {
		return ""
	}
	return t.holders[0]
}

// barred says why the command cannot run now.
func (t *tender) barred() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.status.Crashes < 2 || !time.Now().Before(t.status.NextTry) {
		return ""
	}
	return fmt.Sprintf("it ended by itself %d times (%s), next try at %s", t.status.Crashes, t.status.LastEnd, t.status.NextTry.Format(time.TimeOnly))
}

// look at the status.
func (t *tender) stat() MinerStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status
}

// run keeps the command until ctx ends, and ends it then.
func (t *tender) run(ctx context.Context) {
	runtime.LockOSThread() // Linux ends the command with the thread that started it
	defer runtime.UnlockOSThread()
	var c *child
	for {
		switch {
		case c == nil && t.begin(ctx):
			c = t.start(ctx)
			continue
		case c != nil && (ctx.Err() != nil || !t.keeps()):
			t.end(ctx, c)
			c = nil
			continue
		case c == nil && ctx.Err() != nil:
			return
		}
		var ended <-chan struct{}
		if c != nil {
			ended = c.done
		}
		rest := time.NewTimer(t.rest())
		select {
		case <-ctx.Done():
		case <-t.kick:
		case <-rest.C:
		case <-ended:
			t.crashed(ctx, c)
			c = nil
		}
		rest.Stop()
	}
}

// begin takes the card for the command, if it is to run now.
func (t *tender) begin(ctx context.Context) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil || !t.wanted || len(t.holders) > 0 || time.Now().Before(t.status.NextTry) {
		return false
	}
	t.clear = make(chan struct{})
	t.status.State = "starting"
	return true
}

func (t *tender) keeps() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wanted && len(t.holders) == 0
}

// rest is how long there is nothing to do.
func (t *tender) rest() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := time.Until(t.status.NextTry); d > 0 && t.wanted {
		return d
	}
	return time.Hour
}

// start claims the card and starts the command; nil where that failed.
func (t *tender) start(ctx context.Context) *child {
	err := t.cfg.Claims.Claim(ctx, t.card.ID)
	var c *child
	if err == nil {
		if c, err = launch(t.cfg.Command, &t.card, t.mark, t.stat().Log, time.Now()); err != nil {
			err = errors.Join(err, t.cfg.Claims.Free(context.WithoutCancel(ctx), t.card.ID))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed(0, err.Error())
		close(t.clear)
		if ctx.Err() == nil {
			t.log.Warn("the idle command does not start", "err", err, "again", t.status.NextTry.Format(time.TimeOnly))
		}
		return nil
	}
	t.status.State, t.status.PID, t.status.Since, t.status.NextTry = "runs", c.cmd.Process.Pid, c.born, time.Time{}
	t.status.Starts++
	if !t.back.IsZero() && t.status.Handover > 0 {
		t.status.StartMS = max(time.Since(t.back).Milliseconds(), 1)
	}
	t.back = time.Time{}
	t.log.Info("idle command runs", "pid", c.cmd.Process.Pid, "log", t.status.Log)
	t.report()
	return c
}

// failed notes that the command did not run, or did not stay; the caller holds mu.
func (t *tender) failed(ran time.Duration, how string) {
	t.status.State, t.status.PID = "rests", 0
	t.status.LastEnd = clipTo(how, 200)
	t.status.NextTry = time.Now().Add(t.backoff.after(ran))
	t.status.Crashes = t.backoff.fails
}

// end stops the command and sees the card clean.
func (t *tender) end(ctx context.Context, c *child) {
	t.mu.Lock()
	t.status.State = "stopping"
	t.mu.Unlock()
	still := c.stop(t.cfg.StopTime)
	err := errors.Join(still, t.cfg.Claims.Free(context.WithoutCancel(ctx), t.card.ID))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.State, t.status.PID = "stopped", 0
	if still != nil { // no second one beside it
		t.failed(0, still.Error())
	}
	if err != nil {
		t.unclean = fmt.Errorf("the idle command has left card %s unclean: %w", t.card.ID, err)
		t.log.Warn("idle command has not left its card clean", "err", err)
	}
	close(t.clear)
	t.log.Info("idle command stopped")
	t.report()
}

// crashed follows a command that ended by itself.
func (t *tender) crashed(ctx context.Context, c *child) {
	err := errors.Join(c.stop(0), t.cfg.Claims.Free(context.WithoutCancel(ctx), t.card.ID))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed(time.Since(c.born), c.how())
	if err != nil {
		t.unclean = fmt.Errorf("the idle command has left card %s unclean: %w", t.card.ID, err)
	}
	close(t.clear)
	t.log.Warn("idle command ended by itself", "how", t.status.LastEnd, "times", t.status.Crashes, "again", t.status.NextTry.Format(time.TimeOnly), "log", t.status.Log, "err", err)
	t.report()
}
