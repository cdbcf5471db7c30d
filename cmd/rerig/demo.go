package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// The demo's question, and what lm answered when it was recorded with
//
//	lm --echo -n 64 "A hacker is"
//
//go:embed demo/answer.txt
var demoAnswer []byte

//go:embed demo/picture.png
var demoPicture []byte

var demoArgs = []string{"--echo", "-n", "64", "A hacker is"}

// demoRigs are the sellers: three prices, three simulated machines.
var demoRigs = []struct{ name, price, card string }{
	{"rig-1", "0.36/h", "RTX 3060:12GiB"},
	{"rig-2", "0.54/h", "2xRX 580:8GiB"},
	{"rig-3", "0.9/h", "RTX 4090:24GiB"},
}

const (
	demoBudget = "0.05"
	demoTick   = 100 // CPU milliseconds, so that even short jobs are paid in steps
	demoTime   = 5 * time.Minute
)

// demo is a network of its own and what happens on it.
type demo struct {
	app      *app
	p        *progress
	net      *testnet.Net
	rigs     []*testnet.Member
	buyer    *testnet.Member
	session  *session // of the buyer
	input    string   // the picture
	outDir   string   // where results go
	answer   string
	pictures []string
}

// demoReply is what `rerig testnet demo -o json` prints.
type demoReply struct {
	Answer     string      `json:"answer"`
	Pictures   []string    `json:"pictures"`
	Settlement *settlement `json:"settlement"`
}

