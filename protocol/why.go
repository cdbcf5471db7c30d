package protocol

import (
	"cmp"
	"slices"
	"time"
)

// maxRefused is how many reasons Answers counts; a rig gives fewer (SPEC §6.5).
const maxRefused = 24

// Answer is what came of one request for a quote: Taken, refused for Reason or, with
// neither, quoted and not taken.
type Answer struct {
	Taken  bool
	Reason Reason
	Detail string
}

// Refused is the requests that a rig refused for one reason.
type Refused struct {
	Reason Reason
	Detail string // of the last
	Count  uint32
}

// Answers counts what a rig said to those who came, by five minutes and for as long as
// TallyKept, without who came. The zero value is ready; it is not safe for concurrent use.
type Answers struct {
	taken, untaken countRing
	refused        map[Reason]*refusals
}

type refusals struct {
	detail string
	ring   countRing
}

// Count adds one.
func (a *Answers) Count(one Answer, now time.Time) {
	switch {
	case one.Taken:
		a.taken.add(now)
		return
	case one.Reason == ReasonNone:
		a.untaken.add(now)
		return
	}
	r := a.refused[one.Reason]
	if r == nil {
		if len(a.refused) >= maxRefused {
			return
		}
		if a.refused == nil {
			a.refused = make(map[Reason]*refusals)
		}
		r = new(refusals)
		a.refused[one.Reason] = r
	}
	r.detail = ClipDetail(one.Detail)
	r.ring.add(now)
}

// Since is what came in the time before now: how many took the quote, how many did not,
// and the refused, most first.
func (a *Answers) Since(now time.Time, back time.Duration) (taken, untaken uint32, refused []Refused) {
	for reason, r := range a.refused {
		if n := r.ring.since(now, back); n > 0 {
			refused = append(refused, Refused{reason, r.detail, n})
		}
	}
	slices.SortFunc(refused, func(a, b Refused) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	return a.taken.since(now, back), a.untaken.since(now, back), refused
}

// Standing is where an ask is among others for the same unit.
type Standing struct {
	Asks    int    // of others
	Cheaper int    // of them
	Median  Amount // of them; of an even number the lower in the middle
	// Above is by how many thousandths the own ask is above the median; below it is negative.
	Above int
}

// StandingOf compares an ask with those of others.
func StandingOf(own Amount, others []Amount) (s Standing) {
	if s.Asks = len(others); s.Asks == 0 {
		return s
	}
	others = slices.SortedFunc(slices.Values(others), func(a, b Amount) int { return a.Big().Cmp(b.Big()) })
	for _, a := range others {
		if a.Less(own) {
			s.Cheaper++
		}
	}
	s.Median = others[(len(others)-1)/2]
	if !s.Median.IsZero() {
		diff := own.Big()
		diff.Sub(diff, s.Median.Big()).Mul(diff, bigThousand).Quo(diff, s.Median.Big())
		s.Above = 1 << 30
		if diff.IsInt64() && diff.Int64() < int64(s.Above) {
			s.Above = int(diff.Int64())
		}
	}
	return s
}
