package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/governor"
)

// priceAuto asks what others ask.
const priceAuto = "auto"

// maxTariffFile is how long a tariff's file may be, in bytes.
const maxTariffFile = 256 << 10

// governorFlags say what the cards are to earn, and how (docs/earning.md).
type governorFlags struct {
	kwh, kwhSource, kwhExtra, tariff string
	margin                           string
	idle                             string
	idleStop                         time.Duration
	revenue                          string
	tempStop, tempResume, powerLimit int
	heatHours, heatFrom              string
	heatTarget, heatWorth            string
}

func (g *governorFlags) register(f *pflag.FlagSet) {
	f.StringVar(&g.kwh, "kwh", "", "`price` of a kilowatt-hour in the network's token, such as 0.15: no card is sold below what its power costs")
	f.StringVar(&g.kwhSource, "kwh-source", "", "`source` of that price, http://… or file:PATH, with #data.0.price behind it where it is in JSON and /1000 where it is for a megawatt-hour; --kwh is for when it is away")
	f.StringVar(&g.kwhExtra, "kwh-extra", "0", "`price` that is added to that of --kwh-source or --tariff-file: grid and taxes")
	f.StringVar(&g.tariff, "tariff-file", "", "`file` with a tariff by the hour, in TOML: see docs/earning.md")
	f.StringVar(&g.margin, "margin", "20%", "`percent` that a job must pay beside its power")
	f.StringVar(&g.idle, "idle-cmd", "", "`command` that runs on each card while no job pays better, such as a miner: {index}, {uuid} and {card} are the card's, as are RERIG_CARD_INDEX, RERIG_CARD_UUID and RERIG_CARD")
	f.DurationVar(&g.idleStop, "idle-stop", 10*time.Second, "`time` that it has to end when a job comes, before it is killed")
	f.StringVar(&g.revenue, "mining-revenue", "", "what the command brings in on one card, in the network's token: `0.03/h`, 0.72/d, or a source as of --kwh-source")
	f.IntVar(&g.tempStop, "temp-stop", 0, "`°C` of its core at which a card stops; 0 leaves that to the driver")
	f.IntVar(&g.tempResume, "temp-resume", 0, "`°C` at which it may go on (default 15 below)")
	f.IntVar(&g.powerLimit, "power-limit", 0, "`watts` that each card may draw while the rig runs, as its driver has it, which needs root; 0 leaves that alone")
	f.StringVar(&g.heatHours, "heat-hours", "", "`times` of the day at which the rig is wanted warm, 06:00-09:00,17:00-22:30: its power then costs what it saves in heating less")
	f.StringVar(&g.heatFrom, "heat-thermostat", "", "`source`, http://… or file:PATH, of a thermostat: on or off, or the room's °C")
	f.StringVar(&g.heatTarget, "heat-target", "", "`°C` that the room is to have, where the thermostat tells its temperature")
	f.StringVar(&g.heatWorth, "heat-worth", "100%", "`percent` of the power's price that warmth is worth: 100% in place of an electric heater, 33% in place of a heat pump")
}

// wanted tells whether anything is to be governed.
func (g *governorFlags) wanted() bool {
	return g.kwh != "" || g.kwhSource != "" || g.tariff != "" || g.idle != "" || g.tempStop != 0 || g.powerLimit != 0 || g.heatHours != "" || g.heatFrom != "" || g.revenue != ""
}

// set gives a rig its governor, if any of the flags is given.
func (g *governorFlags) set(rig *node.RigConfig, auto bool) (err error) {
	if !g.wanted() {
		if auto {
			return usage("--gpu-price auto: never below what power costs, so say what that is: --kwh 0.15")
		}
		return nil
	}
	if g.kwh == "" && g.kwhSource == "" && g.tariff == "" {
		return usage("--kwh is missing: what a kilowatt-hour costs in the network's token, such as 0.15, or 0 where it costs nothing")
	}
	cfg := &governor.Config{Auto: auto, StopTime: g.idleStop}
	if err := g.setTariff(cfg); err != nil {
		return err
	}
	if err := g.setIdle(cfg, rig); err != nil {
		return err
	}
	p := &cfg.Policy
	if p.Margin, err = governor.ParseShare(g.margin); err != nil {
		return usage("--margin: %w", err)
	}
	if p.TempStop, p.TempResume = g.tempStop, g.tempResume; p.TempResume == 0 {
		p.TempResume = p.TempStop - 15
	}
	if g.tempStop < 0 || g.tempStop > 120 || g.tempStop > 0 && (p.TempResume < 1 || p.TempResume >= p.TempStop) {
		return usage("--temp-stop and --temp-resume: °C up to 120, the second below the first, got %d and %d", g.tempStop, p.TempResume)
	}
	if cfg.PowerLimit = g.powerLimit; cfg.PowerLimit < 0 || cfg.PowerLimit > 2000 {
		return usage("--power-limit: 1 to 2000 W, got %d", g.powerLimit)
	}
	rig.Governor = cfg
	return g.setHeat(cfg)
}

