package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/moby/client"

	"github.com/rerig/rerig/node/runner"
)

// fail notes why the job fails; the first reason stays.
func (j *Job) fail(why *runner.Failure) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure == nil {
		j.failure = why
	}
}

// stop has serve kill the job. It does not wait.
func (j *Job) stop(why *runner.Failure) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case <-j.exited: // it ended by itself first
		return
	default:
	}
	if j.failure == nil {
		j.failure = why
	}
	select {
	case <-j.stopping:
	default:
		close(j.stopping)
	}
}

// Stop kills the job. Wait returns soon after.
func (j *Job) Stop() { j.stop(&runner.Failure{Kind: runner.FailureKilled, Detail: "stopped"}) }

// Wait waits for the job's end, at which its container is removed. The error is the
// result's failure again when the engine failed, and nil for whatever the job did.
func (j *Job) Wait() (runner.Result, error) {
	<-j.done
	if f := j.result.Failure; f != nil && f.Kind == runner.FailureInternal {
		return j.result, f
	}
	return j.result, nil
}

// startTimer sets the deadline.
func (j *Job) startTimer(d time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.setTimer(d)
}

// setTimer sets the deadline; the caller holds mu.
func (j *Job) setTimer(d time.Duration) {
	j.timerEnd = time.Now().Add(d)
	j.timer = time.AfterFunc(d, func() {
		j.stop(&runner.Failure{Kind: runner.FailureDeadline, Detail: fmt.Sprintf("ran for over %s", j.spec.Deadline)})
	})
}

// over tells whether the job has ended.
func (j *Job) over() bool {
	select {
	case <-j.exited:
		return true
	default:
		return false
	}
}

// Pause halts the job where it stands; its deadline waits too. The engine says why it
// cannot: a rootless one needs cgroup v2.
func (j *Job) Pause() error {
	j.pausing.Lock()
	defer j.pausing.Unlock()
	j.mu.Lock()
	paused := j.resumed != nil
	j.mu.Unlock()
	if paused || j.over() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), j.engine.patience.call)
	defer cancel()
	if _, err := j.engine.api.ContainerPause(ctx, j.id, client.ContainerPauseOptions{}); err != nil {
		if j.over() {
			return nil
		}
		return fmt.Errorf("%w: %w", runner.ErrPauseUnsupported, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.resumed = make(chan struct{})
	j.timer.Stop()
	j.left = max(time.Until(j.timerEnd), 0)
	return nil
}

// Resume lets a paused job go on.
func (j *Job) Resume() error {
	j.pausing.Lock()
	defer j.pausing.Unlock()
	j.mu.Lock()
	paused := j.resumed != nil
	j.mu.Unlock()
	if !paused || j.over() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), j.engine.patience.call)
	defer cancel()
	if _, err := j.engine.api.ContainerUnpause(ctx, j.id, client.ContainerUnpauseOptions{}); err != nil {
		if j.over() {
			return nil
		}
		return fmt.Errorf("let the job go on: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.resumed != nil { // else the job ended meanwhile
		close(j.resumed)
		j.resumed = nil
		j.setTimer(j.left)
	}
	return nil
}
