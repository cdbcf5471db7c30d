package main

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/rerig/rerig/node/governor"
)

// A year of prices, shaped like published ones; none of them is a record of any real hour.
//
//   - Power: the hourly day-ahead price of Germany in 2024: 79.6 €/MWh on average, almost 460
//     hours below zero (FfE, "German electricity prices on EPEX Spot 2024"), 35 hours above
//     300 €/MWh in its last quarter (SMARD, "The electricity market in the fourth quarter of
//     2024"). Two peaks a day, a dip at noon that is deepest in summer, cheaper weekends, and
//     weather that lasts for days. A miner pays 0.05 a kilowatt-hour beside it.
//   - Mining: a random walk of 4.5 % a day around what calculators showed for such cards in
//     2024 and 2025, which falls by a fifth in a year as the difficulty rises.
//   - Jobs: come by chance, three times as many on a working day's afternoon as at night, for 40
//     minutes on average, at prices around those of marketplaces for such cards (0.048 an hour
//     for an RTX 3060 on Nosana, by CashPilot's estimate), which drift too.
const (
	yearStep  = 5 * time.Minute
	yearSteps = 365 * 24 * 12
	gridKWh   = 50_000 // millionths for a kilowatt-hour, beside the spot price
)

// yearCard is a class of cards: what it draws, in mW, and what it brings in, in millionths of a
// token an hour.
type yearCard struct {
	name             string
	job, mine, idle  governor.Power
	mining, price    float64
	jobsPerDay, bids float64 // bids is the spread of what requesters would pay, as a sigma of its logarithm
}

var yearCards = []yearCard{
	{"RX 580 8 GiB", 140_000, 95_000, 25_000, 9_500, 26_000, 4, 0.35},
	{"RTX 3060 12 GiB", 170_000, 115_000, 13_000, 15_000, 48_000, 8, 0.35},
	{"RTX 3090 24 GiB", 350_000, 270_000, 28_000, 36_000, 130_000, 12, 0.35},
}

// yearHour is what one step of a year is like for one card.
type yearHour struct {
	kwh     governor.PerKWh
	mining  governor.Rate
	median  governor.Rate // of what others ask
	bid     governor.Rate // what a requester that comes now would pay; 0 where none comes
	minutes int           // for how long
}

// year makes a year for a card. The same seed makes the same power for every card.
func year(seed uint64, card *yearCard) []yearHour {
	power := rand.New(rand.NewPCG(seed, 1))
	own := rand.New(rand.NewPCG(seed, math.Float64bits(card.price)))
	hours := make([]yearHour, yearSteps)
	weather, mining, market := 0.0, 0.0, 0.0
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	kwh := governor.PerKWh(0)
	for i := range hours {
		at := begin.Add(time.Duration(i) * yearStep)
		if i%12 == 0 {
			weather = 0.97*weather + 0.24*power.NormFloat64()
			kwh = gridKWh + governor.PerKWh(spot(at, weather)*1000) // €/MWh are thousandths for a kilowatt-hour
		}
		if i%288 == 0 {
			mining += 0.045*own.NormFloat64() - 0.223/365 // the logarithm of a fifth less
			mining *= 0.995                               // coins that pay far more draw other miners
			market = 0.98*market + 0.03*own.NormFloat64()
		}
		median := card.price * math.Exp(market)
		h := yearHour{kwh: kwh, mining: governor.Rate(card.mining * math.Exp(mining)), median: governor.Rate(median)}
		if own.Float64() < card.jobsPerDay/288*demand(at) {
			h.bid = governor.Rate(median * math.Exp(card.bids*own.NormFloat64()))
			h.minutes = int(min(max(40*math.Exp(0.8*own.NormFloat64()-0.32), 1), 24*60))
		}
		hours[i] = h
	}
	return hours
}

// spot is a price in €/MWh.
func spot(at time.Time, weather float64) float64 {
	hour := float64(at.Hour()) + 1 // central Europe
	summer := 0.5 - 0.5*math.Cos(2*math.Pi*float64(at.YearDay()-10)/365)
	bell := func(centre, width float64) float64 { d := (hour - centre) / width; return math.Exp(-d * d) }
	price := 73 + 14*(1-summer) + 42*bell(8, 1.8) + 62*bell(19.5, 2.4) - (24+56*summer)*bell(13.5, 3)
	if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
		price -= 18
	}
	price -= 35 * weather // wind and sun
	if weather < -1.6 {   // a cold, dark and still week
		price += 90 * (-1.6 - weather) * (0.4 + bell(8, 2) + bell(18.5, 2.5))
	}
	if price < 0 {
		price *= 0.3 // where it is negative it mostly is by little
	}
	return price
}

// demand is how many jobs come, as a factor.
func demand(at time.Time) float64 {
	d := 1 + 0.5*math.Sin(2*math.Pi*(float64(at.Hour())-10)/24)
	if w := at.Weekday(); w == time.Saturday || w == time.Sunday {
		d *= 0.7
	}
	return d
}
