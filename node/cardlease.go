package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/runner"
)

// lend leases cards to a job, on disk, and says what its sandbox is to be given.
func (c *cards) lend(ctx context.Context, job string, ids []string) (runner.Devices, error) {
	c.mark(ids, true)
	if err := c.governed.yield(ctx, job, ids); err != nil {
		c.mark(ids, false)
		return runner.Devices{}, err
	}
	list, err := c.ledger.Take(ctx, job, hardware.Want{Count: len(ids), Suits: func(card *hardware.Card) string {
		if slices.Contains(ids, card.Address) {
			return ""
		}
		return "is not the job's"
	}})
	if err != nil {
		c.mark(ids, false)
		c.governed.back(job, ids)
		if !strings.HasPrefix(job, cardTrial) {
			c.lookAgain() // what is sold is not there: another rig may have taken it
		}
		return runner.Devices{}, err
	}
	c.hold(job, ids)
	d, err := c.devices(list)
	if err != nil {
		err = errors.Join(err, c.giveBack(ctx, job, ids))
	}
	return d, err
}

// hold notes which job has cards; "" for none.
func (c *cards) hold(job string, ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if job != "" {
			c.holder[id] = job
		} else {
			delete(c.holder, id)
		}
	}
}

// giveBack ends a job's lease. It returns when the cards are clean, or out of use. Where that
// fails they are not sold, and collect tries it again.
func (c *cards) giveBack(ctx context.Context, job string, ids []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cardTime)
	defer cancel()
	err := c.ledger.Release(ctx, job)
	c.mu.Lock()
	if err != nil {
		c.owed[job] = err
	}
	c.mu.Unlock()
	c.hold("", ids)
	c.mark(ids, false)
	c.governed.back(job, ids)
	c.lookAgain()
	if err != nil {
		return fmt.Errorf("take cards back: %w", err)
	}
	return nil
}

// collect takes back the cards of jobs whose giveBack failed.
func (c *cards) collect(ctx context.Context) {
	c.mu.Lock()
	jobs := slices.Collect(maps.Keys(c.owed))
	c.mu.Unlock()
	for _, job := range jobs {
		err := c.ledger.Release(ctx, job)
		c.mu.Lock()
		if err == nil {
			delete(c.owed, job)
		} else {
			c.owed[job] = err
		}
		c.mu.Unlock()
	}
}

// owes is why the ledger does not know that a job is over, nil when it does.
func (c *cards) owes(job string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owed[job]
}

// lookAgain has run look at all cards now.
func (c *cards) lookAgain() {
	select {
	case c.again <- struct{}{}:
	default: // it is to look already
	}
}

// isHeld tells whether a job or the idle command has a card, or gives it back.
func (c *cards) isHeld(address string) bool { return c.isLent(address) || c.governed.mines(address) }

// isLent tells whether a job has a card, or gives it back.
func (c *cards) isLent(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lent[address]
}

func (c *cards) mark(ids []string, lent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if lent {
			c.lent[id] = true
		} else {
			delete(c.lent, id)
		}
	}
}

// devices is what a sandbox is to be given for cards.
func (c *cards) devices(list []hardware.Card) (d runner.Devices, err error) {
	e, err := c.src.Edits(list)
	if err != nil {
		return d, err
	}
	for i := range list {
		d.Names = append(d.Names, hardware.CDIName(&list[i]))
		if list[i].Vendor == hardware.VendorNVIDIA {
			d.NVIDIA = list[i].DriverVersion
		}
	}
	for _, n := range e.Nodes {
		d.Nodes = append(d.Nodes, runner.DeviceNode{Host: n.Host, Inside: n.Inside, Major: n.Major, Minor: n.Minor})
	}
	for _, m := range e.Mounts {
		d.Files = append(d.Files, runner.DriverFile{Host: m.Host, Inside: m.Inside})
	}
	for _, m := range e.Sys {
		d.Sys = append(d.Sys, runner.DriverFile{Host: m.Host, Inside: m.Inside})
	}
	for _, l := range e.Links {
		d.SysLinks = append(d.SysLinks, runner.SysLink{Inside: l.Inside, Target: l.Target})
	}
	d.Env = e.Env
	if c.held == HeldByDocker {
		err = c.writeCDI()
	}
	return d, err
}

// writeCDI has Docker find the cards by their names: it reads the directory for each job.
func (c *cards) writeCDI() error {
	specs, err := c.src.CDI(slices.DeleteFunc(c.src.Look(context.Background()).Cards, func(card hardware.Card) bool {
		return !hardware.HowToSell(&card).Namespaces.OK
	}))
	if err == nil {
		err = hardware.WriteCDI(filepath.Join(c.src.Root, "var/run/cdi"), specs)
	}
	return err
}
