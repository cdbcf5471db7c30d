// Package metrics tells how a node does to programs that watch it (SPEC §8.10): a page of
// numbers in the text format that Prometheus and what understands it read, and whether the
// node lives and is ready. Begin at Page, which a node fills anew for every look, and at
// Server. Jobs counts what only the moment tells: how jobs end and how long they wait.
//
// The format is written here and not by client_golang: that cost 1.36 MB of a program that
// small disks have to hold, for what is 200 lines. A real Prometheus holds it to the format
// [testnet: TestMetrics].
package metrics

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/rerig/rerig/protocol"
)

// Limits of a page, whatever names and reasons others choose.
const (
	maxFamilies = 256
	maxSeries   = 512 // of a family
	maxLabel    = 128 // bytes of a label's value
)

// ContentType is the format of a page.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// The kinds of families.
const (
	Gauge     = "gauge"   // may go up and down
	Counter   = "counter" // goes up, but for restarts
	histogram = "histogram"
)

// Family is what a page says about one number: its name ends with its unit, or with _total.
type Family struct {
	Name, Help, Kind string
	Labels           []string
}

// Value is a number as it is written: money and sums never pass through a float.
type Value string

// Int is a whole number.
func Int[T ~int | ~int32 | ~int64](n T) Value { return Value(strconv.FormatInt(int64(n), 10)) }

// Uint is a whole number that is not negative.
func Uint[T ~uint32 | ~uint64](n T) Value { return Value(strconv.FormatUint(uint64(n), 10)) }

// Amount is money in base units.
func Amount(a protocol.Amount) Value { return Value(a.String()) }

// Bool is 1 or 0.
func Bool(b bool) Value {
	if b {
		return "1"
	}
	return "0"
}

// Decimal is n / 10^places, exactly: Decimal(14250, 3) is 14.25 W of milliwatts.
func Decimal(n int64, places int) Value {
	sign, u := "", uint64(n)
	if n < 0 {
		sign, u = "-", -u
	}
	digits := strconv.FormatUint(u, 10)
	if short := places + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	whole, rest := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	if rest == "" {
		return Value(sign + whole)
	}
	return Value(sign + whole + "." + rest)
}

// Page is one look at a node. It has one owner.
type Page struct {
	list    []*written
	byName  map[string]*written
	dropped uint64
}

type written struct {
	Family
	lines []string
	seen  map[string]bool
}

// Add writes a number with the values of the family's labels. What is beyond the page's
// limits, or was written already, is left out and counted.
func (p *Page) Add(f *Family, v Value, labels ...string) { p.add(f, "", f.Labels, labels, v) }

func (p *Page) add(f *Family, suffix string, names, values []string, v Value) {
	w := p.byName[f.Name]
	if w == nil {
		if len(p.list) >= maxFamilies {
			p.dropped++
			return
		}
		if p.byName == nil {
			p.byName = map[string]*written{}
		}
		w = &written{Family: *f, seen: map[string]bool{}}
		p.byName[f.Name], p.list = w, append(p.list, w)
	}
	series := f.Name + suffix + labelled(names, values)
	if len(w.lines) >= maxSeries || w.seen[series] {
		p.dropped++
		return
	}
	w.seen[series] = true
	w.lines = append(w.lines, series+" "+string(v))
}

// labelled is {name="value",…}, "" for none. Values are UTF-8, escaped and not long.
func labelled(names, values []string) string {
	if len(names) == 0 {
		return ""
	}
	var b strings.Builder
	for i, name := range names {
		value := ""
		if i < len(values) {
			value = clip(values[i])
		}
		sep := ","
		if i == 0 {
			sep = "{"
		}
		fmt.Fprintf(&b, `%s%s="%s"`, sep, name, escape.Replace(value))
	}
	return b.String() + "}"
}

// clip is at most maxLabel bytes of valid UTF-8 without control characters.
func clip(s string) string {
	if len(s) > maxLabel {
		s = s[:maxLabel]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

var (
	escape  = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	ofHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	dropped = Family{Name: "rerig_metrics_dropped", Kind: Gauge, Help: "Series that this page had no room for."}
)

// WriteTo writes the page.
func (p *Page) WriteTo(to io.Writer) (int64, error) {
	p.Add(&dropped, Uint(p.dropped))
	w := &counting{Writer: to}
	b := bufio.NewWriter(w)
	for _, f := range p.list {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", f.Name, ofHelp.Replace(f.Help), f.Name, f.Kind)
		for _, line := range f.lines {
			fmt.Fprintln(b, line)
		}
	}
	err := b.Flush()
	return w.n, err
}

type counting struct {
	io.Writer
	n int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	return n, err
}
