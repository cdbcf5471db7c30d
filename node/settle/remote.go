package settle

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/rerig/rerig/protocol"
)

const maxEndpoints = 8

// remote is the chain behind one or more JSON-RPC endpoints. It asks the first one
// that is to be believed and is well, and the next when that fails. Each is checked
// at first contact to be of the right chain and to have the right contract.
type remote struct {
	domain    protocol.Domain // the zero escrow is not checked
	depth     uint64          // blocks below the heads where endpoints must agree
	patience  time.Duration   // with one endpoint, while there is another to ask
	now       func() time.Time
	http      *http.Client
	client    *ethclient.Client // asks whichever endpoint is best
	endpoints []*endpoint

	proving chan struct{} // capacity 1; full while somebody checks the endpoints
	news    chan struct{} // capacity 1; full when the status has news; never closed

	mu       sync.Mutex // guards what follows, and the endpoints
	compared time.Time  // last comparison of the heads
	status   Status
}

func newRemote(cfg *Config) (*remote, error) {
	urls := cfg.RPC
	if len(urls) == 0 || len(urls) > maxEndpoints {
		return nil, fmt.Errorf("rpc: 1 to %d endpoints, got %d", maxEndpoints, len(urls))
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxHeaderBytes
	r := &remote{domain: cfg.Domain, depth: cfg.Confirmations, patience: cfg.Patience, now: cfg.Now, proving: make(chan struct{}, 1), news: make(chan struct{}, 1),
		http:   &http.Client{Transport: transport},
		status: Status{Reason: "not contacted yet"}}
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return nil, errors.New("rpc: not a URL, give one such as http://127.0.0.1:8545")
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("rpc: scheme %q is not http or https", clip(u.Scheme))
		}
		e := &endpoint{url: u, name: u.Scheme + "://" + u.Host}
		if e.client, err = dial(route{r, e}); err != nil {
			return nil, err
		}
		r.endpoints = append(r.endpoints, e)
	}
	var err error
	r.client, err = dial(route{r, nil})
	return r, err
}

// dial makes a client over a transport; the address is the transport's to choose.
func dial(t http.RoundTripper) (*ethclient.Client, error) {
	c, err := rpc.DialOptions(context.Background(), "http://chain.invalid", rpc.WithHTTPClient(&http.Client{Transport: t}))
	if err != nil {
		return nil, err
	}
	return ethclient.NewClient(c), nil
}

// canonical reports whether no endpoint that is believed has another block, or
// none, at a number.
func (r *remote) canonical(ctx context.Context, number uint64, hash common.Hash) bool {
	if len(r.endpoints) == 1 {
		return true
	}
	for _, e := range r.usable() {
		header, err := e.client.HeaderByNumber(ctx, new(big.Int).SetUint64(number))
		if errors.Is(err, ethereum.NotFound) || err == nil && header.Hash() != hash {
			return false
		}
	}
	return true
}

func (r *remote) names() string {
	list := make([]string, len(r.endpoints))
	for i, e := range r.endpoints {
		list[i] = e.name
	}
	return strings.Join(list, " or ")
}

// ready returns the client once an endpoint has proven to be the right one. Its
// errors are OfflineError, ChainIDError, NotEscrowError and the context's. At first
// contact one wrong endpoint among right ones is refused too: it is a mistake in
// the configuration.
func (r *remote) ready(ctx context.Context) (*ethclient.Client, error) {
	if r.anyProven() {
		return r.client, nil
	}
	select {
	case r.proving <- struct{}{}:
		defer func() { <-r.proving }()
	case <-ctx.Done():
		return nil, fmt.Errorf("connect: %w", ctx.Err())
	}
	if r.anyProven() {
		return r.client, nil
	}
	errs := r.proveAll(ctx, r.endpoints)
	for _, err := range errs {
		if wrongEndpoint(err) {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range r.endpoints {
		e.proven = errs[i] == nil
	}
	if slices.Contains(errs, nil) {
		return r.client, nil
	}
	return nil, errs[0]
}

// proveAll checks endpoints at the same time.
func (r *remote) proveAll(ctx context.Context, list []*endpoint) []error {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, e := range list {
		all.Go(func() { errs[i] = r.prove(ctx, e) })
	}
	all.Wait()
	return errs
}

func (r *remote) anyProven() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.endpoints, func(e *endpoint) bool { return e.proven })
}

// prove asks an endpoint for its chain's ID and the contract for its EIP-712
// domain, which no other contract has.
func (r *remote) prove(ctx context.Context, e *endpoint) error {
	id, err := e.client.ChainID(ctx)
	if err != nil {
		return r.failure("ask for the chain's ID", err)
	}
	if !id.IsUint64() || id.Uint64() != r.domain.ChainID {
		return &ChainIDError{Endpoint: e.name, Want: r.domain.ChainID, Got: id.Uint64()}
	}
	if r.domain.Escrow.IsZero() {
		return nil
	}
	wrong := func(reason string) error {
		return &NotEscrowError{ChainID: r.domain.ChainID, Escrow: r.domain.Escrow, Reason: reason}
	}
	escrow := common.Address(r.domain.Escrow)
	code, err := e.client.CodeAt(ctx, escrow, nil)
	if err != nil {
		return r.failure("look for the escrow", err)
	}
	if len(code) == 0 {
		return wrong("no contract is there")
	}
	raw, err := e.client.CallContract(ctx, ethereum.CallMsg{To: &escrow, Data: escrowABI.PackDomainSeparator()}, nil)
	if err != nil {
		if asRevert("", err) != nil {
			return wrong("another contract is there")
		}
		return r.failure("ask for the escrow's domain", err)
	}
	if got, err := escrowABI.UnpackDomainSeparator(raw); err != nil || got != r.domain.Separator() {
		return wrong("another contract, or another version of it, is there")
	}
	return nil
}

// failure says what was being done and keeps apart what the endpoint answered and
// what means that it is away. No text of it holds the endpoint's path.
func (r *remote) failure(doing string, err error) error {
	var transport *url.Error
	if errors.As(err, &transport) {
		err = transport.Err
	}
	var answer rpc.Error
	var offline *OfflineError
	var apart *DisagreementError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &offline), errors.As(err, &apart):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.As(err, &answer):
		return fmt.Errorf("%s: the RPC endpoint %s answered %s", doing, r.serving(), clip(answer.Error()))
	}
	return fmt.Errorf("%s: %w", doing, &OfflineError{Endpoint: r.garbled(err), Err: err})
}

// garbled notes that the endpoint asked first answered what is no answer, so that
// the next one is asked for a while, and returns its name.
func (r *remote) garbled(err error) string {
	list := r.usable()
	if len(list) == 0 {
		return r.names()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := list[0]
	e.failure, e.failed, e.rest = err, 1, r.now().Add(firstRest)
	return e.name
}

// serving names the endpoint that is asked first at present.
func (r *remote) serving() string {
	if list := r.usable(); len(list) > 0 {
		return list[0].name
	}
	return r.names()
}

// close drops idle connections.
func (r *remote) close() { r.http.CloseIdleConnections() }
