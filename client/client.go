// Package client talks to a Rerig node: it finds the one that has a data
// directory, or starts one, and buys, follows and inspects jobs through it. It is
// all that the command line uses. SPEC §8 has the control socket behind it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/treasury"
	"github.com/rerig/rerig/protocol"
)

const (
	dialWait  = 2 * time.Second
	maxReply  = 64 << 20 // bytes of one answer
	idleConns = 16       // kept for the next requests
)

// ErrNoNode means that no node runs in the data directory.
var ErrNoNode = errors.New("no node runs in this data directory")

// errUnended is returned for a run whose node ended before it.
var errUnended = errors.New("the node ended before the run did; `rerig ps -a` shows what became of it")

// Client speaks to one node. It is safe for concurrent use.
type Client struct {
	http   *http.Client
	socket string
	own    *ownNode // the node this client started; nil when it found one
}

// Connect finds the node that runs in a data directory; ErrNoNode if none does.
func Connect(ctx context.Context, dataDir string) (*Client, error) {
	socket := node.SocketPath(dataDir)
	dialer := net.Dialer{Timeout: dialWait}
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%s: %w", dataDir, ErrNoNode)
	}
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	_ = conn.Close() // it only showed that somebody listens
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
		MaxIdleConns: idleConns, MaxIdleConnsPerHost: idleConns, IdleConnTimeout: time.Minute,
	}}}, nil
}

// Close ends the connection, and the node if this client started it.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	if c.own == nil {
		return nil
	}
	return c.own.stop()
}

// Info says what the node is and how it does.
func (c *Client) Info(ctx context.Context) (*node.Info, error) {
	return call[node.Info](ctx, c, http.MethodGet, "/v1/node", nil)
}

// Submit asks the node to buy a job and returns at once.
func (c *Client) Submit(ctx context.Context, r *node.RunRequest) (*node.RunStatus, error) {
	return call[node.RunStatus](ctx, c, http.MethodPost, "/v1/runs", r)
}

// SubmitGang asks the node to buy a task for each of r.Gang ranks, on as many rigs, which
// reach each other's TCP ports over a private link, and returns at once. One that fails has
// the others stopped. The runs come by rank.
func (c *Client) SubmitGang(ctx context.Context, r *node.RunRequest) ([]node.RunStatus, error) {
	list, err := call[[]node.RunStatus](ctx, c, http.MethodPost, "/v1/gangs", r)
	if err != nil {
		return nil, err
	}
	return *list, nil
}

// Runs lists what the node bought, newest first.
func (c *Client) Runs(ctx context.Context) ([]node.RunStatus, error) {
	return list[node.RunStatus](ctx, c, "/v1/runs")
}

// Run shows one run, by the hex prefix of its ID or of its job's.
func (c *Client) Run(ctx context.Context, id string) (*node.RunStatus, error) {
	return call[node.RunStatus](ctx, c, http.MethodGet, "/v1/runs/"+url.PathEscape(id), nil)
}

// Stop asks for the end of a run; what was done by then is paid for.
func (c *Client) Stop(ctx context.Context, id string) (*node.RunStatus, error) {
	return call[node.RunStatus](ctx, c, http.MethodPost, "/v1/runs/"+url.PathEscape(id)+"/stop", nil)
}

// Jobs lists what the node ran for others, newest first.
func (c *Client) Jobs(ctx context.Context) ([]protocol.Record, error) {
	return list[protocol.Record](ctx, c, "/v1/jobs")
}

// Job shows the signed papers of one job.
func (c *Client) Job(ctx context.Context, id string) (*node.JobView, error) {
	return call[node.JobView](ctx, c, http.MethodGet, "/v1/jobs/"+url.PathEscape(id), nil)
}

// StopJob ends a job this rig runs for somebody; it is billed up to there.
func (c *Client) StopJob(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/jobs/"+url.PathEscape(id)+"/stop", nil)
	return err
}

// Market lists the offers that fit, cheapest first, and why others do not.
func (c *Client) Market(ctx context.Context, f protocol.Filter) (*node.MarketReply, error) {
	return call[node.MarketReply](ctx, c, http.MethodPost, "/v1/market", f)
}

// PublishPack signs an engine pack with the node's key, and has the node give it and its image
// to whoever asks.
func (c *Client) PublishPack(ctx context.Context, r *node.PackRequest) (*node.PackReply, error) {
	return call[node.PackReply](ctx, c, http.MethodPost, "/v1/packs", r)
}

