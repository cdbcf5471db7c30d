package discovery

import (
	"fmt"
	"slices"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	maxSkips      = 32              // reasons in one reply
	maxSkipDetail = 160             // bytes of a reason's example, so that a full reply fits its frame
	keptExpired   = 5 * time.Minute // an offer is told to be over this long, where there is room
)

// countSkip adds to the count of the same reason, keeping its first example.
func countSkip(list []protocol.SkipCount, s protocol.SkipCount) []protocol.SkipCount {
	if i := slices.IndexFunc(list, func(o protocol.SkipCount) bool { return o.Reason == s.Reason }); i >= 0 {
		list[i].Count += min(s.Count, ^uint32(0)-list[i].Count)
		return list
	}
	if len(list) >= maxSkips {
		return list
	}
	s.Detail = clip(s.Detail, maxSkipDetail)
	return append(list, s)
}

// outlived is the skip of an offer whose time is over.
func outlived(o *protocol.Offer, now time.Time) protocol.SkipCount {
	ago := now.Sub(time.UnixMilli(int64(o.Expires))).Round(time.Second)
	return protocol.SkipCount{Reason: protocol.ReasonOfferExpired, Detail: fmt.Sprintf("that of rig %s ended %s ago", o.Rig, ago), Count: 1}
}

// unverified is the skip of an offer that does not hold, for an error of its Verify.
func unverified(s protocol.SignedOffer, err error, now time.Time) protocol.SkipCount {
	skip := protocol.SkipCount{Reason: protocol.OfferReason(err), Detail: err.Error(), Count: 1}
	var o protocol.Offer
	if skip.Reason == protocol.ReasonOfferExpired && protocol.Decode(s.Offer, &o) == nil && !live(&protocol.VerifiedOffer{Offer: o}, now) {
		return outlived(&o, now)
	}
	return skip
}

// unfit is the skip of an offer that does not fit, counted by its first reason.
func unfit(why []protocol.Mismatch) protocol.SkipCount {
	return protocol.SkipCount{Reason: why[0].Reason, Detail: why[0].Detail, Count: 1}
}
