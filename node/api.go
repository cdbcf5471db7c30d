package node

import (
	"strings"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/models"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/node/treasury"
	"github.com/rerig/rerig/protocol"
)

// The types of the control API (SPEC §8.2). Amounts are base units of the
// network's token, as decimal text, unless said otherwise. What the treasury tells,
// its Statement, Audit and Recovery, is served as it is.

// RunStatus is a run as its user sees it.
type RunStatus = requester.Status

// Info says what a node is and how it does.
type Info struct {
	Version string           `json:"version"`
	Address protocol.Address `json:"address"`
	Payer   protocol.Address `json:"payer"` // whose money buys; Address unless another key pays
	Peer    string           `json:"peer"`
	Network string           `json:"network"`
	Token   Token            `json:"token"`
	Listen  []string         `json:"listen"`
	Peers   int              `json:"peers"`
	Link    LinkStatus       `json:"link"`
	Chain   ChainInfo        `json:"chain"`
	Caps    Caps             `json:"caps"`
	Rig     *RigInfo         `json:"rig,omitempty"`
	// Metrics is where its metrics are, such as http://127.0.0.1:9464; "" where nowhere.
	Metrics string `json:"metrics,omitempty"`
	// Dashboard is where its owner's page is, such as http://127.0.0.1:8485/; "" where nowhere.
	Dashboard string `json:"dashboard,omitempty"`
	DataDir   string `json:"data_dir"`
	PID       int    `json:"pid"`
}

// Token says how to write amounts.
type Token struct {
	Address  protocol.Address `json:"address"`
	Symbol   string           `json:"symbol"`
	Decimals int              `json:"decimals"`
}

// Text is an amount of base units as people read it, "0.05 tUSDC".
func (t Token) Text(a protocol.Amount) string {
	return strings.TrimSpace(a.Units(t.Decimals) + " " + t.Symbol)
}

// Caps keep together what a node that buys locks in channels; zero is no cap.
type Caps struct {
	Exposure   protocol.Amount `json:"exposure"`    // all channels together, unclaimed
	ChannelMin protocol.Amount `json:"channel_min"` // at a time; zero is four budgets
	ChannelMax protocol.Amount `json:"channel_max"` // at a time, unless a job lacks more
}

// ChainInfo is what the node last saw of its chain.
type ChainInfo struct {
	ID     uint64           `json:"id"`
	Escrow protocol.Address `json:"escrow"`
	Online bool             `json:"online"`
	Head   uint64           `json:"head"`
	Reason string           `json:"reason,omitempty"` // why not online
	// Endpoints is what is known of each RPC endpoint.
	Endpoints []Endpoint `json:"endpoints"`
	// Alarms are disagreements of the journal with the chain: while there is one no
	// new job is taken or bought.
	Alarms []treasury.Alarm `json:"alarms"`
}

// Endpoint is an RPC endpoint of the chain.
type Endpoint struct {
	Name   string `json:"name"` // scheme and host
	Used   bool   `json:"used"`
	Reason string `json:"reason,omitempty"` // why not
	// Requests were made since the node started, and Errors of them got no answer.
	Requests uint64 `json:"requests"`
	Errors   uint64 `json:"errors"`
}

// RigInfo is what a rig sells and how busy it is.
type RigInfo struct {
	Payee     protocol.Address  `json:"payee"`
	Price     protocol.Price    `json:"price"`
	Hardware  protocol.Hardware `json:"hardware"`
	Slots     int               `json:"slots"`
	FreeSlots int               `json:"free_slots"`
	Active    int               `json:"active"`
	Offering  bool              `json:"offering"` // the self-test passed
	Promised  protocol.Amount   `json:"promised"` // vouchers held and not yet collected
	Jobs      int               `json:"jobs"`     // ever paid
	Earned    protocol.Amount   `json:"earned"`   // by vouchers, ever
	Models    []models.Status   `json:"models,omitempty"`
	Governor  *governor.Report  `json:"governor,omitempty"` // nil where none minds the cards
}

// File is a local file, or public content that somebody has, that becomes an input.
type File struct {
	Name string `json:"name"` // in /in; "" takes the path's base name
	Path string `json:"path"`
	CID  string `json:"cid,omitempty"` // instead of a path: CID or CID/FILE, fetched from whoever has it
}

