package telemetry

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	smiName = "nvidia-smi"
	// maxLine is what a line of a tool may hold; a row of ours has about 100 bytes.
	maxLine = 4 << 10
	// maxBad is how many lines that are no rows a tool may write one after the other.
	maxBad = 64
	// lostFor is how long a card that keeps the tool from telling about others is left out.
	lostFor = 10 * time.Minute
	// toolGrace is how long a killed tool may take to go.
	toolGrace = 2 * time.Second
)

// smiFields are what nvidia-smi is asked for (nvidia-smi --help-query-gpu). The first names
// the card. One that a driver does not know is left out from then on.
var smiFields = []string{"pci.bus_id", "utilization.gpu", "power.draw", "power.limit", "temperature.gpu", "temperature.memory", "fan.speed",
	"memory.used", "memory.total", "pcie.link.width.current", "pcie.link.gen.current", "ecc.errors.corrected.volatile.total", "ecc.errors.uncorrected.volatile.total"}

var (
	smiUnknown = regexp.MustCompile(`Field "([a-z._]{1,64})" is not a valid field`)
	smiLost    = regexp.MustCompile(`(?i)GPU is lost|GPU requires reset|fallen off the bus|Unable to determine the device handle`)
	smiAddress = regexp.MustCompile(`(?i)\b([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2}\.[0-7])\b`)
)

// follower keeps one nvidia-smi in its loop mode, and starts it again when it ends, hangs or
// writes what is no reading.
type follower struct {
	t      *Telemetry
	fields []string             // owner: run
	lost   map[string]time.Time // cards left out, until when; owner: run
	fails  int                  // failures one after the other; owner: run
	over   <-chan struct{}      // closed when the rig ends; owner: run

	mu      sync.Mutex // guards what follows
	cards   []string
	all     bool          // there are no others of NVIDIA's
	changed chan struct{} // closed and made anew when cards change
}

func newFollower(t *Telemetry) *follower {
	return &follower{t: t, fields: slices.Clone(smiFields), lost: map[string]time.Time{}, changed: make(chan struct{})}
}

// want sets the cards that NVIDIA's driver has and that are on the bus, and whether these are
// all that it has.
func (f *follower) want(cards []string, all bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(cards, f.cards) || all != f.all {
		f.cards, f.all = cards, all
		close(f.changed)
		f.changed = make(chan struct{})
	}
}

func (f *follower) wanted() (cards []string, all bool, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.cards), f.all, f.changed
}

// run follows until ctx ends.
func (f *follower) run(ctx context.Context) {
	f.over = ctx.Done()
	for ctx.Err() == nil {
		cards, all, changed := f.wanted()
		if len(cards) == 0 {
			f.t.note(smiName, "")
			wait(ctx, changed, 0)
			continue
		}
		path := f.t.cfg.Tool(smiName)
		if path == "" {
			f.t.note(smiName, "nvidia-smi is not installed: NVIDIA cards have no readings; install the driver's utilities")
			wait(ctx, changed, 32*f.t.cfg.Retry)
			continue
		}
		err := f.follow(ctx, path, cards, all, changed)
		select {
		case <-changed:
			f.lost, f.fails = map[string]time.Time{}, 0 // they may be back
			continue
		default:
		}
		if ctx.Err() != nil || errors.Is(err, errAgain) || f.dropField(err) {
			continue
		}
		f.t.note(smiName, "nvidia-smi: "+err.Error())
		wait(ctx, changed, f.t.cfg.Retry<<min(f.fails, 6))
		f.fails++
	}
}

// wait waits for a change or, unless it is 0, a time.
func wait(ctx context.Context, changed <-chan struct{}, d time.Duration) {
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-over:
	}
}

// dropField leaves out a field that this driver does not know.
func (f *follower) dropField(err error) bool {
	m := smiUnknown.FindStringSubmatch(err.Error())
	if m == nil {
		return false
	}
	at := slices.Index(f.fields, m[1])
	if at < 1 { // without the first nobody knows whose row it is
		return false
	}
	f.fields = slices.Delete(f.fields, at, at+1)
	return true
}

// args are the tool's for these cards. Cards that are lost are left out: one of them may keep
// nvidia-smi from telling about any.
// again is when one that was left out is to be tried; zero where none is.
func (f *follower) args(cards []string, all bool) (args []string, again time.Time) {
	args = []string{"--query-gpu=" + strings.Join(f.fields, ","), "--format=csv,noheader,nounits", "-lms", strconv.FormatInt(f.t.cfg.Every.Milliseconds(), 10)}
	now := time.Now()
	left := slices.DeleteFunc(slices.Clone(cards), func(id string) bool {
		until := f.lost[id]
		out := now.Before(until)
		if out && (again.IsZero() || until.Before(again)) {
			again = until
		}
		return out
	})
	if len(left) == 0 { // see whether any came back
		clear(f.lost)
		left, again = cards, time.Time{}
	}
	if all && len(left) == len(cards) {
		return args, again
	}
	return append(args, "-i", strings.Join(left, ",")), again
}

