package governor

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite what the scripts print")

// TestScenarios plays a card through scripted hours. A block of a script is some commands, a
// line of four dashes and what changed, up to an empty line; `go test -update` rewrites what
// changed.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := playFile(t, string(b))
			if *update {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(b) {
				t.Errorf("it went otherwise; look, then go test -update:\n%s", got)
			}
		})
	}
}

func playFile(t *testing.T, text string) string {
	t.Helper()
	s := &script{}
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		commands, _, _ := strings.Cut(block+"\n", "----\n")
		s.out.Reset()
		ran := false
		for _, line := range strings.Split(strings.TrimSpace(commands), "\n") {
			if line == "" || line[0] == '#' {
				continue
			}
			ran = true
			if err := s.command(line); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(strings.TrimRight(commands, "\n") + "\n")
		if ran {
			out.WriteString("----\n" + s.out.String())
		}
	}
	return out.String()
}

// script is one card under way, in steps of ten seconds.
type script struct {
	policy   Policy
	schedule *Schedule
	state    State
	price    Rate // that the miner gave
	in       Input
	told     bool // the driver answers
	online   bool // what is followed from elsewhere answers
	last     string
	draws    map[Mode]Power
	out      strings.Builder
}

const scriptStep = 10 * time.Second

// command runs a line: its first word says what, KEY=VALUE words what else.
func (s *script) command(line string) error {
	words := strings.Fields(line)
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		if err := s.set(words[0], key, strings.ReplaceAll(value, "_", " ")); err != nil {
			return err
		}
	}
	switch words[0] {
	case "card":
		s.policy.Fill()
		s.told, s.online = true, true
	case "set":
		s.decide()
	case "restart": // what is learned and chosen is on disk
		s.in.Job, s.in.Reading, s.last = false, Reading{TempC: s.in.Reading.TempC}, ""
		s.decide()
	case "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			return err
		}
		for end := s.in.Now.Add(d); s.in.Now.Before(end); {
			s.in.Now = s.in.Now.Add(scriptStep)
			s.decide()
		}
	case "explain":
		s.explain()
	default:
		return fmt.Errorf("no such command")
	}
	return nil
}

// set changes one thing.
func (s *script) set(command, key, value string) (err error) {
	n, _ := strconv.Atoi(value)
	on := value == "yes"
	switch key {
	case "at":
		s.in.Now, err = time.Parse(time.RFC3339, value)
	case "margin":
		s.policy.Margin, err = ParseShare(value)
	case "stop":
		s.policy.TempStop = n
	case "resume":
		s.policy.TempResume = n
	case "mines":
		s.policy.Mines = on
	case "heat":
		s.policy.Heat, err = ParseShare(value)
	case "warm":
		s.in.Warm = on
	case "job":
		s.in.Job = on
	case "paused":
		s.in.Paused = on
	case "barred":
		s.in.Barred = value
	case "lost":
		s.in.Reading.Lost = value
	case "driver":
		s.told = value == "answers"
	case "line":
		s.online = value == "up"
	case "temp":
		s.in.Reading.TempC = &n
	case "draws": // job/mine/idle
		s.draws = map[Mode]Power{}
		for i, w := range strings.Split(value, "/") {
			watts, _ := strconv.Atoi(w)
			s.draws[[]Mode{ModeJob, ModeMine, ModeWait}[i]] = Power(watts) * 1000
		}
	case "kwh":
		var p PerKWh
		p, err = ParsePerKWh(value)
		s.in.Tariff = Figure{Value: int64(p), Known: true, At: s.in.Now}
	case "tariff":
		var text []byte
		if text, err = os.ReadFile(filepath.Join("testdata", value)); err == nil {
			s.schedule, err = ParseSchedule(text)
		}
	case "revenue":
		var r Rate
		r, err = ParseRate(value)
		s.in.Revenue = Figure{Value: int64(r), Known: true, At: s.in.Now}
	case "ask":
		s.price, err = ParseRate(value)
	default:
		if command != "wait" {
			err = fmt.Errorf("no such key %q", key)
		}
	}
	return err
}

// decide asks for a verdict and notes it where it is another one.
func (s *script) decide() {
	in := &s.in
	if s.told {
		in.Reading.At = in.Now
		draw, ok := s.draws[s.state.Mode]
		if !ok {
			draw = s.draws[ModeWait]
		}
		if draw > 0 {
			in.Reading.Power = &draw
		}
	}
	if s.schedule != nil {
		in.Tariff = Figure{Value: int64(s.schedule.At(in.Now)), Known: true}
	} else if s.online {
		in.Tariff.At = in.Now
	}
	if s.online {
		in.Revenue.At = in.Now
	}
	s.ask()
	var v Verdict
	s.state, v = s.policy.Decide(s.state, in)
	text := fmt.Sprintf("%s sold=%t", v.Mode, v.Sold)
	if v.EndJob {
		text += " the job must end"
		s.in.Job = false
	}
	if text != s.last {
		s.last = text
		fmt.Fprintf(&s.out, "%s %s: %s\n", in.Now.Format("02T15:04:05Z07:00"), text, v.Why)
	}
}

// ask asks the miner's price, and never less than the floor.
func (s *script) ask() {
	sum, _ := s.policy.Floor(s.state, &s.in)
	s.in.Ask = Ask(s.price, sum.Floor)
}

func (s *script) explain() {
	s.ask()
	sum, _ := s.policy.Floor(s.state, &s.in)
	fmt.Fprintf(&s.out, "%v × %v = %v, warmth %v, + %v = floor %v; ask %v; job nets %v, mining %v − power = %v, rest %v\n",
		sum.Power, sum.Tariff, sum.Cost+sum.Warmth, sum.Warmth, sum.Margin, sum.Floor, sum.Ask, sum.NetJob, sum.Revenue, sum.NetMine, sum.NetIdle)
}
