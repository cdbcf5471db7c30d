package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/protocol"
)

// measureWait is how long a driver may take to tell what a server took of a card.
const measureWait = 5 * time.Second

// loan is a card that a served model has.
type loan struct {
	of      *cards
	job     string
	card    hardware.Card // as it was before
	devices runner.Devices
	vram    uint64 // bytes that loading took; 0 is not known
}

// borrow lends a card that was proved to a served model. It is not sold until the model gives it
// back. Of a NoCardError each card has its reason.
func (c *cards) borrow(ctx context.Context, job string, vramMiB uint32, suits func(*hardware.Card) string) (*loan, error) {
	select {
	case <-c.looked:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	list := c.src.Look(ctx).Cards
	slices.SortStableFunc(list, func(a, b hardware.Card) int { return cmp.Compare(a.VRAMMiB, b.VRAMMiB) })
	none := &hardware.NoCardError{Want: hardware.Want{Count: 1, VRAMMiB: vramMiB}}
	for i := range list {
		card := &list[i]
		l, err := c.borrowThis(ctx, job, card, vramMiB, suits)
		if err == nil {
			return l, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		none.Why = append(none.Why, fmt.Sprintf("%s (%s) %v", card.Address, card.Name(), err))
	}
	return nil, none
}

func (c *cards) borrowThis(ctx context.Context, job string, card *hardware.Card, vramMiB uint32, suits func(*hardware.Card) string) (*loan, error) {
	if card.VRAMMiB < vramMiB {
		return nil, fmt.Errorf("has %d MiB", card.VRAMMiB)
	}
	if why := suits(card); why != "" {
		return nil, errors.New(why)
	}
	c.mu.Lock()
	why := ""
	switch {
	case !c.proved[cardKey(card)]:
		why = "has not passed its self-test"
	case c.serves[card.Address] != "":
		why = "is that of " + c.serves[card.Address]
	default:
		c.serves[card.Address] = job
	}
	c.mu.Unlock()
	if why != "" {
		return nil, errors.New(why)
	}
	devices, err := c.lend(ctx, job, []string{card.Address})
	if err != nil {
		c.unserve(card.Address)
		return nil, err
	}
	c.lookAgain() // so that it is not sold
	return &loan{of: c, job: job, card: *card, devices: devices}, nil
}

// passed tells whether a card has passed its self-test.
func (c *cards) passed(card *hardware.Card) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proved[cardKey(card)]
}

func (c *cards) unserve(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.serves, address)
}

// serving says whose card it is, "" where that is nobody's.
func (c *cards) serving(address string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if job := c.serves[address]; job != "" {
		return "is that of " + job
	}
	return ""
}

// back ends the loan. It returns when the card is clean, or out of use.
func (l *loan) back(ctx context.Context) error {
	err := l.of.giveBack(ctx, l.job, []string{l.card.Address})
	l.of.unserve(l.card.Address)
	l.of.lookAgain()
	return err
}

// measure asks the driver what is taken of the card now, and keeps how much more that is than
// before. It reports whether the driver tells.
func (l *loan) measure(ctx context.Context) (told bool) {
	ctx, cancel := context.WithTimeout(ctx, measureWait)
	defer cancel()
	for _, card := range l.of.src.Look(ctx).Cards {
		if card.Address == l.card.Address && card.VRAMUsedMiB != nil && l.card.VRAMUsedMiB != nil {
			l.vram = uint64(*card.VRAMUsedMiB-min(*card.VRAMUsedMiB, *l.card.VRAMUsedMiB)) << 20
			return true
		}
	}
	return false
}

// suitsPack says why a card is not what a pack computes on in this way, "" where it is.
func suitsPack(card *hardware.Card, need, minDriver string) string {
	nvidia := card.Vendor == hardware.VendorNVIDIA
	switch {
	case need == protocol.NeedsCUDA && !nvidia:
		return "is not NVIDIA's"
	case need == protocol.NeedsVulkan && nvidia:
		return "has a driver whose Vulkan files no sandbox gets; a pack that needs cuda can have it"
	case nvidia && olderDriver(card.DriverVersion, minDriver):
		return fmt.Sprintf("has driver %s, the pack needs %s", card.DriverVersion, minDriver)
	}
	return ""
}

// olderDriver compares versions number by number.
func olderDriver(version, least string) bool {
	have, want := strings.Split(version, "."), strings.Split(least, ".")
	for i, w := range want {
		n, err := strconv.Atoi(w)
		if err != nil { // least is ""
			return false
		}
		h := 0
		if i < len(have) {
			h, _ = strconv.Atoi(have[i]) // 0 of what is no number: the oldest
		}
		if h != n {
			return h < n
		}
	}
	return false
}