// follow runs the tool until it ends, is silent for too long, or the cards are others. It
// always says why it returned.
func (f *follower) follow(ctx context.Context, path string, cards []string, all bool, changed <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	args, again := f.args(cards, all)
	if !again.IsZero() {
		defer time.AfterFunc(time.Until(again), func() { cancel(errAgain) }).Stop()
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.Dir = string(filepath.Separator)
	cmd.WaitDelay = toolGrace
	ownGroup(cmd)
	from, to := io.Pipe() // exec copies into it, so that Wait bounds how long a pipe stays open
	cmd.Stdout, cmd.Stderr = to, to
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { // ends with the process, at the latest when the kernel lets go of it
		err := cmd.Wait()
		_ = to.Close() // nobody writes any more
		ended <- err
	}()
	silence := time.AfterFunc(f.t.cfg.Silence, func() { cancel(errSilent) })
	defer silence.Stop()
	heard := make(chan error, 1)
	go func() { // ends with the pipe
		heard <- f.listen(from, cards, func() { silence.Reset(f.t.cfg.Silence) })
		_ = from.Close() // breaks the pipe of a tool that is not listened to
	}()
	select {
	case <-changed:
		cancel(errors.New("the machine has other cards"))
	case err := <-heard:
		heard <- err
		cancel(err)
	case <-ctx.Done():
	}
	return f.finish(ctx, ended, heard, from)
}

var (
	errSilent = errors.New("it hangs: it has said nothing for too long")
	errAgain  = errors.New("cards that were left out are tried again")
)

// finish waits for the end of the tool, killed or not, and says what ended it.
func (f *follower) finish(ctx context.Context, ended, heard <-chan error, from *io.PipeReader) error {
	select {
	case err := <-ended:
		_ = from.Close() // what it wrote has been read, or is not wanted
		said := <-heard
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			return cause
		}
		if said != nil {
			return said
		}
		if err == nil {
			err = errors.New("it ended, and it was to go on")
		}
		return err
	case <-time.After(3 * toolGrace):
		_ = from.Close()
		said := <-heard
		// Another one would hang as well: wait for this one (unproven: no test can make a
		// process that SIGKILL does not end).
		f.t.note(smiName, "nvidia-smi hangs in the kernel and cannot be killed: the driver is stuck, restart the machine")
		select {
		case err := <-ended:
			return errors.Join(errSilent, said, err)
		case <-f.over:
			return errSilent
		}
	}
}

// listen takes rows until there are no more. Its error is what the tool said last instead of
// a row, or how it misbehaves.
func (f *follower) listen(from io.Reader, cards []string, alive func()) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	bad, rows := 0, 0
	last := ""
	begun := time.Now()
	for lines.Scan() {
		line := printable(lines.Text())
		if rows++; time.Since(begun) > f.t.cfg.Every {
			begun, rows = time.Now(), 0
		} else if rows > 4*maxCards {
			return errors.New("it writes without end")
		}
		switch id, r := f.row(line); {
		case r.told() && slices.Contains(cards, id):
			f.t.take(id, r)
			f.t.note(smiName, "")
			f.fails, bad, last = 0, 0, ""
			alive()
			continue
		case smiLost.MatchString(line):
			f.lose(line, cards)
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if last == "" {
			last = clip(line)
		}
		if bad++; bad == maxBad {
			return errors.New("it writes what is no reading: " + last)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("it writes lines of more than %d KiB", maxLine>>10)
	}
	if last != "" {
		return errors.New(last)
	}
	return nil
}

// lose leaves out the card that a line names.
func (f *follower) lose(line string, cards []string) {
	m := smiAddress.FindStringSubmatch(line)
	if m == nil {
		return
	}
	if id := busID(m[0]); slices.Contains(cards, id) {
		f.lost[id] = time.Now().Add(lostFor)
		f.t.lost(id, "the card has fallen off the bus (nvidia-smi: "+clip(line)+"): check riser and power, then restart")
	}
}

// row reads one; a reading that tells nothing is none.
func (f *follower) row(line string) (id string, r Reading) {
	values := strings.Split(line, ",")
	if len(values) != len(f.fields) || !smiAddress.MatchString(values[0]) {
		return "", r
	}
	for i, field := range f.fields[1:] {
		r.set(field, strings.TrimSpace(values[i+1]))
	}
	return busID(strings.TrimSpace(values[0])), r
}

func (r *Reading) set(field, value string) {
	switch field {
	case "utilization.gpu":
		r.Load = within(value, 0, 100)
	case "power.draw":
		r.PowerMW = milli(value)
	case "power.limit":
		r.LimitMW = milli(value)
	case "temperature.gpu":
		r.TempC = celsius(value)
	case "temperature.memory":
		if r.MemoryC = celsius(value); r.MemoryC != nil && *r.MemoryC == 0 {
			r.MemoryC = nil // what cards without such a sensor tell
		}
	case "fan.speed":
		r.FanPercent = within(value, 0, 150)
	case "memory.used":
		r.UsedMiB = memory(value)
	case "memory.total":
		r.TotalMiB = memory(value)
	case "pcie.link.width.current":
		r.LinkWidth = within(value, 1, 32)
	case "pcie.link.gen.current":
		r.LinkGen = within(value, 1, 10)
	case "ecc.errors.corrected.volatile.total":
		r.Corrected = count(value)
	case "ecc.errors.uncorrected.volatile.total":
		r.Uncorrected = count(value)
	}
}

// busID brings nvidia-smi's form 00000000:01:00.0 to sysfs's 0000:01:00.0.
func busID(s string) string {
	s = strings.ToLower(s)
	if len(s) == len("00000000:01:00.0") && strings.HasPrefix(s, "0000") {
		s = s[4:]
	}
	return s
}
