package main

import (
	"fmt"
	"strings"
)

// A system is another design for paying rigs, with its gas per job over the life of
// one requester and one rig, where it is known.
type system struct {
	name, source string
	perJob       map[int]float64 // jobs of the relationship to gas per job
}

var lives = []int{1, 10, 100, 1000, 10_000}

// others are as the research measured them, or as they are published.
var others = []system{
	{"x402 batch-settlement", "its source, measured on the same EVM and token", map[int]float64{1: 304_050, 10: 30_405, 100: 3_040, 1000: 712}},
	{"account with a lock per job", "prototype, same EVM; 10–50 jobs a transaction", map[int]float64{1: 239_562, 10: 56_742, 100: 39_237, 1000: 37_887}},
	{"Lilypad", "its contracts, same EVM; four transactions a job", map[int]float64{1: 1_650_000, 10: 1_650_000, 100: 1_650_000, 1000: 1_650_000, 10_000: 1_650_000}},
	{"Raiden", "published: open and deposit, close, settle; jobs off chain", map[int]float64{1: 375_000, 10: 37_500, 100: 3_750, 1000: 375, 10_000: 37.5}},
}

// economy is the table of gas per job by the number of jobs of a relationship.
func (r results) economy() string {
	var b strings.Builder
	b.WriteString("\n| gas per job, whole life, by number of jobs |")
	for _, n := range lives {
		fmt.Fprintf(&b, " %d |", n)
	}
	b.WriteString(" from |\n|---|" + strings.Repeat("--:|", len(lives)) + "---|\n")
	row := func(name, source string, gas func(jobs int) (float64, bool)) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, n := range lives {
			if v, ok := gas(n); ok {
				fmt.Fprintf(&b, " %.0f |", v)
			} else {
				b.WriteString(" |")
			}
		}
		fmt.Fprintf(&b, " %s |\n", source)
	}
	measured := func(prefix string) func(int) (float64, bool) {
		return func(jobs int) (float64, bool) { v, ok := r[fmt.Sprintf("%s_%d", prefix, jobs)]; return v, ok }
	}
	row("Rerig's channel", "this EVM: contracts/scale.txt", measured("gas_per_job"))
	row("the same, gas schedule of Amsterdam", "contracts/scale.txt", measured("gas_amsterdam_per_job"))
	row("an escrow per job", "contracts/test/sol/JobEscrow.sol, this EVM", measured("gas_job_escrow_per_job"))
	for _, s := range others {
		row(s.name, s.source, func(jobs int) (float64, bool) { v, ok := s.perJob[jobs]; return v, ok })
	}
	open, collect := r["gas_gasless_open_each_of_500"], r["gas_collect_from_500_requesters_each"]
	b.WriteString("\n| one rig, 500 requesters of a job each: gas for each | open | collect | both |\n|---|--:|--:|--:|\n")
	fmt.Fprintf(&b, "| Rerig: opened by signatures, 25 a transaction; collected in one | %.0f | %.0f | %.0f |\n", open, collect, open+collect)
	fmt.Fprintf(&b, "| an escrow per job | | | %.0f |\n", r["gas_job_escrow_per_job_100"])
	return b.String()
}
