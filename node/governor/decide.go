package governor

import (
	"fmt"
	"slices"
	"time"
)

// Mode is what a card does.
type Mode string

// The modes. A card is in exactly one.
const (
	ModeJob    Mode = "job"    // a job has it
	ModeMine   Mode = "mine"   // the idle command runs
	ModeWait   Mode = "wait"   // nothing runs; it waits for jobs
	ModeSleep  Mode = "sleep"  // nothing runs, and it is not sold
	ModeHot    Mode = "hot"    // too hot: nothing may run until it has cooled
	ModePaused Mode = "paused" // the miner's wish: no new work
	ModeGone   Mode = "gone"   // the machine or its driver says nothing of it
)

// Policy is what the miner wants. Zero values are off, but for those of Fill.
type Policy struct {
	// Margin is what a job must pay beside its power.
	Margin Share
	// TempStop and TempResume are °C: at the first a card stops, at the second it may go on.
	TempStop, TempResume int
	// HotGrace is how long a job on a card that is too hot may go on; from HotBeyond °C
	// above TempStop it ends at once.
	HotGrace  time.Duration
	HotBeyond int
	// Mines tells that there is an idle command.
	Mines bool
	// Band is the part of the better side by which another activity must be better still
	// before a card changes to it, and Dwell how long it stays with one at least. Both
	// together keep a card from changing to and fro.
	Band  Share
	Dwell time.Duration
	// Lives of what is heard: what is older counts as not known.
	ReadingLife, TariffLife, RevenueLife, MarketLife time.Duration
	// Heat is the part of the power's cost that warmth is worth where it is wanted: all of
	// it in place of an electric heater, a third in place of a heat pump.
	Heat Share
	// Assumed is a card's power at work where neither a measurement nor a limit is known.
	Assumed Power
}

// Fill sets what is zero and must not be.
func (p *Policy) Fill() {
	for _, d := range []struct {
		at    *time.Duration
		usual time.Duration
	}{{&p.HotGrace, 2 * time.Minute}, {&p.Dwell, 5 * time.Minute}, {&p.ReadingLife, 2 * time.Minute},
		{&p.TariffLife, 2 * time.Hour}, {&p.RevenueLife, 6 * time.Hour}, {&p.MarketLife, time.Hour}} {
		if *d.at == 0 {
			*d.at = d.usual
		}
	}
	if p.HotBeyond == 0 {
		p.HotBeyond = 10
	}
	if p.Band == 0 {
		p.Band = 500
	}
	if p.Assumed == 0 {
		p.Assumed = 200_000
	}
}

// Reading is what a card's driver told last. A nil field is not told.
type Reading struct {
	At      time.Time // zero where nothing was ever told
	TempC   *int      // the hottest that is told, °C
	Power   *Power    // drawn
	Limit   *Power    // allowed
	UsedMiB *uint32   // VRAM taken
	// Lost says why the machine has the card no more, "" where it has.
	Lost string
}

// Figure is a number that somebody else tells. One without a time is the miner's own, and
// never too old.
type Figure struct {
	Value int64
	Known bool
	At    time.Time
}

func (f Figure) fresh(now time.Time, life time.Duration) bool {
	return f.Known && (f.At.IsZero() || now.Sub(f.At) < life)
}

// Input is all that a decision about a card goes by.
type Input struct {
	Now     time.Time
	Reading Reading
	Job     bool   // a job has the card
	Paused  bool   // the miner's wish, or the rig goes away
	Barred  string // why the idle command cannot run now, "" where it can
	Tariff  Figure // PerKWh
	Revenue Figure // Rate: what mining brings in, before power
	Ask     Rate   // what the rig asks for an hour of a card
	Warm    bool   // warmth is wanted
}

// Draw is what a card was seen to draw; zero is never seen.
type Draw struct {
	Job  Power `json:"job_mw"`
	Mine Power `json:"mine_mw"`
	Idle Power `json:"idle_mw"`
}

// State is what a card's decisions remember.
type State struct {
	Mode    Mode      `json:"mode"`
	Since   time.Time `json:"since"` // of the mode
	Mine    Switch    `json:"mine"`  // mining pays better than rest
	Only    Switch    `json:"only"`  // mining pays better than jobs
	Hot     bool      `json:"hot"`
	HotAt   time.Time `json:"hot_at"`
	Draw    Draw      `json:"draw"`
	Learned time.Time `json:"learned"` // the reading that Draw knows
}

