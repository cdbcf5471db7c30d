package telemetry

import "time"

// What of a card is kept: an hour of readings at the usual pace, and a day of minutes.
const (
	keepReadings = 720
	keepMinutes  = 1440
)

// Sample is a reading as history keeps it, or the mean of a minute of them; of temperatures
// the highest, of memory the last. A value that was not told is -1.
type Sample struct {
	At      int64 `json:"at"`       // seconds since 1970
	PowerMW int32 `json:"power_mw"` // milliwatts
	UsedMiB int32 `json:"vram_used_mib"`
	Load    int16 `json:"load_percent"`
	TempC   int16 `json:"temp_c"`   // of the core
	HotC    int16 `json:"hot_c"`    // of the junction
	MemoryC int16 `json:"memory_c"` // of the memory
	Fan     int16 `json:"fan_percent"`
}

// ring keeps the last of many samples. It grows to its size and no more.
type ring struct {
	all  []Sample
	next int // where the oldest is, once it is full
}

func (r *ring) add(s Sample, size int) {
	if len(r.all) < size {
		r.all = append(r.all, s)
		return
	}
	r.all[r.next] = s
	r.next = (r.next + 1) % size
}

// each calls f with the samples, the oldest first.
func (r *ring) each(f func(Sample)) {
	for i := range r.all {
		f(r.all[(r.next+i)%len(r.all)])
	}
}

// history is a card's.
type history struct {
	readings, minutes ring
	minute            mean
}

// mean gathers a minute.
type mean struct {
	at             int64
	power, load    int64
	powers, loads  int64
	fan, fans      int64
	temp, hot, mem int16
	used           int32
}

func small(v *int) int16 {
	if v == nil {
		return -1
	}
	return int16(max(-1, min(*v, 1<<15-1)))
}

func (h *history) add(r *Reading) {
	s := Sample{At: r.At.Unix(), PowerMW: -1, UsedMiB: -1, Load: small(r.Load), TempC: small(r.TempC), HotC: small(r.JunctionC), MemoryC: small(r.MemoryC), Fan: small(r.FanPercent)}
	if r.PowerMW != nil {
		s.PowerMW = int32(min(*r.PowerMW, 1<<31-1))
	}
	if r.UsedMiB != nil {
		s.UsedMiB = int32(min(*r.UsedMiB, 1<<31-1))
	}
	h.readings.add(s, keepReadings)
	if m := &h.minute; m.at != s.At/60 {
		if m.at != 0 {
			h.minutes.add(m.sample(), keepMinutes)
		}
		*m = mean{at: s.At / 60, temp: -1, hot: -1, mem: -1, used: -1}
	}
	h.minute.add(s)
}

func (m *mean) add(s Sample) {
	if s.PowerMW >= 0 {
		m.power, m.powers = m.power+int64(s.PowerMW), m.powers+1
	}
	if s.Load >= 0 {
		m.load, m.loads = m.load+int64(s.Load), m.loads+1
	}
	if s.Fan >= 0 {
		m.fan, m.fans = m.fan+int64(s.Fan), m.fans+1
	}
	m.temp, m.hot, m.mem = max(m.temp, s.TempC), max(m.hot, s.HotC), max(m.mem, s.MemoryC)
	if s.UsedMiB >= 0 {
		m.used = s.UsedMiB
	}
}

func (m *mean) sample() Sample {
	of := func(sum, n int64) int64 {
		if n == 0 {
			return -1
		}
		return sum / n
	}
	return Sample{At: m.at * 60, PowerMW: int32(of(m.power, m.powers)), UsedMiB: m.used, Load: int16(of(m.load, m.loads)),
		TempC: m.temp, HotC: m.hot, MemoryC: m.mem, Fan: int16(of(m.fan, m.fans))}
}

// since lists what was told after a time: minutes as far as they are older than every reading.
func (h *history) since(t time.Time) (list []Sample) {
	from := t.Unix()
	oldest := int64(1<<63 - 1)
	if len(h.readings.all) > 0 {
		oldest = h.readings.all[h.readings.next%len(h.readings.all)].At
	}
	h.minutes.each(func(s Sample) {
		if s.At > from && s.At+60 <= oldest {
			list = append(list, s)
		}
	})
	h.readings.each(func(s Sample) {
		if s.At > from {
			list = append(list, s)
		}
	})
	return list
}
