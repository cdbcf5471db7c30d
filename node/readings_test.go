package node

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/journal"
)

// TestPowerIsBooked holds what a rig drew against sums by hand: across a change of the tariff
// at midnight, with an hour of which nobody knew the price, and after a restart.
func TestPowerIsBooked(t *testing.T) {
	t.Parallel()
	var b powerBook
	day := time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)
	const kilowattMinute = kilowattHour / 60
	for minute := range 180 {
		now := day.Add(time.Duration(minute) * time.Minute)
		tariff := governor.PerKWh(300_000) // 0.30
		if now.Day() == 2 {
			tariff = 180_000
		}
		b.add(now, kilowattMinute, tariff, minute < 120)
	}
	if len(b.Hours) != 3 || len(b.Days) != 2 {
		t.Fatalf("%d hours, %d days", len(b.Hours), len(b.Days))
	}
	for i, want := range []PowerUse{
		{From: day.Unix(), EnergyMJ: kilowattHour, CostNano: 300_000_000},
		{From: day.Unix() + 3600, EnergyMJ: kilowattHour, CostNano: 180_000_000},
		{From: day.Unix() + 7200, EnergyMJ: kilowattHour, Unpriced: kilowattHour},
	} {
		if b.Hours[i] != want {
			t.Errorf("hour %d is %+v, want %+v", i, b.Hours[i], want)
		}
	}
	if d := b.Days[1]; d.EnergyMJ != 2*kilowattHour || d.CostNano != 180_000_000 {
		t.Errorf("the second day is %+v", d)
	}
	if sum := b.since(day.Add(time.Hour)); sum.EnergyMJ != 2*kilowattHour || sum.CostNano != 180_000_000 || sum.Unpriced != kilowattHour {
		t.Errorf("since midnight %+v", sum)
	}
	for hour := range 500 * 24 {
		b.add(day.Add(time.Duration(hour)*time.Hour), 1, 0, true)
	}
	if len(b.Hours) != keepHours || len(b.Days) != keepDays {
		t.Errorf("%d hours, %d days are kept", len(b.Hours), len(b.Days))
	}

	j, err := journal.Open(t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	first, second := &readings{journal: j, book: b}, &readings{journal: j}
	if err := first.save(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.load(ctx); err != nil {
		t.Fatal(err)
	}
	if was, is := marshal(t, first.book), marshal(t, second.book); was != is {
		t.Errorf("after a restart %s, before %s", is, was)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
