package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rerig/rerig/node/governor"
)

// yearSeeds are the years that are played; every figure is their average.
var yearSeeds = []uint64{1, 2, 3, 4, 5}

// warmUp is how long a miner needs to earn again after each start.
const warmUp = time.Minute

// yearPolicy is a way to use a card.
type yearPolicy int

// The policies: three that never change, and the governor.
const (
	alwaysAI yearPolicy = iota
	alwaysMine
	alwaysOn
	governs
)

var yearPolicies = map[yearPolicy]string{alwaysAI: "always AI: jobs at any time, rest between", alwaysMine: "always mine",
	alwaysOn: "always on: jobs at any time, mining between", governs: "governor"}

// yearSum is what a year left, in millionths of a token.
type yearSum struct {
	jobs, mining, power int64
	jobHours, mineHours float64
	starts              int // of the miner
}

func (s *yearSum) net() int64 { return s.jobs + s.mining - s.power }

func (s *yearSum) add(o yearSum) {
	s.jobs, s.mining, s.power = s.jobs+o.jobs, s.mining+o.mining, s.power+o.power
	s.jobHours, s.mineHours, s.starts = s.jobHours+o.jobHours, s.mineHours+o.mineHours, s.starts+o.starts
}

// play runs a card through a year.
func play(p yearPolicy, card *yearCard, hours []yearHour) (sum yearSum) {
	policy := governor.Policy{Margin: 1000, Mines: true}
	policy.Fill()
	var state governor.State
	price := governor.Rate(card.price) // the same for all
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	paid, left := governor.Rate(0), 0 // of the job under way: its price, and its minutes
	mined, draw := false, card.idle
	for i := range hours {
		h := &hours[i]
		now = now.Add(yearStep)
		ask, sold, mines := price, p != alwaysMine, p != alwaysAI
		if p == governs {
			limit := card.job
			in := &governor.Input{Now: now, Reading: governor.Reading{At: now, Power: &draw, Limit: &limit}, Job: left > 0,
				Tariff: governor.Figure{Value: int64(h.kwh), Known: true}, Revenue: governor.Figure{Value: int64(h.mining), Known: true}}
			floor, _ := policy.Floor(state, in)
			in.Ask = governor.Ask(price, floor.Floor)
			var v governor.Verdict
			state, v = policy.Decide(state, in)
			ask, sold, mines = in.Ask, v.Sold, v.Mines
		}
		if left <= 0 && sold && h.bid >= ask {
			paid, left = ask, h.minutes
		}
		if left > 0 { // to the next step's end: what is left of that is nobody's
			worked := min(left, int(yearStep/time.Minute))
			sum.jobs += int64(paid) * int64(worked) / 60
			sum.jobHours += float64(worked) / 60
			left -= worked
			mined, draw = false, card.job
		} else if mines {
			earning := yearStep
			if !mined {
				sum.starts++
				earning -= warmUp
			}
			sum.mining += int64(h.mining) * int64(earning/time.Second) / 3600
			sum.mineHours += yearStep.Hours()
			mined, draw = true, card.mine
		} else {
			mined, draw = false, card.idle
		}
		sum.power += int64(h.kwh.Cost(draw)) * int64(yearStep/time.Second) / 3600
	}
	return sum
}

// years plays all cards through all years, and returns the average of a year for each policy.
func years() map[yearPolicy]yearSum {
	all := map[yearPolicy]yearSum{}
	for _, seed := range yearSeeds {
		for i := range yearCards {
			hours := year(seed, &yearCards[i])
			for p := range yearPolicies {
				sum := all[p]
				sum.add(play(p, &yearCards[i], hours))
				all[p] = sum
			}
		}
	}
	n := int64(len(yearSeeds))
	for p, s := range all {
		all[p] = yearSum{s.jobs / n, s.mining / n, s.power / n, s.jobHours / float64(n), s.mineHours / float64(n), s.starts / int(n)}
	}
	return all
}

// handover is a package's benchmark of a card's way from the idle command to a job and back.
var handover = measured{"./node/governor", "^BenchmarkHandover$", "20x", map[string]string{
	"Handover handover-ms": "handover_ms", "Handover to-job-ms": "handover_to_job_ms", "Handover to-miner-ms": "handover_to_miner_ms",
}}

// governorFigures are what the governor is worth, and how long it takes to change its mind.
func governorFigures(ctx context.Context, res results) error {
	best := int64(0)
	all := years()
	for p, sum := range all {
		key := map[yearPolicy]string{alwaysAI: "always_ai", alwaysMine: "always_mine", alwaysOn: "always_on", governs: "governor"}[p]
		res["year_"+key+"_net"] = float64(sum.net()) / 1e6
		res["year_"+key+"_jobs"], res["year_"+key+"_mining"], res["year_"+key+"_power"] = float64(sum.jobs)/1e6, float64(sum.mining)/1e6, float64(sum.power)/1e6
		if p != governs {
			best = max(best, sum.net())
		}
	}
	governed := all[governs]
	if best <= 0 {
		return fmt.Errorf("the governor's year: no fixed policy earns anything, so there is nothing to compare")
	}
	res["governor_gain_over_best_fixed"] = float64(governed.net()-best) / float64(best)
	fmt.Fprintf(os.Stderr, "governor nets %.4g a year, %.3g more than the best fixed policy\n", float64(governed.net())/1e6, res["governor_gain_over_best_fixed"])
	out, err := handover.run(ctx)
	if err != nil {
		return err
	}
	return handover.take(out, res)
}

// governor is the table of a year's sums.
func (r results) governor() string {
	if _, ok := r["year_governor_net"]; !ok {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n| a simulated year of three cards, in tokens | jobs | mining | power | net |\n|---|--:|--:|--:|--:|\n")
	for _, one := range []struct{ key, name string }{{"always_ai", yearPolicies[alwaysAI]}, {"always_mine", yearPolicies[alwaysMine]},
		{"always_on", yearPolicies[alwaysOn]}, {"governor", yearPolicies[governs]}} {
		at := func(what string) float64 { return r["year_"+one.key+"_"+what] }
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %.2f | %.2f |\n", one.name, at("jobs"), at("mining"), at("power"), at("net"))
	}
	return b.String()
}
