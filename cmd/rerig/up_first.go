package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/protocol"
)

// answersFile keeps what the first run was told, in the data directory.
const answersFile = "answers.json"

// maxAnswer is bytes of an answer, and of the file with all of them.
const maxAnswer = 4 << 10

// answers are a miner's to the questions of the first run. Flags, variables and config.toml
// go before them.
type answers struct {
	Payout string `json:"payout,omitempty"`
	KWh    string `json:"kwh,omitempty"`
}

// firstRun fills what no flag said: from the answers of the first run or, on that, from the miner
// if a terminal is there.
func (a *app) firstRun(ctx context.Context, u *upFlags, m money) error {
	path := filepath.Join(a.dir(), answersFile)
	told, err := readAnswers(path)
	if err != nil {
		return err
	}
	_, err = os.Stat(filepath.Join(a.dir(), "key.json"))
	if first := errors.Is(err, fs.ErrNotExist); first && told == nil && !u.yes && !u.server {
		if told, err = a.question(ctx, u, m); err != nil || told == nil {
			return err
		}
		if err := told.write(path); err != nil {
			return err
		}
		a.progress().done("answers kept in %s; flags and config.toml go before them", path)
	}
	if told == nil {
		return nil
	}
	if u.payout == "" {
		u.payout = told.Payout
	}
	if g := &u.governor; told.KWh != "" && g.kwh == "" && g.kwhSource == "" && g.tariff == "" && u.sellsCards() {
		g.kwh = told.KWh
		if u.gpuPrice == usualGPUPrice {
			u.gpuPrice = priceAuto
		}
	}
	return nil
}

// sellsCards tells whether there is anything that a tariff is for.
func (u *upFlags) sellsCards() bool {
	return u.held != containersOff && u.held != "" && u.gpuPrice != "off"
}

// question asks the miner; nil where nobody is there to answer or all is said.
func (a *app) question(ctx context.Context, u *upFlags, m money) (*answers, error) {
	in, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, nil
	}
	out := a.stderr
	if f, ok := a.stderr.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		out = in // a terminal can be written to as well
	}
	lines := bufio.NewReader(io.LimitReader(in, 16*maxAnswer))
	told := &answers{}
	asked := false
	if u.payout == "" {
		asked = true
		err := askUntil(ctx, lines, out, "Address that is paid, 0x… (nothing for this rig's own key): ", func(text string) error {
			if text != "" {
				if _, err := protocol.ParseAddress(strings.ToLower(text)); err != nil {
					return err
				}
			}
			told.Payout = text
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if g := &u.governor; g.kwh == "" && g.kwhSource == "" && g.tariff == "" && u.sellsCards() {
		asked = true
		err := askUntil(ctx, lines, out, "Price of a kilowatt-hour in "+m.Symbol+", such as 0.15 (nothing where it does not matter): ", func(text string) error {
			if text != "" {
				if _, err := governor.ParsePerKWh(text); err != nil {
					return err
				}
			}
			told.KWh = text
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if !asked {
		return nil, nil
	}
	return told, nil
}

// askUntil asks until the answer is one.
func askUntil(ctx context.Context, lines *bufio.Reader, out io.Writer, question string, take func(string) error) error {
	for range 5 {
		fmt.Fprint(out, question)
		answer := make(chan error, 1)
		var text string
		go func() { // ends with the answer, or with the process: a terminal cannot be hurried
			var err error
			text, err = lines.ReadString('\n')
			answer <- err
		}()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-answer:
			if err != nil {
				return fmt.Errorf("no answer: %w; give --payout and --kwh, or --yes for what is usual", err)
			}
		}
		err := take(strings.TrimSpace(text))
		if err == nil {
			return nil
		}
		fmt.Fprintf(out, "! %v\n", err)
	}
	return usage("no answer that can be used; give --payout and --kwh, or --yes for what is usual")
}

// readAnswers are those of the first run, nil where there was none.
func readAnswers(path string) (*answers, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // the node tells what is wrong with its directory
		return nil, nil
	}
	var told answers
	if err == nil {
		err = json.NewDecoder(io.LimitReader(f, maxAnswer)).Decode(&told)
		_ = f.Close() // it was only read
	}
	if err != nil {
		return nil, fmt.Errorf("answers of the first run, %s: %w; mend the file or remove it", path, err)
	}
	return &told, nil
}

// write makes them durable: who is paid must not be lost.
func (t *answers) write(path string) error {
	text, err := json.MarshalIndent(t, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return fmt.Errorf("keep the answers: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".answers-*")
	if err != nil {
		return fmt.Errorf("keep the answers: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("keep the answers: %w", err), os.Remove(f.Name()))
	}
	return err
}

// tellRig tells what there is to sell and what for, beside the node's start: the cards, what
// the processors can do, how peers reach it, the floor, and what others ask.
func (a *app) tellRig(ctx context.Context, p *progress) {
	over := make(chan error, 1)
	defer context.AfterFunc(ctx, func() { over <- nil })()
	s, err := a.whenUp(ctx, over)
	if err != nil || s == nil || s.info.Rig == nil {
		return // the node's own error is told by who started it
	}
	defer func() { _ = s.Close() }() // of a node that this very command runs
	var r *node.RigStatus
	heard := func() (bool, error) { // a card's first reading takes as long as its tool
		if r, err = s.Rig(ctx); err != nil {
			return false, err
		}
		for i := range r.Cards {
			if c := &r.Cards[i]; c.Driver != "" && c.Lost == "" && c.Reading.At.IsZero() {
				return false, nil
			}
		}
		return true, nil
	}
	if err := poll(ctx, joinWait, heard); err != nil || r == nil {
		return
	}
	for i := range r.Cards {
		c := &r.Cards[i]
		if c.Lost != "" {
			p.warn("GPU %d %s (%s): %s", c.Index, clipText(c.Model, 40), c.ID, clipText(c.Lost, 200))
		} else {
			p.done("GPU %d %s, %s, %s, %s", c.Index, clipText(c.Model, 40), memoryText(nil, c.Reading.TotalMiB), pcieText(c.Reading.LinkWidth, c.Reading.LinkGen), watts(c.Reading.PowerMW))
		}
	}
	p.done("%s", linkStatusText(&r.Link))
	a.tellPrice(ctx, s, p)
	a.tellDemand(ctx, s, p)
}

// tellPrice says what is asked, why not less, and what others ask.
func (a *app) tellPrice(ctx context.Context, s *session, p *progress) {
	if g := s.info.Rig.Governor; g != nil {
		if r, err := s.Governor(ctx); err == nil {
			for i := range r.Cards {
				if c := &r.Cards[i]; c.Sum.TariffOK {
					p.done("GPU %s is not sold below %s", c.ID, floorOf(&c.Sum))
				}
			}
			p.done("asks %v %s for an hour of a card", r.Ask, s.money.Symbol)
		}
	}
	found, err := s.Market(ctx, protocol.Filter{})
	if err != nil {
		return
	}
	asks := []protocol.Price{}
	for i := range found.Offers {
		if price, ok := found.Offers[i].Price(protocol.UnitCPUMillis); ok && found.Offers[i].Rig != s.info.Address {
			asks = append(asks, price) // they are sorted by it
		}
	}
	if len(asks) == 0 {
		p.line("Nobody else offers anything on this network yet.")
		return
	}
	p.done("%d others ask a median of %s %s for a CPU hour", len(asks), s.money.perHour(asks[len(asks)/2]), s.money.Symbol)
}
