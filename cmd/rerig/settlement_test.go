package main

import (
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

func amounts(native, wallet, account uint64) protocol.Balances {
	return protocol.Balances{Native: protocol.NewAmount(native), Wallet: protocol.NewAmount(wallet), Account: protocol.NewAmount(account)}
}

// evened is a settlement that adds up: 30 spent, of them 10 on an account; 70 left
// in channels.
func evened() *settlement {
	s := &settlement{Spent: zero(), Earned: zero(), Locked: zero()}
	add := func(name string, before, after protocol.Balances, fees int64) {
		r := partyResult{Name: name, Before: before, After: after, Fees: zero(), escrow: name == "escrow"}
		r.Fees.SetInt64(fees)
		s.Parties = append(s.Parties, r)
	}
	add("requester", amounts(50, 1000, 0), amounts(43, 900, 0), 7)
	add("rig-1", amounts(50, 0, 0), amounts(47, 20, 0), 3)
	add("rig-2", amounts(50, 0, 5), amounts(50, 0, 15), 0)
	add("escrow", amounts(0, 5, 0), amounts(0, 85, 0), 0)
	s.Spent.SetInt64(30)
	s.Earned.SetInt64(30)
	s.Locked.SetInt64(70)
	return s
}

// TestSettlementCheck holds that one base unit or one wei out of place is found.
func TestSettlementCheck(t *testing.T) {
	if err := evened().check(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*settlement)
		want  string
	}{
		"token out of nothing": {func(s *settlement) { s.Parties[1].After.Wallet = protocol.NewAmount(21) }, "as many as before"},
		"account unbacked":     {func(s *settlement) { s.Parties[2].After.Account = protocol.NewAmount(16) }, "what it owes"},
		"fee not told":         {func(s *settlement) { s.Parties[0].After.Native = protocol.NewAmount(42) }, "requester's native"},
		"rig paid more":        {func(s *settlement) { s.Earned.SetInt64(31) }, "earned what the requester spent"},
		"requester lost more":  {func(s *settlement) { s.Spent.SetInt64(29); s.Earned.SetInt64(29) }, "lost what it spent"},
		"nothing happened":     {func(s *settlement) { s.Spent.SetInt64(0) }, "nothing was spent"},
	} {
		s := evened()
		c.spoil(s)
		if err := s.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}
