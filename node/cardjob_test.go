package node

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// stillJob is a job that uses no processor and ends when it is told to.
type stillJob struct {
	runner.Job
	over   chan struct{}
	result runner.Result
	deaf   bool // cannot be paused
}

func (j *stillJob) Usage() runner.Usage { return runner.Usage{} }
func (j *stillJob) Resume() error       { return nil }

func (j *stillJob) Pause() error {
	if j.deaf {
		return runner.ErrPauseUnsupported
	}
	return nil
}

func (j *stillJob) Wait() (runner.Result, error) {
	<-j.over
	return j.result, nil
}

// TestCardsAreMeteredByTheClock bills the time of two cards, without pauses and without the
// time that it takes to clean them, which is over when the job's end is told.
func TestCardsAreMeteredByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job := &stillJob{over: make(chan struct{})}
		back := false
		w := holding(job, 2, func() error {
			time.Sleep(5 * time.Second)
			back = true
			return errors.New("the driver is slow")
		}, slog.New(slog.DiscardHandler))
		time.Sleep(3 * time.Second)
		if got := w.Units(); got != 6000 {
			t.Errorf("after 3 s of two cards: %d ms", got)
		}
		if err := w.Pause(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err := errors.Join(w.Resume(), w.Resume()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		job.deaf = true
		if err := w.Pause(); !errors.Is(err, runner.ErrPauseUnsupported) {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // it runs on, and so does its clock
		close(job.over)
		if o := w.Wait(); o.Units != 10_000 || !back {
			t.Errorf("the job is billed %d ms, and its cards are back: %v", o.Units, back)
		}
	})
}

// TestCardsOfNoProgram bills nothing for a program that is none.
func TestCardsOfNoProgram(t *testing.T) {
	job := &stillJob{over: make(chan struct{}), result: runner.Result{Failure: &runner.Failure{Kind: runner.FailureBadModule}}}
	close(job.over)
	w := holding(job, 1, func() error { return nil }, slog.New(slog.DiscardHandler))
	if o := w.Wait(); o.Units != 0 {
		t.Errorf("it is billed %d ms", o.Units)
	}
}

// TestDriverEnvironment puts the driver's libraries before the image's own.
func TestDriverEnvironment(t *testing.T) {
	driver := []string{"LD_LIBRARY_PATH=/.driver/lib64", "NVIDIA_VISIBLE_DEVICES=void"}
	for _, c := range []struct{ env, want []string }{
		{nil, driver},
		{[]string{"A=b", "NVIDIA_VISIBLE_DEVICES=all"}, append([]string{"A=b"}, driver...)},
		{[]string{"LD_LIBRARY_PATH=/opt/lib", "A=b"}, []string{"A=b", "LD_LIBRARY_PATH=/.driver/lib64:/opt/lib", "NVIDIA_VISIBLE_DEVICES=void"}},
	} {
		if got := withDriver(c.env, driver); !slices.Equal(got, c.want) {
			t.Errorf("%q with the driver's is %q, want %q", c.env, got, c.want)
		}
	}
	if got := withDriver([]string{"A=b"}, nil); !slices.Equal(got, []string{"A=b"}) {
		t.Errorf("without a driver: %q", got)
	}
}
