package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/gateway"
	"github.com/rerig/rerig/gateway/rigs"
)

// serveFlags are the flags of `rerig serve`.
type serveFlags struct {
	listen   string
	budget   string
	maxPrice string
	keys     string
	hosts    []string
}

func (a *app) serveCmd() *cobra.Command {
	var s serveFlags
	c := &cobra.Command{
		Use: "serve", Short: "Serve the OpenAI API with language models of other people's rigs",
		Long: `Serve the OpenAI API on this machine: what it answers is made by rigs that serve the
model, found through the network and paid by the token. A program that speaks that API
needs another base URL and nothing else.

A session stays open with each rig in use, so that a request costs no transaction.
Requests go to the cheapest rig that is not busy; where one fails, another answers,
and goes on in the middle of an answer where the request is greedy or has a seed. Only
what arrived is charged. --budget is a cap that the payment channels enforce: it is
spent when the command has ended or the budget has.

Others than this machine's programs need a key: rerig serve key add makes one. With a
file of keys every request must have one of them.`,
		Example: `  rerig serve --budget 2 --max-price 0.5
  OPENAI_BASE_URL=http://127.0.0.1:8400/v1 OPENAI_API_KEY=none my-program`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd.Context(), &s, cmd.Flags().Changed("keys"))
		},
	}
	f := c.Flags()
	f.StringVar(&s.listen, "listen", "127.0.0.1:8400", "`address` to answer on; beyond this machine only with keys")
	f.StringVar(&s.budget, "budget", "1.00", "most that all requests may cost, in the network's token")
	f.StringVar(&s.maxPrice, "max-price", "", "highest `price` of a million tokens (default any)")
	f.StringSliceVar(&s.hosts, "host", nil, "`name` by which clients may call this gateway, beside its addresses")
	c.PersistentFlags().StringVar(&s.keys, "keys", "", "`file` of keys (default gateway/keys in the data directory, where it exists)")
	c.AddCommand(a.serveKeyCmd(&s))
	return c
}

// keysFile is where the keys are.
func (a *app) keysFile(s *serveFlags) string {
	if s.keys != "" {
		return s.keys
	}
	return filepath.Join(a.dir(), "gateway", "keys")
}

// serve runs the gateway until ctx ends.
func (a *app) serve(ctx context.Context, f *serveFlags, keys bool) error {
	p := a.progress()
	s, err := a.openToPay(ctx, p)
	if err != nil {
		return networkError(err)
	}
	err = a.serveWith(ctx, s, f, keys, p)
	return errors.Join(err, s.Close())
}

func (a *app) serveWith(ctx context.Context, s *session, f *serveFlags, keys bool, p *progress) error {
	cfg, err := a.gatewayConfig(s, f, keys)
	if err != nil {
		return err
	}
	cfg.Line = func(text string) { p.line("%s", text) }
	cfg.Ready = func(at net.Addr) {
		fmt.Fprintf(a.stdout, "http://%s/v1\n", at)
		p.done("at http://%s/v1, for at most %s; Ctrl-C ends it", at, s.money.text(cfg.Budget))
		a.tellModels(ctx, cfg.Market, s, p)
	}
	g, err := gateway.New(cfg)
	if err != nil {
		return err
	}
	if err := g.Run(ctx); err != nil {
		return err
	}
	p.done("spent %s", s.money.text(g.Spent()))
	return nil
}

func (a *app) gatewayConfig(s *session, f *serveFlags, keys bool) (cfg gateway.Config, err error) {
	cfg = gateway.Config{Listen: f.listen, Hosts: f.hosts, Dir: filepath.Join(s.info.DataDir, "gateway"),
		Market: rigs.Market{Client: s.Client}, Text: s.money.text, Logger: a.logger(slog.LevelWarn)}
	if cfg.Budget, err = s.money.parse("budget", f.budget); err != nil {
		return cfg, err
	}
	if cfg.Budget.IsZero() {
		return cfg, usage("--budget: more than 0")
	}
	if f.maxPrice != "" {
		if cfg.MaxPrice, err = s.money.parse("max-price", f.maxPrice); err != nil {
			return cfg, err
		}
	}
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return cfg, usage("--listen: host:port, got %q", f.listen)
	}
	ip := net.ParseIP(host)
	outside := host != "localhost" && (ip == nil || !ip.IsLoopback())
	path := a.keysFile(f)
	if _, err := os.Stat(path); !keys && !outside && errors.Is(err, os.ErrNotExist) {
		return cfg, nil
	}
	if cfg.Keys, err = gateway.LoadKeys(path, s.money.amount); err != nil {
		return cfg, usage("%w", err)
	}
	if len(cfg.Keys) == 0 {
		return cfg, usage("--keys: %s has no key; `rerig serve key add NAME` makes one", path)
	}
	return cfg, nil
}

// tellModels lists what there is to ask.
func (a *app) tellModels(ctx context.Context, m gateway.Market, s *session, p *progress) {
	offers, _, err := m.Offers(ctx)
	if err != nil {
		p.warn("no models yet: %v", err)
		return
	}
	var names []string
	for _, o := range offers {
		text := fmt.Sprintf("%s at %s per million tokens", o.Model.Name, s.money.text(o.Model.PerMillion))
		if names = append(names, text); len(names) == 8 {
			break
		}
	}
	if len(names) == 0 {
		p.warn("no rig within reach serves a model yet; requests find them when they come")
		return
	}
	p.line("models: %s", strings.Join(names, ", "))
}