// Sum is how a decision was reached, for the miner. Rates are for an hour of this card.
type Sum struct {
	Power     Power  `json:"power_mw"` // at work
	Assumed   bool   `json:"assumed"`  // not measured yet
	Tariff    PerKWh `json:"tariff"`
	TariffOK  bool   `json:"tariff_known"`
	Margin    Share  `json:"margin_bp"`
	Cost      Rate   `json:"cost"` // of a job's power, less what its warmth is worth
	Warmth    Rate   `json:"warmth"`
	Floor     Rate   `json:"floor"` // the least to ask
	Ask       Rate   `json:"ask"`
	Revenue   Rate   `json:"revenue"`
	RevenueOK bool   `json:"revenue_known"`
	NetJob    Rate   `json:"net_job"`
	NetMine   Rate   `json:"net_mine"`
	NetIdle   Rate   `json:"net_idle"`
}

// Verdict is what a card is to do.
type Verdict struct {
	Mode   Mode
	Sold   bool   // jobs may have it
	EndJob bool   // the job on it must end, billed up to here
	Mines  bool   // the idle command is to run when no job has the card
	Why    string // for the miner
	Sum    Sum
}

// settled is how long a mode must have lasted before its power is learned.
const settled = time.Minute

// step is what learned power is rounded up to, so that asks do not flutter.
const step Power = 5_000

// Floor is the least that an hour of the card may cost, and how it is reached. It is not
// known where the tariff is not.
func (p *Policy) Floor(s State, in *Input) (Sum, bool) {
	sum := Sum{Margin: p.Margin, Ask: in.Ask, TariffOK: in.Tariff.fresh(in.Now, p.TariffLife), RevenueOK: in.Revenue.fresh(in.Now, p.RevenueLife)}
	sum.Power, sum.Assumed = s.Draw.Job, false
	if sum.Power == 0 {
		sum.Power, sum.Assumed = p.Assumed, true
		if in.Reading.Limit != nil {
			sum.Power = *in.Reading.Limit
		}
	}
	sum.Power = (sum.Power + step - 1) / step * step
	if sum.RevenueOK {
		sum.Revenue = Rate(in.Revenue.Value)
	}
	if !sum.TariffOK {
		return sum, false
	}
	sum.Tariff = PerKWh(in.Tariff.Value)
	sum.Cost, sum.Warmth = p.cost(sum.Tariff, sum.Power, in.Warm)
	sum.Floor = max(0, (whole + p.Margin).of(sum.Cost))
	sum.NetJob = in.Ask - sum.Cost
	mine := s.Draw.Mine
	if mine == 0 {
		mine = sum.Power
	}
	costMine, _ := p.cost(sum.Tariff, mine, in.Warm)
	costIdle, _ := p.cost(sum.Tariff, s.Draw.Idle, in.Warm)
	sum.NetMine, sum.NetIdle = sum.Revenue-costMine, -costIdle
	return sum, true
}

// cost is what power costs in an hour, less what its warmth is worth.
func (p *Policy) cost(tariff PerKWh, power Power, warm bool) (cost, warmth Rate) {
	cost = tariff.Cost(power)
	if warm && cost > 0 {
		warmth = Rate(int64(cost) * int64(min(p.Heat, whole)) / whole)
	}
	return cost - warmth, warmth
}

// Ask is what a rig asks for an hour of any of its cards: one price for all, below the floor
// of none.
func Ask(price Rate, floors ...Rate) Rate { return max(price, slices.Max(append(floors, 0))) }

// Decide is a card's next step. It has no memory but the state.
func (p *Policy) Decide(s State, in *Input) (State, Verdict) {
	s = p.learn(s, in)
	s = p.heat(s, in)
	sum, priced := p.Floor(s, in)
	v := Verdict{Sum: sum}
	switch {
	case in.Reading.Lost != "":
		v.Mode, v.Why = ModeGone, in.Reading.Lost
	case in.Reading.At.IsZero():
		v.Mode, v.Why = ModeGone, "its driver has told nothing yet"
	case in.Now.Sub(in.Reading.At) >= p.ReadingLife:
		v.Mode, v.Why = ModeGone, "its driver has told nothing for "+in.Now.Sub(in.Reading.At).Round(time.Second).String()
	case s.Hot:
		v.Mode, v.Why = ModeHot, p.whyHot(in)
	case in.Paused:
		v.Mode, v.Why = ModePaused, "no new work, as you wish"
	case !priced:
		v.Mode, v.Why = ModeSleep, "what power costs is not known"
	default:
		s, v = p.best(s, in, v)
	}
	if in.Job {
		v.EndJob = s.Hot && p.tooLong(s, in)
		if v.Mode == ModeMine || v.Mode == ModeWait || v.Mode == ModeSleep {
			v.Mode, v.Why = ModeJob, "a job has it"
		}
	}
	if v.Mode != s.Mode {
		s.Mode, s.Since = v.Mode, in.Now
	}
	return s, v
}

