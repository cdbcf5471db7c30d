package protocol

import (
	"math/big"
	"time"
)

const (
	ringSlot  = 5 * time.Minute
	ringSlots = int(TallyKept/ringSlot) + 1 // the oldest is only in part within the time
)

// countRing counts by slots of five minutes for as long as TallyKept. Its zero value is
// empty.
type countRing struct {
	counts [ringSlots]uint32
	newest int64 // number of the newest slot since 1970
}

// turn drops what is too old.
func (r *countRing) turn(now time.Time) {
	at := now.Unix() / int64(ringSlot/time.Second)
	switch {
	case at <= r.newest: // a clock set back counts into the newest
		return
	case at-r.newest >= int64(ringSlots):
		r.counts = [ringSlots]uint32{}
	default:
		for n := r.newest + 1; n <= at; n++ {
			r.counts[n%int64(ringSlots)] = 0
		}
	}
	r.newest = at
}

func (r *countRing) add(now time.Time) {
	r.turn(now)
	if n := &r.counts[r.newest%int64(ringSlots)]; *n < MaxTallied {
		*n++
	}
}

// take adds what another has counted.
func (r *countRing) take(o *countRing, now time.Time) {
	r.turn(now)
	o.turn(now)
	for i, n := range o.counts {
		r.counts[i] = min(r.counts[i]+n, MaxTallied)
	}
}

// since is the count of the time before now, to whole slots.
func (r *countRing) since(now time.Time, back time.Duration) uint32 {
	r.turn(now)
	n := min(int64((back+ringSlot-1)/ringSlot)+1, int64(ringSlots))
	var sum uint32
	for i := range n {
		if at := r.newest - i; at >= 0 {
			sum = min(sum+r.counts[at%int64(ringSlots)], MaxTallied)
		}
	}
	return sum
}

var bigThousand = big.NewInt(1000)

// coarse keeps three digits, so that many prices are one.
func (a Amount) coarse() Amount {
	n := a.Big()
	by := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(len(n.String())-3, 0))), nil)
	n.Div(n, by).Mul(n, by)
	c, err := AmountFromBig(n)
	if err != nil { // it is no more than a
		return a
	}
	return c
}
