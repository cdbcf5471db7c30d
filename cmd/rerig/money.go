package main

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// hourMillis is an hour in CPU milliseconds, the unit of rates for people.
const hourMillis = 3_600_000

// money reads and writes amounts of a network's token.
type money struct{ node.Token }

func moneyOf(p *node.Profile) money {
	return money{node.Token{Address: p.Market().Token, Symbol: p.TokenSymbol, Decimals: p.TokenDecimals}}
}

// text is "0.05 tUSDC".
func (m money) text(a protocol.Amount) string { return m.Text(a) }

// parse reads a number of whole tokens; flag is for the error.
func (m money) parse(flag, s string) (protocol.Amount, error) {
	a, err := protocol.ParseUnits(s, m.Decimals)
	if err != nil {
		return a, usage("--%s: a number of %s such as 0.05, with at most %d digits after the point, got %q", flag, m.Symbol, m.Decimals, s)
	}
	return a, nil
}

// rate reads a price for a CPU hour, "0.05/h" or "0.05", and returns base units
// per million CPU milliseconds. An hour is 3.6 million of them, so most prices are
// not whole there; both sides round up, so that equal texts are equal prices.
func (m money) rate(flag, s string) (protocol.Amount, error) {
	hour, err := protocol.ParseUnits(strings.TrimSuffix(s, "/h"), m.Decimals)
	if err != nil {
		return hour, usage("--%s: a price in %s per hour such as 0.05/h, got %q", flag, m.Symbol, s)
	}
	v := new(big.Int).Mul(hour.Big(), big.NewInt(1_000_000))
	v.Add(v, big.NewInt(hourMillis-1)).Div(v, big.NewInt(hourMillis))
	return protocol.AmountFromBig(v)
}

// perHour is the number of tokens for a CPU hour.
func (m money) perHour(p protocol.Price) string { return p.PerHour(m.Decimals) }

// wei writes native money in whole coins.
func wei(a protocol.Amount) string { return a.Units(18) }

// unitsOf writes what a job used, in the unit that it was sold in.
func unitsOf(u protocol.Unit, n uint64) string {
	whose := "CPU"
	switch u {
	case protocol.UnitGPUMillis:
		whose = "GPU"
	case protocol.UnitCPUMillis, "": // nothing is agreed yet
	default:
		return fmt.Sprintf("%d %s", n, u)
	}
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d %s-ms", n, whose)
	case n < 600_000:
		return fmt.Sprintf("%d.%d %s-s", n/1000, n%1000/100, whose)
	}
	return fmt.Sprintf("%d.%d %s-min", n/60_000, n%60_000/6000, whose)
}
