package metrics

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	maxWatched = 4096 // jobs that are followed
	maxEnds    = 128  // ways to end; what is beyond is called "other"
)

// bounds are of durations, in milliseconds: jobs take moments or hours.
var bounds = []int64{10, 50, 100, 500, 1000, 5000, 15000, 60000, 300000, 1800000, 7200000, 43200000}

// phases are the states whose time is measured, and what they are called.
var phases = map[protocol.State]string{protocol.StateQueued: "queue", protocol.StateStaging: "staging", protocol.StateRunning: "run"}

// What came of a job.
const (
	Done   = "done"   // ended by itself, and paid in full
	Failed = "failed" // ended otherwise; the reason says how
	Unpaid = "unpaid" // ended, and its payer left something owing
)

// The families that Jobs writes.
var (
	jobsEnded = Family{"rerig_jobs_ended_total", "Jobs that ended since the node started, sold (role rig) or bought (requester), by what came of them.",
		Counter, []string{"role", "result", "reason"}}
	jobSeconds = Family{"rerig_job_phase_seconds", "How long jobs queued, staged their inputs, and ran.", histogram, []string{"role", "phase"}}
)

// Jobs counts how jobs end and measures how long their states last. The zero value is ready,
// and safe for concurrent use. Nil counts nothing.
type Jobs struct {
	mu     sync.Mutex // guards what follows
	stays  map[job]stay
	order  []job // of stays, oldest first
	ends   map[end]uint64
	phases map[end]*durations
}

type job struct {
	role protocol.Role
	id   protocol.Hash
}

type stay struct {
	state protocol.State
	since time.Time
	ended bool
}

// end is a way to end, or in phases a role and a phase.
type end struct{ role, result, reason string }

type durations struct {
	counts []uint64 // by bounds, not added up; the last is beyond them
	sumMS  int64
}

// See is told each state of a job that is journaled.
func (j *Jobs) See(rec *protocol.Record, now time.Time) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stays == nil {
		j.stays, j.ends, j.phases = map[job]stay{}, map[end]uint64{}, map[end]*durations{}
	}
	key := job{rec.Job.Role, rec.Job.ID}
	was, known := j.stays[key]
	switch {
	case was.ended || known && was.state == rec.Job.State && !rec.Job.Ended:
		return
	case !known:
		j.order = append(j.order, key)
		if len(j.order) > maxWatched {
			delete(j.stays, j.order[0])
			j.order = slices.Delete(j.order, 0, 1)
		}
	}
	if phase := phases[was.state]; phase != "" && was.state != rec.Job.State {
		j.took(end{string(key.role), phase, ""}, now.Sub(was.since))
	}
	j.stays[key] = stay{rec.Job.State, now, rec.Job.Ended}
	if rec.Job.Ended {
		j.count(ending(&rec.Job))
	}
}

// ending says what came of a job.
func ending(j *protocol.Job) end {
	e := end{string(j.Role), Done, cmp.Or(string(j.Reason), "none")}
	switch {
	case j.Role == protocol.RoleRig && j.Paid.Less(j.Due):
		e.result = Unpaid
	case j.Reason != protocol.ReasonNone:
		e.result = Failed
	}
	return e
}

func (j *Jobs) count(e end) {
	if _, known := j.ends[e]; !known && len(j.ends) >= maxEnds {
		e.reason = "other"
	}
	j.ends[e]++
}

func (j *Jobs) took(of end, d time.Duration) {
	h := j.phases[of]
	if h == nil {
		h = &durations{counts: make([]uint64, len(bounds)+1)}
		j.phases[of] = h
	}
	ms := max(d.Milliseconds(), 0)
	at, _ := slices.BinarySearch(bounds, ms)
	h.counts[at]++
	h.sumMS += ms
}

// Write adds what was counted to a page.
func (j *Jobs) Write(p *Page) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range slices.SortedFunc(maps.Keys(j.ends), compare) {
		p.Add(&jobsEnded, Uint(j.ends[e]), e.role, e.result, e.reason)
	}
	names := append(slices.Clone(jobSeconds.Labels), "le")
	for _, e := range slices.SortedFunc(maps.Keys(j.phases), compare) {
		h, n := j.phases[e], uint64(0)
		for i, count := range h.counts {
			n += count
			le := "+Inf"
			if i < len(bounds) {
				le = string(Decimal(bounds[i], 3))
			}
			p.add(&jobSeconds, "_bucket", names, []string{e.role, e.result, le}, Uint(n))
		}
		p.add(&jobSeconds, "_sum", jobSeconds.Labels, []string{e.role, e.result}, Decimal(h.sumMS, 3))
		p.add(&jobSeconds, "_count", jobSeconds.Labels, []string{e.role, e.result}, Uint(n))
	}
}

func compare(a, b end) int {
	return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.result, b.result), cmp.Compare(a.reason, b.reason))
}
