package testnet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// world is what one script is about: networks, their members, and runs.
type world struct {
	t       *testing.T
	dir     string
	out     *strings.Builder
	logs    *recorder
	nets    []*testnet.Net
	members []*member
	runs    map[string]*run
}

func newWorld(t *testing.T) *world {
	return &world{t: t, dir: shortDir(t), out: new(strings.Builder), logs: new(recorder), runs: map[string]*run{}}
}

// shortDir is a temporary directory with a short path: a control socket's has 100
// bytes at most.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "rr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (w *world) printf(format string, args ...any) { fmt.Fprintf(w.out, format+"\n", args...) }

// command runs one line of a script.
func (w *world) command(ctx context.Context, line string) error {
	verb, a := parse(line)
	do := map[string]func(context.Context, arguments) error{
		"net": w.startNet, "rig": w.startMember, "requester": w.startMember, "ready": w.ready,
		"stop": w.stopMember, "kill": w.kill, "restart": w.restart, "chain": w.chain, "mint": w.mint,
		"submit": w.submit, "wait": w.wait, "end": w.endRun, "events": w.events, "output": w.output, "file": w.file,
		"market": w.market, "info": w.info, "busy": w.busy, "collect": w.collect, "close": w.closeChannels,
		"balances": w.balances, "txs": w.txs, "paid": w.paid, "spent": w.spent, "until": w.until,
	}[verb]
	if do == nil {
		return errors.New("unknown command")
	}
	return do(ctx, a)
}

func (w *world) net() *testnet.Net { return w.nets[len(w.nets)-1] }

func (w *world) member(name string) *member {
	for _, m := range w.members {
		if m.name == name {
			return m
		}
	}
	w.t.Fatalf("no member %q", name)
	return nil
}

// startNet: net [name=N] [grace=D]. A second one may know the first's bootstrap
// node: meet=first.
func (w *world) startNet(ctx context.Context, a arguments) error {
	o := testnet.Options{Name: a.set["name"], Dir: filepath.Join(w.dir, fmt.Sprint("n", len(w.nets))),
		Logger: slog.New(handler{r: w.logs})}
	if g := a.set["grace"]; g != "" {
		var err error
		if o.CloseGrace, err = time.ParseDuration(g); err != nil {
			return err
		}
	}
	n, err := testnet.Start(ctx, o)
	if err != nil {
		return err
	}
	if a.set["meet"] != "" {
		n.Profile.Bootstrap = append(n.Profile.Bootstrap, w.nets[0].Profile.Bootstrap...)
	}
	w.nets = append(w.nets, n)
	return nil
}

// ready: NAME N waits until the member finds so many offers with a free slot: a rig
// that stopped has left one without. With busy it takes those too.
func (w *world) ready(ctx context.Context, a arguments) error {
	want, err := strconv.Atoi(a.names[1])
	if err != nil {
		return err
	}
	m := w.member(a.names[0])
	return poll(ctx, func() (bool, error) {
		found, err := m.client.Market(ctx, protocol.Filter{})
		if err != nil {
			return false, nil //nolint:nilerr // it is asked again
		}
		free := 0
		for _, o := range found.Offers {
			if o.FreeSlots > 0 || len(a.names) > 2 {
				free++
			}
		}
		return free >= want, nil
	})
}

// chain: pause, resume, mine, hold (no blocks), release, skip D (move its clock),
// reorg N (take the newest blocks out, with what is in them).
func (w *world) chain(_ context.Context, a arguments) error {
	n := w.net()
	switch a.names[0] {
	case "pause":
		n.Chain.Pause()
	case "resume":
		return n.Chain.Resume()
	case "mine":
		n.Chain.Mine(1)
	case "hold":
		n.Chain.PauseMining()
	case "release":
		n.Chain.ResumeMining()
	case "reorg":
		depth, err := strconv.ParseUint(a.names[1], 10, 64)
		if err != nil {
			return err
		}
		return n.Chain.Reorg(depth)
	case "skip":
		d, err := time.ParseDuration(a.names[1])
		if err != nil {
			return err
		}
		return n.Chain.AdjustTime(d)
	default:
		return errors.New("unknown")
	}
	return nil
}

// mint: NAME tokens=T gives a member more.
func (w *world) mint(ctx context.Context, a arguments) error {
	m := w.member(a.names[0])
	more, err := protocol.ParseUnits(a.set["tokens"], 6)
	if err == nil {
		m.wealth, err = m.wealth.Add(more)
	}
	if err != nil {
		return err
	}
	return m.net.Chain.Mint(ctx, m.key.Address(), more)
}

// close ends everything that still runs.
func (w *world) close() (err error) {
	for _, m := range w.members {
		err = errors.Join(err, m.stop())
	}
	for _, n := range w.nets {
		err = errors.Join(err, n.Close())
	}
	w.members, w.nets = nil, nil
	return err
}

// poll asks until the answer is yes.
func poll(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := ask()
		if ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var (
	hexes = regexp.MustCompile(`0x[0-9a-fA-F]{16,}`)
	cids  = regexp.MustCompile(`\bbaf[a-z2-7]{50,}\b`)
	peers = regexp.MustCompile(`\b16Uiu2[1-9A-HJ-NP-Za-km-z]{40,}\b`)
	// What an offer has, in a reason: any one of the offers is the example.
	haves = regexp.MustCompile(`(CPUs|VRAM|price) [0-9]+( [MG]iB)? ([<>])`)
	ended = regexp.MustCompile(`ended [0-9hms]+ ago`)
	ports = regexp.MustCompile(`127\.0\.0\.1:[0-9]+|/(tcp|udp)/[0-9]+`)
)

// tidy puts names for addresses and takes out what differs between two runs.
func (w *world) tidy(s string) string {
	for _, m := range w.members {
		s = strings.ReplaceAll(s, m.key.Address().String(), m.name)
	}
	for _, n := range w.nets {
		s = strings.ReplaceAll(s, n.Profile.Token, "TOKEN")
		s = strings.ReplaceAll(s, n.Profile.Escrow, "ESCROW")
	}
	s = strings.ReplaceAll(s, w.dir, "DIR")
	s = haves.ReplaceAllString(s, "$1 N $3")
	s = ended.ReplaceAllString(s, "ended T ago")
	s = ports.ReplaceAllString(s, "PORT")
	s = peers.ReplaceAllString(s, "PEER")
	s = cids.ReplaceAllString(s, "CID")
	return hexes.ReplaceAllString(s, "HEX")
}
