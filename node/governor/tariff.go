package governor

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Schedule is a tariff by the hour of the day and the day of the week, as the clock on the
// wall shows them: a day on which the clock is put forward or back has 23 or 25 hours of it.
type Schedule struct {
	zone    *time.Location
	usual   PerKWh
	periods []period
}

// period is when another price holds. to is before or at from where it ends after midnight:
// it belongs to the day on which it begins.
type period struct {
	days     [7]bool // by time.Weekday
	from, to int     // minutes after midnight
	price    PerKWh
}

// maxPeriods is how many a schedule may have.
const maxPeriods = 200

// scheduleFile is the form of a schedule: TOML.
type scheduleFile struct {
	Timezone string `toml:"timezone"`
	KWh      string `toml:"kwh"`
	Period   []struct {
		Days string `toml:"days"`
		From string `toml:"from"`
		To   string `toml:"to"`
		KWh  string `toml:"kwh"`
	} `toml:"period"`
}

// ParseSchedule reads a schedule. Of periods that overlap the later in the file holds.
func ParseSchedule(text []byte) (*Schedule, error) {
	var f scheduleFile
	d := toml.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return nil, fmt.Errorf("tariff: unknown key %q; there are timezone, kwh, and in each [[period]] days, from, to, kwh", clip(strings.Join(strict.Errors[0].Key(), ".")))
		}
		return nil, fmt.Errorf("tariff: %w", err)
	}
	if len(f.Period) > maxPeriods {
		return nil, fmt.Errorf("tariff: %d periods, at most %d", len(f.Period), maxPeriods)
	}
	s := &Schedule{zone: time.Local}
	var err error
	if f.Timezone != "" {
		if s.zone, err = time.LoadLocation(f.Timezone); err != nil {
			return nil, fmt.Errorf("tariff: timezone: %w; a name such as Europe/Berlin, of the system's time zone files (tzdata)", err)
		}
	}
	if f.KWh == "" {
		return nil, errors.New("tariff: kwh is missing: what a kilowatt-hour costs outside all periods")
	}
	if s.usual, err = ParsePerKWh(f.KWh); err != nil {
		return nil, fmt.Errorf("tariff: kwh: %w", err)
	}
	for i, one := range f.Period {
		p := period{}
		var errs [4]error
		p.days, errs[0] = parseDays(one.Days)
		p.from, errs[1] = parseClock(one.From)
		p.to, errs[2] = parseClock(one.To)
		p.price, errs[3] = ParsePerKWh(one.KWh)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("tariff: period %d: %w", i+1, err)
		}
		s.periods = append(s.periods, p)
	}
	return s, nil
}

// At is the price at a time.
func (s *Schedule) At(t time.Time) PerKWh {
	t = t.In(s.zone)
	minute := t.Hour()*60 + t.Minute()
	for i := len(s.periods) - 1; i >= 0; i-- {
		if s.periods[i].holds(t.Weekday(), minute) {
			return s.periods[i].price
		}
	}
	return s.usual
}

func (p *period) holds(day time.Weekday, minute int) bool {
	if p.from < p.to {
		return p.days[day] && minute >= p.from && minute < p.to
	}
	before := (day + 6) % 7
	return p.days[day] && minute >= p.from || p.days[before] && minute < p.to
}

// Next is when the price changes after t, false where it does not within eight days.
func (s *Schedule) Next(t time.Time) (time.Time, bool) {
	local, now := t.In(s.zone), s.At(t)
	var next time.Time
	for ahead := 0; ahead <= 8; ahead++ {
		y, m, d := local.AddDate(0, 0, ahead).Date()
		for _, p := range s.periods {
			for _, minute := range []int{p.from, p.to} {
				at := time.Date(y, m, d, minute/60, minute%60, 0, 0, s.zone)
				if at.After(t) && s.At(at) != now && (next.IsZero() || at.Before(next)) {
					next = at
				}
			}
		}
		if !next.IsZero() {
			return next, true
		}
	}
	return next, false
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseDays reads "mon-fri,sun"; "" is every day.
func parseDays(text string) (days [7]bool, err error) {
	if text == "" {
		return [7]bool{true, true, true, true, true, true, true}, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, to := dayOf(first), dayOf(last)
		if from < 0 || to < 0 {
			return days, fmt.Errorf("days: such as mon-fri or sat,sun, got %q", clip(text))
		}
		for day := from; ; day = (day + 1) % 7 {
			days[day] = true
			if day == to {
				break
			}
		}
	}
	return days, nil
}

func dayOf(name string) int {
	for i, n := range dayNames {
		if strings.EqualFold(strings.TrimSpace(name), n) {
			return i
		}
	}
	return -1
}

// parseClock reads "06:30" as minutes after midnight; "24:00" is the midnight that ends a day.
func parseClock(text string) (int, error) {
	hour, minute, ok := strings.Cut(text, ":")
	h, err1 := strconv.ParseUint(hour, 10, 8)
	m, err2 := strconv.ParseUint(minute, 10, 8)
	if !ok || err1 != nil || err2 != nil || len(minute) != 2 || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, fmt.Errorf("a time of day such as 06:30, got %q", clip(text))
	}
	return int(h*60+m) % (24 * 60), nil
}

// Hours are times of the day, on every day, in the machine's zone.
type Hours struct {
	zone *time.Location
	list []period
}

// ParseHours reads "06:00-09:00,17:00-22:30".
func ParseHours(text string) (*Hours, error) {
	h := &Hours{zone: time.Local}
	every, _ := parseDays("")
	for part := range strings.SplitSeq(text, ",") {
		from, to, ok := strings.Cut(strings.TrimSpace(part), "-")
		f, err1 := parseClock(from)
		t, err2 := parseClock(to)
		if !ok || err1 != nil || err2 != nil || len(h.list) == 24 {
			return nil, fmt.Errorf("times of the day such as 06:00-09:00,17:00-22:30, got %q", clip(text))
		}
		h.list = append(h.list, period{days: every, from: f, to: t})
	}
	return h, nil
}

// Holds reports whether a time is in one of them.
func (h *Hours) Holds(t time.Time) bool {
	t = t.In(h.zone)
	for i := range h.list {
		if h.list[i].holds(t.Weekday(), t.Hour()*60+t.Minute()) {
			return true
		}
	}
	return false
}
