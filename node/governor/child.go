package governor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// markVar is the variable by which a rig finds what an earlier run of it has left behind.
const markVar = "RERIG_IDLE_MARK"

// pipeTime is how long a descendant may hold a command's output open after its end.
const pipeTime = time.Second

// child is one run of the idle command, with all that it starts.
type child struct {
	cmd   *exec.Cmd
	log   *logFile
	born  time.Time
	done  chan struct{} // closed when the command has ended
	err   error         // how; set before done is closed
	group group
}

// launch starts the command for a card. On Linux the kernel ends it with the thread that
// calls this, so that thread must be locked and live as long.
func launch(words []string, card *Card, mark, logPath string, now time.Time) (*child, error) {
	log, err := openLog(logPath)
	if err != nil {
		return nil, err
	}
	fill := strings.NewReplacer("{card}", card.ID, "{uuid}", card.UUID, "{index}", strconv.Itoa(card.Index))
	argv := make([]string, len(words))
	for i, w := range words {
		argv[i] = fill.Replace(w)
	}
	c := &child{cmd: exec.Command(argv[0], argv[1:]...), log: log, born: now, done: make(chan struct{})}
	c.cmd.Env = childEnv(os.Environ(), card, mark)
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.WaitDelay = pipeTime
	if c.group, err = start(c.cmd); err != nil {
		return nil, errors.Join(fmt.Errorf("start the idle command: %w", err), log.Close())
	}
	go func() { // ends with the command
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// childEnv is this process's environment without what is the rig's, and with the card.
func childEnv(own []string, card *Card, mark string) []string {
	var env []string
	for _, e := range own {
		if !strings.HasPrefix(e, "RERIG_") {
			env = append(env, e)
		}
	}
	env = append(env, "RERIG_CARD="+card.ID, "RERIG_CARD_INDEX="+strconv.Itoa(card.Index), markVar+"="+mark)
	if card.UUID != "" {
		env = append(env, "RERIG_CARD_UUID="+card.UUID)
	}
	return env
}

// stop asks the command and all that it started to end, and kills what is left after a time.
// It returns when all are gone.
func (c *child) stop(grace time.Duration) error {
	c.group.ask()
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-c.done:
	case <-patience.C:
	}
	err := c.group.end()
	select {
	case <-c.done:
	case <-time.After(2 * pipeTime): // nothing can end it, and jobs must not wait for ever
		err = errors.Join(err, errors.New("the idle command does not end"))
	}
	return errors.Join(err, c.log.Close())
}

// how says how the command ended.
func (c *child) how() string {
	var exit *exec.ExitError
	switch {
	case c.err == nil:
		return "exit 0"
	case errors.As(c.err, &exit):
		return exit.ProcessState.String()
	}
	return c.err.Error()
}

// backoff is how long a command that ends by itself is left alone: 5 s, twice as long each
// time, 10 minutes at most; from the beginning once it has run for 5 minutes.
type backoff struct{ fails int }

func (b *backoff) after(ran time.Duration) time.Duration {
	if ran >= 5*time.Minute {
		b.fails = 0
	}
	b.fails++
	return min(5*time.Second<<min(b.fails-1, 10), 10*time.Minute)
}
