package governor

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestNeverBelowFloor plays random days: what is asked never is below what a job's power
// costs with the margin, no card mines at a loss for longer than a dwell, none changes its
// mind within one, and nothing runs on one that is too hot.
func TestNeverBelowFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Margin: Share(rapid.Int64Range(0, 10_000).Draw(t, "margin")), TempStop: 85, TempResume: 70, Mines: true}
		p.Fill()
		now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		var s State
		price := Rate(rapid.Int64Range(0, 200_000).Draw(t, "price"))
		losing := time.Duration(0)
		in := Input{Now: now}
		for range 200 {
			now = now.Add(time.Minute)
			if rapid.IntRange(0, 9).Draw(t, "changes") == 0 {
				in.Tariff = Figure{Value: rapid.Int64Range(-50_000, 900_000).Draw(t, "kwh"), Known: true}
				in.Revenue = Figure{Value: rapid.Int64Range(0, 150_000).Draw(t, "revenue"), Known: true}
				in.Job = rapid.Bool().Draw(t, "job")
			}
			temp, power := rapid.IntRange(40, 99).Draw(t, "temp"), Power(rapid.Int64Range(0, 400_000).Draw(t, "power"))
			in.Now, in.Reading = now, Reading{At: now, TempC: &temp, Power: &power}
			sum, known := p.Floor(s, &in)
			in.Ask = Ask(price, sum.Floor)
			if known && in.Ask < (whole+p.Margin).of(sum.Tariff.Cost(sum.Power)) {
				t.Fatalf("asks %v for %v at %v", in.Ask, sum.Power, sum.Tariff)
			}
			before := s
			var v Verdict
			s, v = p.Decide(s, &in)
			if temp >= 85 && (v.Sold || v.Mode == ModeMine) {
				t.Fatalf("at %d °C it is %s, sold %t", temp, v.Mode, v.Sold)
			}
			if before.Mine.On != s.Mine.On && !before.Mine.At.IsZero() && !s.Mine.At.IsZero() && s.Mine.At.Sub(before.Mine.At) < p.Dwell {
				t.Fatalf("it changed its mind after %v", s.Mine.At.Sub(before.Mine.At))
			}
			losing += time.Minute
			if v.Mode != ModeMine || v.Sum.NetMine >= v.Sum.NetIdle {
				losing = 0
			}
			if losing > p.Dwell+time.Minute {
				t.Fatalf("it mines at a loss for %v", losing)
			}
		}
	})
}

