package protocol

import (
	"fmt"
	"testing"
	"time"
)

// TestAnswersAreCounted: for hours, by reason, and no more reasons than there is room for.
func TestAnswersAreCounted(t *testing.T) {
	var a Answers
	for range 3 {
		a.Count(Answer{Reason: ReasonBusy, Detail: "no place left"}, tallyNow)
	}
	a.Count(Answer{Taken: true}, tallyNow)
	a.Count(Answer{}, tallyNow)
	a.Count(Answer{}, tallyNow.Add(2*time.Hour))
	for n := range 100 {
		a.Count(Answer{Reason: Reason(fmt.Sprint(n))}, tallyNow.Add(-time.Hour))
	}
	taken, untaken, refused := a.Since(tallyNow, time.Minute)
	if taken != 1 || untaken != 1 || len(refused) == 0 || refused[0] != (Refused{ReasonBusy, "no place left", 3}) {
		t.Errorf("%d taken, %d not, refused %+v", taken, untaken, refused)
	}
	if len(refused) > maxRefused {
		t.Errorf("%d reasons", len(refused))
	}
	if taken, untaken, refused = a.Since(tallyNow.Add(2*time.Hour), time.Hour); taken != 0 || untaken != 1 || len(refused) != 0 {
		t.Errorf("two hours later: %d taken, %d not, refused %+v", taken, untaken, refused)
	}
}

// TestStanding: 12 % above the median of the others is 120 thousandths.
func TestStanding(t *testing.T) {
	amounts := func(list ...uint64) (out []Amount) {
		for _, n := range list {
			out = append(out, NewAmount(n))
		}
		return out
	}
	for _, c := range []struct {
		own    uint64
		others []uint64
		want   Standing
	}{
		{112, []uint64{300, 100, 90}, Standing{Asks: 3, Cheaper: 2, Median: NewAmount(100), Above: 120}},
		{50, []uint64{100, 200}, Standing{Asks: 2, Median: NewAmount(100), Above: -500}},
		{100, []uint64{100}, Standing{Asks: 1, Median: NewAmount(100)}},
		{100, nil, Standing{}},
		{1 << 62, []uint64{1}, Standing{Asks: 1, Cheaper: 1, Median: NewAmount(1), Above: 1 << 30}},
	} {
		if got := StandingOf(NewAmount(c.own), amounts(c.others...)); got != c.want {
			t.Errorf("%d among %v: %+v, want %+v", c.own, c.others, got, c.want)
		}
	}
}