func (a *app) demoCmd() *cobra.Command {
	var input, outDir string
	c := &cobra.Command{
		Use: "demo", Short: "Show it all: a network, two jobs, their settlement on the chain",
		Long: `Start a chain, a bootstrap node, three rigs and a requester in one process. A language
model answers a question on the cheapest rig and again on another, which must give the
same bytes; a third rig makes a thumbnail of a picture. Then every rig collects its pay,
and the balances, read from the chain, must add up to the base unit.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), input, outDir) },
	}
	c.Flags().StringVar(&input, "input", "", "`picture` (PNG, JPEG or GIF) to scale down; the result is written next to it")
	c.Flags().StringVar(&outDir, "out-dir", "rerig-demo", "`directory` for the results")
	return c
}

func (a *app) demo(ctx context.Context, input, outDir string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	dir, err := os.MkdirTemp("", "rerig-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{app: a, p: a.progress(), input: input, outDir: outDir}
	if err := os.MkdirAll(outDir, 0o755); err != nil {
		return fmt.Errorf("--out-dir: %w", err)
	}
	if input == "" {
		d.input = filepath.Join(outDir, "picture.png")
		if err := os.WriteFile(d.input, demoPicture, 0o644); err != nil {
			return fmt.Errorf("--out-dir: %w", err)
		}
	} else if err := readable("--input", input); err != nil {
		return err
	}
	begun := time.Now()
	if err := d.start(ctx, dir); err != nil {
		return errors.Join(err, d.close())
	}
	err = d.play(ctx)
	if err = errors.Join(err, d.close()); err == nil {
		d.p.done("%.1f s; results are in %s", time.Since(begun).Seconds(), outDir)
	}
	return err
}

// start brings the network up and gives everybody coins.
func (d *demo) start(ctx context.Context, dir string) (err error) {
	d.p.line("starting a chain, a bootstrap node, %d rigs and a requester", len(demoRigs))
	d.net, err = testnet.Start(ctx, testnet.Options{Dir: dir, Logger: d.app.logger(slog.LevelError)})
	if err != nil {
		return err
	}
	m := moneyOf(d.net.Profile)
	for _, r := range demoRigs {
		card, err := hardware.ParseSimulated(r.card)
		if err != nil {
			return err
		}
		price, err := m.rate("price", r.price)
		if err != nil {
			return err
		}
		rig, err := d.net.Add(ctx, r.name, func(c *node.Config) {
			c.Rig = &node.RigConfig{Price: price, TickUnits: demoTick, Slots: 1, Warm: 1, Simulated: []protocol.GPU{card}}
		})
		if err != nil {
			return err
		}
		d.rigs = append(d.rigs, rig)
	}
	if d.buyer, err = d.net.Add(ctx, "requester", nil); err != nil {
		return err
	}
	for _, member := range append([]*testnet.Member{d.buyer}, d.rigs...) {
		if err := d.net.Endow(ctx, member.Node.Address()); err != nil {
			return err
		}
	}
	if d.session, err = newSession(ctx, d.buyer.Client, false); err != nil {
		return err
	}
	return d.net.Ready(ctx, d.buyer, len(demoRigs))
}

func (d *demo) close() error {
	if d.net == nil {
		return nil
	}
	return d.net.Close()
}

// play runs the jobs, collects, and shows the settlement.
func (d *demo) play(ctx context.Context) error {
	books, err := openLedger(ctx, d)
	if err != nil {
		return err
	}
	if err := d.showMarket(ctx); err != nil {
		return err
	}
	if err := d.runJobs(ctx); err != nil {
		return err
	}
	d.p.line("")
	d.p.line("every rig collects its vouchers on the chain")
	for _, rig := range d.rigs {
		if _, err := rig.Collect(ctx); err != nil {
			return fmt.Errorf("%s collects: %w", rig.Name, err)
		}
	}
	result, err := books.settle(ctx, d)
	if err != nil {
		return err
	}
	var table bytes.Buffer
	if err := result.write(&table, d.session.money); err != nil {
		return err
	}
	for name, text := range map[string]string{"answer.txt": d.answer, "settlement.txt": table.String()} {
		if err := os.WriteFile(filepath.Join(d.outDir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("save the result: %w", err)
		}
	}
	err = d.app.print(demoReply{d.answer, d.pictures, result}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "\n%s\n%s", strings.Join(d.pictures, "\n"), table.String())
		return err
	})
	return errors.Join(err, result.check())
}

func (d *demo) showMarket(ctx context.Context) error {
	everything := &need{filter: protocol.Filter{Unit: protocol.UnitCPUMillis}}
	found, err := everything.ask(ctx, d.session)
	if err != nil || d.p.quiet {
		return err
	}
	return found.table(d.app.stderr, everything, d.session.money)
}

// runJobs asks the model on two rigs, which must agree, and scales the picture on
// a third.
func (d *demo) runJobs(ctx context.Context) error {
	live := d.app.stdout
	if d.app.json() {
		live = io.Discard
	}
	first, err := d.runJob(ctx, "the question, on the cheapest rig: rerig run lm -- --echo -n 64 \"A hacker is\"",
		"lm", demoArgs, &runFlags{}, live)
	if err != nil {
		return err
	}
	if !bytes.Equal(first, demoAnswer) {
		return fmt.Errorf("the answer %q differs from the recorded run %q", first, demoAnswer)
	}
	d.answer = string(first)
	d.p.done("equal to the recorded run, %d bytes", len(first))

	second := d.rigs[1].Node.Address().String()
	again, err := d.runJob(ctx, "the same on rig-2: rerig run --rig "+second[:10]+"… lm -- …", "lm", demoArgs,
		&runFlags{rig: second}, io.Discard)
	if err != nil {
		return err
	}
	if !bytes.Equal(first, again) {
		return fmt.Errorf("two rigs answered differently: %q and %q", first, again)
	}
	d.p.done("both rigs gave the same bytes")

	third := d.rigs[2].Node.Address().String()
	_, err = d.runJob(ctx, fmt.Sprintf("a picture, on rig-3: rerig run --rig %s… -i %s thumb -- --size 200", third[:10], d.input),
		"thumb", []string{"--size", "200"}, &runFlags{rig: third, inputs: []string{d.input}}, io.Discard)
	return err
}

// runJob is `rerig run` by the demo's requester. It returns the job's output,
// which also goes to live as it comes.
func (d *demo) runJob(ctx context.Context, title, module string, args []string, r *runFlags, live io.Writer) ([]byte, error) {
	d.p.line("")
	d.p.line("%s", title)
	r.budget, r.timeout = demoBudget, time.Minute
	req, err := d.app.runRequest(ctx, d.session, r, module, args)
	if err != nil {
		return nil, err
	}
	st, err := d.session.Submit(ctx, req)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	quiet := *d.app
	quiet.stdout, quiet.stderr, quiet.output = io.MultiWriter(live, &out), io.Discard, "text"
	if st, err = quiet.follow(ctx, d.session, st, d.p); err != nil {
		return nil, err
	}
	if err := quiet.runEnd(ctx, d.session, st, outDir(r), d.p); err != nil {
		return nil, err
	}
	if len(r.inputs) > 0 {
		files, err := filepath.Glob(filepath.Join(outDir(r), "*-thumb.png"))
		if err != nil {
			return nil, fmt.Errorf("find the picture: %w", err)
		}
		d.pictures = files
	}
	return out.Bytes(), nil
}
