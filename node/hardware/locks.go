package hardware

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	// otherRig is why a card cannot be had that the ledger of another data directory lent.
	otherRig = "another rig on this machine has it"
	// askTime is how long a card's lock is tried for: somebody may just be asking about it.
	askTime = 200 * time.Millisecond
)

// Locks keep a card to one rig of a machine, of which each has a ledger of its own: flock(2)
// on the file in PCI sysfs that names the card's vendor. That file is the same for every user
// and every data directory, nothing writes it, no job sees another card's, and the kernel
// drops the lock with its process however that ends. Rigs in containers with a sysfs of their
// own do not meet there.
//
// A card is locked as long as this process's ledger has it leased, or dirty. The methods of
// nil lock nothing.
type Locks struct {
	src Sources

	mu   sync.Mutex // guards what follows
	held map[string]*flock.Flock
}

// NewLocks makes those of a machine. It locks nothing yet.
func NewLocks(src Sources) *Locks { return &Locks{src: src, held: map[string]*flock.Flock{}} }

func (l *Locks) of(address string) *flock.Flock {
	return flock.New(filepath.Join(l.src.Sys, "bus/pci/devices", address, "vendor"), flock.SetFlag(os.O_RDONLY))
}

// take locks a card; it says why it cannot, "" when it did.
func (l *Locks) take(address string) string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[address] != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	f := l.of(address)
	if ok, err := f.TryLockContext(ctx, lockPause); ok {
		l.held[address] = f
		return ""
	} else if ctx.Err() == nil {
		return fmt.Sprintf("cannot be locked: %v", err)
	}
	return "is not free: " + otherRig
}

// foreign tells whether another process has locked a card.
func (l *Locks) foreign(address string) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[address] != nil {
		return false
	}
	f := l.of(address)
	ok, err := f.TryRLock() // those who ask at the same time do not meet each other
	if ok {
		_ = f.Close() // was only read
	}
	return !ok && err == nil
}

// keep unlocks the cards that no job of the book has.
func (l *Locks) keep(b *book) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for address, f := range l.held {
		if !b.has(address) {
			_ = f.Close() // was only read
			delete(l.held, address)
		}
	}
}
