package main

import (
	"fmt"
	"io"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/rerig/rerig/protocol"
)

// maxBins is how many lines a histogram has at most.
const maxBins = 8

// ask is the price of one rig, per million units.
type ask struct {
	price protocol.Amount
	fits  bool
}

// priceBin is how many rigs ask a price in a range, both ends included. The last one may
// reach far beyond the others, so that one absurd price does not squeeze them.
type priceBin struct {
	From  protocol.Amount `json:"from"` // base units per million
	To    protocol.Amount `json:"to"`
	Fit   int             `json:"fit"`   // rigs that could run the job
	Unfit int             `json:"unfit"` // rigs that could not
}

// histogram sorts the prices into at most maxBins ranges of one width, up to four times the
// median, and all that is dearer into the last.
func histogram(asks []ask) []priceBin {
	if len(asks) == 0 {
		return []priceBin{}
	}
	asks = slices.SortedFunc(slices.Values(asks), func(a, b ask) int { return a.price.Big().Cmp(b.price.Big()) })
	low, high := asks[0].price.Big(), asks[len(asks)-1].price.Big()
	end := new(big.Int).Mul(asks[len(asks)/2].price.Big(), big.NewInt(4))
	if end.Cmp(high) > 0 {
		end.Set(high)
	}
	width := new(big.Int).Sub(end, low)
	width.Div(width, big.NewInt(maxBins)).Add(width, big.NewInt(1))
	var bins []priceBin
	at := -1
	for _, a := range asks {
		i := maxBins - 1
		if of := new(big.Int).Sub(a.price.Big(), low); of.Div(of, width).IsInt64() {
			i = int(min(of.Int64(), maxBins-1))
		}
		if i != at {
			at = i
			bins = append(bins, priceBin{From: a.price})
		}
		b := &bins[len(bins)-1]
		b.To = a.price
		if a.fits {
			b.Fit++
		} else {
			b.Unfit++
		}
	}
	return bins
}

// chart draws the histogram where there is more than one price to tell.
func (f *survey) chart(w io.Writer, n *need, m money, page page) error {
	if len(f.Prices) < 2 {
		return nil
	}
	most, label := 0, 0
	labels := make([]string, len(f.Prices))
	for i, b := range f.Prices {
		most = max(most, b.Fit+b.Unfit)
		labels[i] = n.rate(m, protocol.Price{Unit: n.filter.Unit, PerMillion: b.From})
		if to := n.rate(m, protocol.Price{Unit: n.filter.Unit, PerMillion: b.To}); to != labels[i] {
			labels[i] += " – " + to
		}
		label = max(label, utf8.RuneCountInString(labels[i]))
	}
	room := max(page.width-label-len("  ")-len(" 9999"), 1)
	if _, err := fmt.Fprintf(w, "\n%s  (█ fits, ░ does not)\n", strings.ToUpper(n.unit(m))); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	for i, b := range f.Prices {
		fit, unfit := bar(b.Fit, most, room), bar(b.Fit+b.Unfit, most, room)-bar(b.Fit, most, room)
		pad := strings.Repeat(" ", label-utf8.RuneCountInString(labels[i]))
		if _, err := fmt.Fprintf(w, "%s%s  %s%s %d\n", pad, labels[i], page.paint("32", strings.Repeat("█", fit)), strings.Repeat("░", unfit), b.Fit+b.Unfit); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
	}
	return nil
}

// bar is the length of n where most rigs fill the room, and a cell each where they do not.
func bar(n, most, room int) int {
	if most <= room {
		return n
	}
	return (n*room + most - 1) / most
}

// page is what standard output takes: so many columns, and colours or none.
type page struct {
	width int
	tty   bool
	color bool
}

// page asks COLUMNS, then the terminal; elsewhere a line has 80 columns.
func (a *app) page() page {
	p := page{width: 80}
	if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.tty, p.color = true, !a.noColor && os.Getenv("NO_COLOR") == ""
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			p.width = w
		}
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		p.width = n
	}
	p.width = max(20, min(p.width, 240))
	return p
}

// clip keeps a terminal from breaking a line; what goes elsewhere stays whole.
func (p page) clip(line string) string {
	if r := []rune(line); p.tty && len(r) > p.width {
		return string(r[:p.width-1]) + "…"
	}
	return line
}

func (p page) paint(code, text string) string {
	return (&progress{color: p.color && text != ""}).paint(code, text)
}
