package settle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/rerig/rerig/protocol"
)

// Limits on an RPC endpoint, which may be anybody's.
const (
	requestTimeout   = 30 * time.Second
	maxResponseBytes = 32 << 20
)

// Status is what is known of the chain, as of the last contact.
type Status struct {
	Online   bool      // the endpoint answered the last request and is the right one
	Head     uint64    // number of the newest block seen
	HeadTime time.Time // that block's time
	Reason   string    // why not online, for people
}

// remote is one JSON-RPC endpoint. It connects when it is first needed and then
// checks that it is the right chain with the right contract.
type remote struct {
	url    string
	name   string          // scheme and host, for people
	domain protocol.Domain // the zero escrow is not checked
	http   *http.Client

	mu     sync.Mutex // guards what follows
	eth    *ethclient.Client
	proven bool // chain and contract checked
	status Status
}

func newRemote(endpoint string, domain protocol.Domain) (*remote, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil, errors.New("rpc: not a URL, give one such as http://127.0.0.1:8545")
	}
	switch u.Scheme {
	case "http", "https":
	default:
		return nil, fmt.Errorf("rpc: scheme %q is not http or https", clip(u.Scheme))
	}
	return &remote{
		url: endpoint, name: u.Scheme + "://" + u.Host, domain: domain,
		http:   &http.Client{Timeout: requestTimeout, Transport: limited{http.DefaultTransport.(*http.Transport).Clone()}},
		status: Status{Reason: "not contacted yet"},
	}, nil
}

// limited cuts off answers that are longer than any the node asks for.
type limited struct{ *http.Transport }

func (l limited) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxResponseBytes), resp.Body}
	return resp, nil
}

// ready returns the client once the endpoint has proven to be the right one. Its
// errors are OfflineError, ChainIDError, NotEscrowError and the context's.
func (r *remote) ready(ctx context.Context) (*ethclient.Client, error) {
	r.mu.Lock()
	client, proven := r.eth, r.proven
	r.mu.Unlock()
	if proven {
		return client, nil
	}
	if client == nil {
		dialled, err := rpc.DialOptions(ctx, r.url, rpc.WithHTTPClient(r.http))
		if err != nil {
			return nil, r.failure("connect", err)
		}
		client = ethclient.NewClient(dialled)
	}
	if err := r.prove(ctx, client); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.eth, r.proven = client, true
	return client, nil
}

// prove asks the chain for its ID and the contract for its EIP-712 domain, which
// no other contract has.
func (r *remote) prove(ctx context.Context, client *ethclient.Client) error {
	id, err := client.ChainID(ctx)
	if err != nil {
		return r.failure("ask for the chain's ID", err)
	}
	if !id.IsUint64() || id.Uint64() != r.domain.ChainID {
		return &ChainIDError{Want: r.domain.ChainID, Got: id.Uint64()}
	}
	if r.domain.Escrow.IsZero() {
		return nil
	}
	wrong := func(reason string) error {
		return &NotEscrowError{ChainID: r.domain.ChainID, Escrow: r.domain.Escrow, Reason: reason}
	}
	escrow := common.Address(r.domain.Escrow)
	code, err := client.CodeAt(ctx, escrow, nil)
	if err != nil {
		return r.failure("look for the escrow", err)
	}
	if len(code) == 0 {
		return wrong("no contract is there")
	}
	raw, err := client.CallContract(ctx, ethereum.CallMsg{To: &escrow, Data: escrowABI.PackDomainSeparator()}, nil)
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
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &offline):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.As(err, &answer):
		return fmt.Errorf("%s: the RPC endpoint %s answered %s", doing, r.name, clip(answer.Error()))
	}
	var status rpc.HTTPError
	if errors.As(err, &status) {
		err = errors.New(status.Status)
	}
	return fmt.Errorf("%s: %w", doing, &OfflineError{Endpoint: r.name, Err: err})
}

// observe records the outcome of the last contact.
func (r *remote) observe(head uint64, headTime time.Time, err error) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.status.Online
	if err != nil {
		r.status.Online, r.status.Reason = false, err.Error()
	} else {
		r.status = Status{Online: true, Head: head, HeadTime: headTime}
	}
	return before != r.status.Online
}

func (r *remote) last() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// close drops idle connections.
func (r *remote) close() { r.http.CloseIdleConnections() }