// best weighs what the card could do. Whether it is sold and what runs until a job comes are
// two questions: a card that mines gives way to a job, unless mining pays better than jobs.
func (p *Policy) best(s State, in *Input, v Verdict) (State, Verdict) {
	sum := &v.Sum
	// What mining draws is seen by mining: without a trial a card whose limit costs more than
	// mining brings in would never be found to take less.
	trial := p.Mines && sum.RevenueOK && s.Mine.At.IsZero() && (s.Draw.Mine == 0 || s.Mode == ModeMine && in.Now.Sub(s.Since) < p.Dwell)
	switch {
	case trial:
	case p.Mines && sum.RevenueOK:
		s.Mine.turn(p, in.Now, sum.NetMine-sum.NetIdle, p.Band.of(max(sum.Revenue, 0)))
		s.Only.turn(p, in.Now, sum.NetMine-sum.NetJob, p.Band.of(max(sum.NetJob, sum.NetMine, 0)))
	default:
		s.Mine, s.Only = Switch{}, Switch{}
	}
	mines := (s.Mine.On || trial) && in.Barred == ""
	v.Sold = !mines || !s.Only.On
	v.Mode, v.Mines = ModeWait, mines
	if mines {
		v.Mode = ModeMine
	}
	switch {
	case !v.Sold:
		v.Why = fmt.Sprintf("mining nets %v/h, a job at %v/h would net %v/h", sum.NetMine, sum.Ask, sum.NetJob)
	case mines && trial:
		v.Why = "mining is tried, to see what it draws"
	case mines:
		v.Why = fmt.Sprintf("mining nets %v/h until a job comes that nets %v/h", sum.NetMine, sum.NetJob)
	case !p.Mines:
		v.Why = "it waits for jobs"
	case !sum.RevenueOK:
		v.Why = "what mining brings in is not known"
	case in.Barred != "":
		v.Why = "the idle command cannot run: " + in.Barred
	default:
		v.Why = fmt.Sprintf("mining would net %v/h, rest nets %v/h", sum.NetMine, sum.NetIdle)
	}
	return s, v
}

// Switch is a choice that is not changed for little, or too often.
type Switch struct {
	On bool      `json:"on"`
	At time.Time `json:"at"` // last changed; zero before the first choice
}

// turn makes the choice again: on needs a gain above the band, off a loss, and both that the
// last change has lasted a dwell.
func (w *Switch) turn(p *Policy, now time.Time, gain, band Rate) {
	on := w.On
	switch {
	case w.At.IsZero():
		*w = Switch{gain > 0, now}
		return
	case now.Sub(w.At) < p.Dwell:
	case on:
		on = gain >= 0
	default:
		on = gain > band
	}
	if on != w.On {
		*w = Switch{on, now}
	}
}

// learn follows what a card draws in each mode, an eighth of the way with each reading. What
// jobs draw it follows up at once and down slowly: a light job must not let a heavy one be
// sold below its power.
func (*Policy) learn(s State, in *Input) State {
	r := &in.Reading
	if r.Power == nil || r.Lost != "" || !r.At.After(s.Learned) || r.At.Sub(s.Since) < settled {
		return s
	}
	s.Learned = r.At
	at := map[Mode]*Power{ModeJob: &s.Draw.Job, ModeMine: &s.Draw.Mine, ModeWait: &s.Draw.Idle, ModeSleep: &s.Draw.Idle, ModePaused: &s.Draw.Idle}[s.Mode]
	if in.Job {
		at = &s.Draw.Job
	}
	if at == nil {
		return s
	}
	drawn := min(max(*r.Power, 0), maxPower)
	switch {
	case *at == 0 || at == &s.Draw.Job && drawn > *at:
		*at = drawn
	case at == &s.Draw.Job:
		*at += (drawn - *at) / 64
	default:
		*at += (drawn - *at) / 8
	}
	return s
}

// heat stops a card at TempStop and lets it go on at TempResume.
func (p *Policy) heat(s State, in *Input) State {
	t := in.Reading.TempC
	switch {
	case p.TempStop == 0:
		s.Hot = false
	case t == nil: // not told: as before
	case !s.Hot && *t >= p.TempStop:
		s.Hot, s.HotAt = true, in.Now
	case s.Hot && *t <= p.TempResume:
		s.Hot = false
	}
	return s
}

// tooLong tells that a job must leave a card that does not cool with it.
func (p *Policy) tooLong(s State, in *Input) bool {
	t := in.Reading.TempC
	if t == nil || *t < p.TempStop {
		return false
	}
	return *t >= p.TempStop+p.HotBeyond || in.Now.Sub(s.HotAt) >= p.HotGrace
}

func (p *Policy) whyHot(in *Input) string {
	if in.Reading.TempC == nil {
		return fmt.Sprintf("it was above %d °C; nothing runs until it tells %d °C", p.TempStop, p.TempResume)
	}
	return fmt.Sprintf("%d °C; it stops at %d °C and goes on at %d °C", *in.Reading.TempC, p.TempStop, p.TempResume)
}