// RunRequest asks the node to buy a job. Paths are on the node's machine, which
// is the caller's: the socket is local and its owner's.
type RunRequest struct {
	Name      string             `json:"name"`
	Kind      protocol.Kind      `json:"kind"`   // "" is a task
	Engine    string             `json:"engine"` // "" is wasm
	Served    string             `json:"served"` // CID of a served model instead of all that says what to run: a session with it, paid by the token
	Module    string             `json:"module"` // path of the wasm module, or of the directory with the image's OCI layout
	Args      []string           `json:"args"`
	Env       []string           `json:"env"`
	Inputs    []File             `json:"inputs"`
	Resources protocol.Resources `json:"resources"`
	Limits    protocol.Limits    `json:"limits"`  // zero fields take defaults
	Public    bool               `json:"public"`  // nothing is sealed, and anybody may fetch the outputs and the image
	Private   bool               `json:"private"` // the module is sealed too, as inputs and outputs are where the job is not public
	Seed      protocol.Hash      `json:"seed"`
	Budget    protocol.Amount    `json:"budget"`
	MaxPrice  protocol.Amount    `json:"max_price"` // per million CPU milliseconds, or tokens of a served model; 0 is no limit
	Region    string             `json:"region"`
	Rig       protocol.Address   `json:"rig"` // only this rig; zero is any
	Retries   int                `json:"retries"`
	Gang      int                `json:"gang,omitempty"`  // ranks of SubmitGang, which share the budget evenly
	Note      []byte             `json:"note,omitempty"`  // of SubmitGang, for who follows it later; at most protocol.MaxGroupNote bytes
	Hosts     []string           `json:"hosts,omitempty"` // host:port that a container may reach, through an HTTP proxy
}

// Event is one line of a run's event stream: a status, or output.
type Event struct {
	Status *RunStatus `json:"status,omitempty"`
	FD     int        `json:"fd,omitempty"` // 1 stdout, 2 stderr
	Data   []byte     `json:"data,omitempty"`
}

// MarketReply is who could run something and why others could not.
type MarketReply struct {
	Offers  []MarketOffer        `json:"offers"` // best first
	Skipped []protocol.SkipCount `json:"skipped"`
}

// MarketOffer is an offer and what this node knows of its rig.
type MarketOffer struct {
	protocol.Offer
	Peer    string          `json:"peer"`
	Channel bool            `json:"channel"` // a channel is open: no transaction needed
	PerHour protocol.Amount `json:"per_cpu_hour"`
}

// Wallet is what the node's address has and is owed.
type Wallet struct {
	Address  protocol.Address  `json:"address"`
	Balances protocol.Balances `json:"balances"`
	Locked   protocol.Amount   `json:"locked"`   // in channels this node funded, not promised away
	Promised protocol.Amount   `json:"promised"` // given in vouchers, not yet claimed by rigs
	Owed     protocol.Amount   `json:"owed"`     // vouchers held, not yet collected
	Channels []WalletChannel   `json:"channels"`
	Node     *OwnKey           `json:"node,omitempty"` // where Address is the payer's and not the node's
}

// OwnKey is the key that stays on the machine while another one pays: it signs
// vouchers and, for a rig, collects.
type OwnKey struct {
	Address  protocol.Address  `json:"address"`
	Balances protocol.Balances `json:"balances"`
}

// WalletChannel is one payment channel of this node.
type WalletChannel struct {
	ID       protocol.Hash         `json:"id"`
	Incoming bool                  `json:"incoming"`
	Channel  protocol.Channel      `json:"channel"`
	State    protocol.ChannelState `json:"state"`
	Vouchers protocol.Amount       `json:"vouchers"` // cumulative: given, or held
	Reserved protocol.Amount       `json:"reserved"` // for jobs under way
}

// Transfer moves money of the node's address.
type Transfer struct {
	Amount protocol.Amount  `json:"amount"`
	To     protocol.Address `json:"to"` // withdraw: zero is the node's own address
}

// CloseRequest asks for the close of outgoing channels.
type CloseRequest struct {
	Channel protocol.Hash `json:"channel"` // zero is all that are idle
}

// TxReply lists the transactions a request made.
type TxReply struct {
	Txs []protocol.Tx `json:"txs"`
}

// History is the node's transactions and vouchers, newest first.
type History struct {
	Txs  []protocol.Tx     `json:"txs"`
	Jobs []protocol.Record `json:"jobs"`
}

// JobView is a record with its spec readable.
type JobView struct {
	protocol.Record
	Spec *protocol.JobSpec `json:"spec"`
}

// APIError is how the control socket says no.
type APIError struct {
	Code    int    `json:"-"` // HTTP status
	Message string `json:"error"`
}

// Error is the message.
func (e *APIError) Error() string { return e.Message }