func TestFiguresAreExact(t *testing.T) {
	for text, want := range map[string]Rate{"0.03/h": 30_000, "0.72/d": 30_000, "1": 1_000_000, "-0.5/h": -500_000, ".000001": 1, "3.12e-2": 31_200,
		"0.0000009": 0, "1e3/h": 1_000_000_000, "1e-99": 0, "0.123456789012345678901234567890": 123_456} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", "x", "1/h/h", "1e99", "1e999", "0x1", "1,5", "1000001", "+1", "1 /m", "NaN", strings.Repeat("1", 100)} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	if got := PerKWh(150_000).Cost(170_000); got != 25_500 {
		t.Errorf("170 W at 0.15 cost %v", got)
	}
	if got := PerKWh(150_001).Cost(1); got != 1 {
		t.Errorf("a milliwatt costs %d", got)
	}
	if got := (whole + Share(2000)).of(25_500); got != 30_600 {
		t.Errorf("the floor is %v", got)
	}
	for text, want := range map[string]Share{"20%": 2000, "0": 0, "12.5 %": 1250, "1000%": 100_000} {
		if got, err := ParseShare(text); err != nil || got != want {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1%", "1001%", "0.001%", "much"} {
		if got, err := ParseShare(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	if got := Rate(-25_500).String() + " " + Share(1250).String() + " " + Power(169_600).String(); got != "-0.0255 12.5 % 170 W" {
		t.Error(got)
	}
}

// TestDaysOf23And25Hours counts the dear hours of the days on which the clock is changed.
func TestDaysOf23And25Hours(t *testing.T) {
	text, err := os.ReadFile("testdata/night.toml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSchedule(text)
	if err != nil {
		t.Fatal(err)
	}
	for day, cheap := range map[string]int{"2026-03-29": 5, "2026-10-25": 7, "2026-07-01": 6} {
		at, err := time.ParseInLocation(time.DateOnly, day, s.zone)
		if err != nil {
			t.Fatal(err)
		}
		hours, dear := 0, 0
		for end := at.AddDate(0, 0, 1); at.Before(end); at = at.Add(time.Hour) {
			if hours++; s.At(at) == 320_000 {
				dear++
			}
		}
		if hours-dear != cheap || dear != 18 {
			t.Errorf("%s has %d cheap hours of %d, want %d", day, hours-dear, hours, cheap)
		}
	}
	if next, ok := s.Next(time.Date(2026, 10, 24, 21, 50, 0, 0, time.UTC)); !ok || !next.Equal(time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC)) {
		t.Errorf("the price changes at %v", next)
	}
	if next, ok := s.Next(time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC)); !ok || !next.Equal(time.Date(2026, 10, 25, 5, 0, 0, 0, time.UTC)) {
		t.Errorf("then at %v", next)
	}
}

func TestSchedules(t *testing.T) {
	s, err := ParseSchedule([]byte(`
timezone = "UTC"
kwh = "0.2"
[[period]]
days = "mon-fri"
from = "22:00"
to = "06:00"
kwh = "0.1"
[[period]]
days = "sat,sun"
from = "00:00"
to = "24:00"
kwh = "0.05"
`))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]PerKWh{"2026-11-02T12:00:00Z": 200_000, "2026-11-02T23:00:00Z": 100_000, "2026-11-03T05:59:00Z": 100_000,
		"2026-11-02T05:00:00Z": 200_000, // its night began on a Sunday
		"2026-11-07T05:00:00Z": 50_000, "2026-11-08T23:59:00Z": 50_000} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.At(when); got != want {
			t.Errorf("at %s a kilowatt-hour costs %v, want %v", at, got, want)
		}
	}
	flat, err := ParseSchedule([]byte(`kwh = "0.2"`))
	if err != nil {
		t.Fatal(err)
	}
	if next, ok := flat.Next(time.Now()); ok {
		t.Errorf("a flat tariff changes at %v", next)
	}
	for text, want := range map[string]string{
		``: "kwh is missing", `kwh = "x"`: "kwh: a decimal number", `kwh = "0.1"` + "\nfoo = 1": `unknown key "foo"`,
		"kwh = \"0.1\"\ntimezone = \"Mars/Olympus\"": "timezone", "kwh = \"0.1\"\n[[period]]\nfrom = \"25:00\"\nto = \"1:00\"\nkwh = \"1\"": "period 1: a time of day",
		"kwh = \"0.1\"\n[[period]]\ndays = \"funday\"\nfrom = \"2:00\"\nto = \"1:00\"\nkwh = \"1\"": "days: such as",
		"kwh = \"0.1\"" + strings.Repeat("\n[[period]]\n", 201):                                     "201 periods",
	} {
		if _, err := ParseSchedule([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
	h, err := ParseHours("22:00-06:00, 12:00-13:00")
	if err != nil {
		t.Fatal(err)
	}
	h.zone = time.UTC
	for hour, want := range map[int]bool{23: true, 5: true, 6: false, 12: true, 13: false} {
		if got := h.Holds(time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)); got != want {
			t.Errorf("at %d it is %t", hour, got)
		}
	}
	if _, err := ParseHours("6-9"); err == nil {
		t.Error("hours without minutes are taken")
	}
}

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		`miner -a etchash --pool 'stratum+tcp://x:1' -d {index}`: {"miner", "-a", "etchash", "--pool", "stratum+tcp://x:1", "-d", "{index}"},
		`"C:\miner dir\m.exe" "" a\ b 'c"d' "e\"f\\"`:            {`C:\miner dir\m.exe`, "", "a b", `c"d`, `e"f\`},
		"  sh\t-c 'x; $Y' ": {"sh", "-c", "x; $Y"},
	} {
		if got, err := SplitWords(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is %q, %v", line, got, err)
		}
	}
	for _, line := range []string{"", "  ", `a "b`, `a \`, `""`, strings.Repeat("a ", 257), strings.Repeat("a", 20_000), "a\x00b"} {
		if got, err := SplitWords(line); err == nil {
			t.Errorf("%.20q is %q", line, got)
		}
	}
}
