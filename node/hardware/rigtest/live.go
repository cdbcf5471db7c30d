package rigtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Live is a machine that runs: what a test changes of it is what tools and sysfs tell next,
// without anything being started again. It is safe for concurrent use.
type Live struct {
	root string
	mu   sync.Mutex // guards the machine and its directory
	m    *Machine
	out  []Card // taken out, or fallen off without a trace
	seq  int    // of the kernel's log
}

// Live writes the machine below root and has it run.
func (m *Machine) Live(root string) (*Live, error) {
	return &Live{root: root, m: m, seq: 1000}, m.Write(root)
}

// Set changes a card.
func (l *Live) Set(address string, change func(*Card)) error {
	return l.change(func() error {
		i := slices.IndexFunc(l.m.Cards, func(c Card) bool { return c.Address == address })
		if i < 0 {
			return fmt.Errorf("no card %s", address)
		}
		change(&l.m.Cards[i])
		return nil
	})
}

// Machine changes what is not a card's.
func (l *Live) Machine(change func(*Machine)) error {
	return l.change(func() error { change(l.m); return nil })
}

// Unplug takes a card off the bus, without a trace.
func (l *Live) Unplug(address string) error {
	return l.change(func() error {
		i := slices.IndexFunc(l.m.Cards, func(c Card) bool { return c.Address == address })
		if i < 0 {
			return fmt.Errorf("no card %s", address)
		}
		l.out = append(l.out, l.m.Cards[i])
		l.m.Cards = slices.Delete(l.m.Cards, i, i+1)
		for _, dir := range []string{"sys/bus/pci/devices/", "proc/driver/nvidia/gpus/"} {
			if err := os.RemoveAll(filepath.Join(l.root, dir, address)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Plug puts a card back that was taken out.
func (l *Live) Plug(address string) error {
	return l.change(func() error {
		i := slices.IndexFunc(l.out, func(c Card) bool { return c.Address == address })
		if i < 0 {
			return fmt.Errorf("card %s was not taken out", address)
		}
		l.m.Cards = append(l.m.Cards, l.out[i])
		l.out = slices.Delete(l.out, i, i+1)
		return nil
	})
}

// Tool has nvidia-smi misbehave from now on: "hang", "garbage", "flood", "exit 9"; "" for well.
func (l *Live) Tool(mode string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &writer{root: l.root}
	w.file("usr/share/nvidia-smi/mode", mode+"\n", 0o644)
	return w.err
}

// Kernel adds a record to the kernel's log, such as "NVRM: Xid (PCI:0000:01:00): 79, …".
func (l *Live) Kernel(text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.OpenFile(filepath.Join(l.root, "dev/kmsg"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	l.seq++
	_, err = fmt.Fprintf(f, "4,%d,90000000,-;%s\n", l.seq, text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func (l *Live) change(f func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := f(); err != nil {
		return err
	}
	w := &writer{root: l.root}
	w.state(l.m)
	return w.err
}
