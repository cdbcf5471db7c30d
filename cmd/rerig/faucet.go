package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	faucetWait  = 30 * time.Second
	maxFaucetIO = 4 << 10 // bytes of a request or an answer
)

// faucetRequest asks a test network's faucet for coins.
type faucetRequest struct {
	Address protocol.Address `json:"address"`
}

// faucetReply says what was given.
type faucetReply struct {
	Native protocol.Amount `json:"native"` // wei
	Tokens protocol.Amount `json:"tokens"` // base units
	Error  string          `json:"error,omitempty"`
}

// askFaucet gets coins for a node that has none, where its test network gives
// them away.
func (a *app) askFaucet(ctx context.Context, s *session, p *progress) error {
	profile, err := a.profile()
	if errors.Is(err, fs.ErrNotExist) { // the node was started with another one
		return nil
	}
	if err != nil {
		return err
	}
	if profile.Faucet == "" || !profile.Local || profile.Name != s.info.Network || !s.info.Chain.Online {
		return nil
	}
	w, err := s.Wallet(ctx)
	if err != nil {
		return err
	}
	give := func(to protocol.Address, b protocol.Balances) error {
		if !b.Native.IsZero() || !b.Wallet.IsZero() || !b.Account.IsZero() {
			return nil
		}
		return s.money.fromFaucet(ctx, profile.Faucet, to, p)
	}
	if w.Node != nil && s.info.Rig != nil { // it collects
		if err := give(w.Node.Address, w.Node.Balances); err != nil {
			return err
		}
	}
	return give(w.Address, w.Balances)
}

// fromFaucet asks the faucet at url and tells what came.
func (m money) fromFaucet(ctx context.Context, url string, to protocol.Address, p *progress) error {
	got, err := postFaucet(ctx, url, to)
	if err != nil {
		return fmt.Errorf("%w; is `rerig testnet up` running?", err)
	}
	p.done("test coins from the faucet: %s and %s ETH", m.text(got.Tokens), wei(got.Native))
	return nil
}

func postFaucet(ctx context.Context, url string, to protocol.Address) (*faucetReply, error) {
	ctx, cancel := context.WithTimeout(ctx, faucetWait)
	defer cancel()
	body, err := json.Marshal(faucetRequest{to})
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", url, err)
	}
	req.Close = true // it is asked once
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	got := new(faucetReply)
	if err := json.NewDecoder(io.LimitReader(res.Body, maxFaucetIO)).Decode(got); err != nil {
		return nil, fmt.Errorf("answer %s: %w", res.Status, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.New(got.Error)
	}
	return got, nil
}