func (g *governorFlags) setTariff(cfg *governor.Config) (err error) {
	if g.kwh != "" {
		flat, err := governor.ParsePerKWh(g.kwh)
		if err != nil {
			return usage("--kwh: %w", err)
		}
		cfg.KWh = &flat
	}
	if cfg.Extra, err = governor.ParsePerKWh(g.kwhExtra); err != nil {
		return usage("--kwh-extra: %w", err)
	}
	if g.kwhSource != "" {
		cfg.KWhSource, err = sourceFlag("kwh-source", g.kwhSource, func(text string) (int64, error) {
			v, err := governor.ParsePerKWh(text)
			return int64(v), err
		})
		if err != nil {
			return err
		}
	}
	if g.tariff == "" {
		return nil
	}
	if g.kwhSource != "" || g.kwh != "" {
		return usage("--tariff-file has all prices in it; leave --kwh and --kwh-source away")
	}
	st, err := os.Stat(g.tariff)
	if err == nil && st.Size() > maxTariffFile {
		err = fmt.Errorf("%d bytes, at most %d", st.Size(), maxTariffFile)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(g.tariff)
	}
	if err == nil {
		cfg.Schedule, err = governor.ParseSchedule(text)
	}
	if err != nil {
		return usage("--tariff-file %s: %w", g.tariff, err)
	}
	return nil
}

func (g *governorFlags) setIdle(cfg *governor.Config, rig *node.RigConfig) (err error) {
	if g.idle == "" {
		if g.revenue != "" {
			return usage("--mining-revenue is of --idle-cmd, the command that brings it in")
		}
		if rig.Containers == "" || rig.GPUPrice.IsZero() {
			return usage("--kwh and its like are about cards, and none is sold: see --containers and --gpu-price")
		}
		return nil
	}
	if cfg.Command, err = governor.SplitWords(g.idle); err != nil {
		return usage("--idle-cmd: %w", err)
	}
	if g.idleStop < 0 || g.idleStop > 10*time.Minute {
		return usage("--idle-stop: up to 10m, got %v", g.idleStop)
	}
	if g.revenue == "" {
		return usage("--mining-revenue is missing: what --idle-cmd brings in on one card, such as 0.03/h, or 0 where it is not for money")
	}
	parse := func(text string) (int64, error) {
		v, err := governor.ParseRate(text)
		return int64(v), err
	}
	if s, ok, err := governor.ParseSource(g.revenue, parse); err != nil {
		return usage("--mining-revenue: %w", err)
	} else if ok {
		cfg.RevenueSource = &s
		return nil
	}
	fixed, err := governor.ParseRate(g.revenue)
	if err != nil {
		return usage("--mining-revenue: %w", err)
	}
	cfg.Revenue = &fixed
	return nil
}

func (g *governorFlags) setHeat(cfg *governor.Config) (err error) {
	if g.heatHours == "" && g.heatFrom == "" {
		if g.heatTarget != "" {
			return usage("--heat-target is for --heat-thermostat")
		}
		return nil
	}
	if cfg.Policy.Heat, err = governor.ParseShare(g.heatWorth); err != nil || cfg.Policy.Heat > 10_000 {
		return usage("--heat-worth: percent up to 100, got %q", g.heatWorth)
	}
	cfg.Warm = &governor.Warmth{}
	if g.heatHours != "" {
		if cfg.Warm.Hours, err = governor.ParseHours(g.heatHours); err != nil {
			return usage("--heat-hours: %w", err)
		}
	}
	if g.heatFrom != "" {
		if cfg.Warm.Thermostat, err = sourceFlag("heat-thermostat", g.heatFrom, governor.ParseThermostat); err != nil {
			return err
		}
	}
	if g.heatTarget != "" {
		v, err := governor.ParseThermostat(g.heatTarget)
		if err != nil || v < 1_000_000 || v > 60_000_000 {
			return usage("--heat-target: 1 to 60 °C, got %q", g.heatTarget)
		}
		cfg.Warm.Target = v / 1000
	}
	return nil
}

// sourceFlag reads a flag that must be a source.
func sourceFlag(flag, text string, parse func(string) (int64, error)) (*governor.Source, error) {
	s, ok, err := governor.ParseSource(text, parse)
	if err != nil {
		return nil, usage("--%s: %w", flag, err)
	}
	if !ok {
		return nil, usage("--%s: a source http://HOST/PATH or file:PATH, got %q", flag, text)
	}
	return &s, nil
}