// Pack reads an engine pack by its CID, from whoever has it, and checks its signature. Whether
// its publisher is to be trusted is the caller's to say.
func (c *Client) Pack(ctx context.Context, cid string) (*node.PackReply, error) {
	return call[node.PackReply](ctx, c, http.MethodGet, "/v1/packs/"+url.PathEscape(cid), nil)
}

// Wallet shows what the node's address has and is owed.
func (c *Client) Wallet(ctx context.Context) (*node.Wallet, error) {
	return call[node.Wallet](ctx, c, http.MethodGet, "/v1/wallet", nil)
}

// Deposit moves tokens (base units) from the wallet into the escrow account.
func (c *Client) Deposit(ctx context.Context, amount protocol.Amount) (*node.TxReply, error) {
	return call[node.TxReply](ctx, c, http.MethodPost, "/v1/wallet/deposit", node.Transfer{Amount: amount})
}

// Withdraw moves tokens (base units; zero is all) from the escrow account to a
// wallet; the zero address is the node's own.
func (c *Client) Withdraw(ctx context.Context, to protocol.Address, amount protocol.Amount) (*node.TxReply, error) {
	return call[node.TxReply](ctx, c, http.MethodPost, "/v1/wallet/withdraw", node.Transfer{Amount: amount, To: to})
}

// Collect redeems every voucher that pays something, to the rig's payee.
func (c *Client) Collect(ctx context.Context) (*node.TxReply, error) {
	return call[node.TxReply](ctx, c, http.MethodPost, "/v1/wallet/collect", nil)
}

// CloseChannel asks for the close of an outgoing channel, or with the zero hash of
// all idle ones; after the escrow's grace, or when the rig agrees, what is left is
// in the escrow account again.
func (c *Client) CloseChannel(ctx context.Context, id protocol.Hash) (*node.TxReply, error) {
	return call[node.TxReply](ctx, c, http.MethodPost, "/v1/wallet/close", node.CloseRequest{Channel: id})
}

// History lists the node's transactions and jobs, newest first.
func (c *Client) History(ctx context.Context) (*node.History, error) {
	return call[node.History](ctx, c, http.MethodGet, "/v1/wallet/history", nil)
}

// Statement lists every change of what the node's addresses have, with the chain's
// balances at the same block.
func (c *Client) Statement(ctx context.Context) (*treasury.Statement, error) {
	return call[treasury.Statement](ctx, c, http.MethodGet, "/v1/wallet/statement", nil)
}

// Audit compares the journal with the chain.
func (c *Client) Audit(ctx context.Context) (*treasury.Audit, error) {
	return call[treasury.Audit](ctx, c, http.MethodGet, "/v1/wallet/audit", nil)
}

// Recover closes every channel and withdraws what is free to an address (zero is the
// owner's own). It may be called again until nothing waits.
func (c *Client) Recover(ctx context.Context, to protocol.Address) (*treasury.Recovery, error) {
	return call[treasury.Recovery](ctx, c, http.MethodPost, "/v1/wallet/recover", node.Transfer{To: to})
}

// Vouchers lists the highest voucher of each channel that pays the node.
func (c *Client) Vouchers(ctx context.Context) ([]node.HeldVoucher, error) {
	return list[node.HeldVoucher](ctx, c, "/v1/wallet/vouchers")
}

// Follow calls f with each event of a run, its output from the beginning, until
// the run has ended or, with follow false, until what is there was seen.
func (c *Client) Follow(ctx context.Context, id string, follow bool, f func(node.Event) error) error {
	return stream(ctx, c, "run", "/v1/runs/", id, follow, f)
}

// stream calls f with each event of the run or group below a path, until there are no more.
func stream[T any](ctx context.Context, c *Client, what, below, id string, follow bool, f func(T) error) error {
	path := below + url.PathEscape(id) + "/events"
	if !follow {
		path += "?follow=0"
	}
	res, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	dec := json.NewDecoder(res.Body)
	for {
		var ev T
		switch err := dec.Decode(&ev); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("follow %s %s: %w", what, id, err)
		}
		if err := f(ev); err != nil {
			return err
		}
	}
}

func list[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	v, err := call[[]T](ctx, c, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return *v, nil
}

func call[T any](ctx context.Context, c *Client, method, path string, body any) (*T, error) {
	res, err := c.do(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	v := new(T)
	if err := json.NewDecoder(io.LimitReader(res.Body, maxReply)).Decode(v); err != nil {
		return nil, fmt.Errorf("answer of the node to %s: %w", path, err)
	}
	return v, nil
}

func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://rerig"+path, r)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the node: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	return nil, refusal(res)
}
