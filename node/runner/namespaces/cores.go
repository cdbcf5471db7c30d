//go:build linux

package namespaces

import (
	"cmp"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// cores shares out the machine's cores among jobs. What a program takes for its number of
// threads is how many it may run on, and not the time that its control group gets: with
// more threads than that it mostly waits for itself.
type cores struct {
	mu   sync.Mutex // guards what follows
	jobs map[int]int
}

// newCores has the cores that this process may use itself.
func newCores() *cores {
	c := &cores{jobs: map[int]int{}}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return c // and no job is held to any
	}
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			c.jobs[i] = 0
		}
	}
	return c
}

// take picks the cores with the fewest jobs. Nil is for a job that may use all.
func (c *cores) take(n int) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n >= len(c.jobs) {
		return nil
	}
	all := make([]int, 0, len(c.jobs))
	for core := range c.jobs {
		all = append(all, core)
	}
	slices.SortFunc(all, func(a, b int) int { return cmp.Or(c.jobs[a]-c.jobs[b], a-b) })
	for _, core := range all[:n] {
		c.jobs[core]++
	}
	return all[:n]
}

// give takes a job's cores back.
func (c *cores) give(taken []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, core := range taken {
		c.jobs[core]--
	}
}

// keepTo has the calling thread, and what it starts, run on these cores.
func keepTo(list []int) error {
	if len(list) == 0 {
		return nil
	}
	var set unix.CPUSet
	for _, core := range list {
		set.Set(core)
	}
	return unix.SchedSetaffinity(0, &set)
}
