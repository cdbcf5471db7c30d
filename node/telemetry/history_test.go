package telemetry

import (
	"testing"
	"time"
)

// TestHistoryIsBounded holds what of a card is kept in a week: an hour of readings and a day
// of minutes, in order, with the highest temperature of each minute.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	var h history
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	temp, power := 0, int64(0)
	const n = 7 * 24 * 720
	for i := range n {
		temp, power = 40+i%12, int64(1000*(i%12))
		h.add(&Reading{At: begun.Add(time.Duration(i) * 5 * time.Second), TempC: &temp, PowerMW: &power})
	}
	if len(h.readings.all) != keepReadings || len(h.minutes.all) != keepMinutes {
		t.Fatalf("%d readings, %d minutes", len(h.readings.all), len(h.minutes.all))
	}
	all := h.since(time.Time{})
	for i := 1; i < len(all); i++ {
		if all[i].At <= all[i-1].At {
			t.Fatalf("sample %d of %d is not after the one before", i, len(all))
		}
	}
	if first := all[0]; first.TempC != 51 || first.PowerMW != 5500 || first.MemoryC != -1 || first.UsedMiB != -1 {
		t.Errorf("a minute is %+v", first)
	}
	end := begun.Add((n - 1) * 5 * time.Second)
	if span := end.Unix() - all[0].At; span < 23*3600 || span > 25*3600 {
		t.Errorf("history goes back %d s", span)
	}
	if last := h.since(end.Add(-time.Minute)); len(last) != 12 || last[11].At != end.Unix() {
		t.Errorf("the last minute has %d readings", len(last))
	}
}

// TestMeterWrapsAround holds the power of a count that begins again.
func TestMeterWrapsAround(t *testing.T) {
	t.Parallel()
	var m meter
	if m.power(990, 1000, 1000) != nil {
		t.Error("one count tells no power")
	}
	if p := m.power(500, 1000, 1010); p == nil || *p != 51 {
		t.Errorf("power is %v, want 51 mW", p)
	}
	if m.power(100, 0, 1020) != nil {
		t.Error("a count that fell tells no power")
	}
}
