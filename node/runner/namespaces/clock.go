//go:build linux

package namespaces

import (
	"sync"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// clock ends a job after a time that does not run while the job is paused.
type clock struct {
	end func(*runner.Failure)

	mu     sync.Mutex // guards what follows
	timer  *time.Timer
	why    *runner.Failure
	at     time.Time
	left   time.Duration // while it stands
	stands bool
}

func newClock(end func(*runner.Failure)) *clock { return &clock{end: end} }

// set starts the clock anew.
func (c *clock) set(d time.Duration, why *runner.Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why, c.left = why, d
	c.start()
}

func (c *clock) start() {
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.stands {
		return
	}
	why := c.why
	c.at = time.Now().Add(c.left)
	c.timer = time.AfterFunc(c.left, func() { c.end(why) })
}

// pause lets the clock stand.
func (c *clock) pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stands && c.timer != nil {
		c.timer.Stop()
		c.stands, c.left = true, max(time.Until(c.at), 0)
	}
}

// resume lets it run on.
func (c *clock) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stands {
		c.stands = false
		c.start()
	}
}

// stop ends it.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.stands = true
}
