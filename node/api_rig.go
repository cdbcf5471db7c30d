package node

import (
	"time"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/telemetry"
	"github.com/rerig/rerig/protocol"
)

// The states of a card as its miner sees them.
const (
	CardBusy        = "busy"        // a job has it
	CardFree        = "free"        // it waits for jobs
	CardMining      = "mining"      // the idle command has it
	CardQuarantined = "quarantined" // kept out of use after an error, or by hand
	CardUnsold      = "not sold"    // Why says why
	CardLost        = "lost"        // nothing is heard of it
)

// RigStatus is how a rig does now (SPEC §8.2): what `rerig status` shows.
type RigStatus struct {
	At    time.Time    `json:"at"`
	Cards []CardStatus `json:"cards"`
	// CPU is the machine's processors.
	CPU telemetry.Seen `json:"cpu"`
	// Jobs are those under way.
	Jobs []JobNow `json:"jobs"`
	// Notes say what cannot be read, and what to do about it.
	Notes []string `json:"notes"`
	// Day is the last 24 hours.
	Day DaySum `json:"day"`
	// Tariff is millionths of the token for a kilowatt-hour, nil where nobody told.
	Tariff *governor.PerKWh `json:"tariff,omitempty"`
	Link   LinkStatus       `json:"link"`
}

// CardStatus is one card.
type CardStatus struct {
	telemetry.Seen
	State string `json:"state"`
	// Why says what keeps it from jobs, "" where nothing does.
	Why string `json:"why,omitempty"`
	// Job is which job has it.
	Job *protocol.Hash `json:"job,omitempty"`
	// Gross and Power are millionths of the token for an hour as it is now: what the job pays
	// for the card, and what it draws; nil where the power or its price is not known.
	Gross governor.Rate  `json:"gross_per_hour"`
	Power *governor.Rate `json:"power_per_hour,omitempty"`
}

// JobNow is a job under way.
type JobNow struct {
	ID     protocol.Hash  `json:"id"`
	Name   string         `json:"name,omitempty"`
	Engine string         `json:"engine"`
	Model  string         `json:"model,omitempty"` // of a session with a served model
	State  protocol.State `json:"state"`
	Paused bool           `json:"paused"` // it waits for a voucher
	Cards  []string       `json:"cards,omitempty"`
	Price  protocol.Price `json:"price"`
	Units  uint64         `json:"units"` // of the price's
	// PerSecond is units a second, in thousandths, since the last look some seconds ago; nil
	// at the first.
	PerSecond *uint64         `json:"milli_units_per_second,omitempty"`
	Paid      protocol.Amount `json:"paid"`
	Started   uint64          `json:"started"` // unix milliseconds; 0 before it runs
	RunMillis uint64          `json:"run_ms"`  // how long it may run
}

// DaySum is what came of a day. Gross and Net are base units; net may be below zero.
type DaySum struct {
	Gross protocol.Amount `json:"gross"` // by vouchers, of jobs that did something in it
	Power PowerUse        `json:"power"`
	// NetNano is gross less power in billionths of the token; nil where none of the power was
	// measured, or the price of more than a twentieth of it was not known.
	NetNano *int64 `json:"net_nano,omitempty"`
	Ended   int    `json:"ended"`
	Done    int    `json:"done"`   // ended, and paid in full
	Failed  int    `json:"failed"` // ended otherwise than by their own end
	Unpaid  int    `json:"unpaid"` // ended, and the payer left something owing
	// Capped tells that the day had more jobs than were counted.
	Capped bool `json:"capped,omitempty"`
}

// LinkStatus is how a node is connected.
type LinkStatus struct {
	Peers   int `json:"peers"`
	Relayed int `json:"relayed"` // of them through a relay
	// Reach is "direct", "relay", "local" on a test network, or "none" so far.
	Reach string `json:"reach"`
	// NAT is how the router maps UDP and TCP: "cone", which lets peers in after a handshake,
	// or "symmetric", which does not; "" for not known yet.
	NAT string `json:"nat,omitempty"`
	// LatencyMS is the median round trip to the peers; nil where none is measured.
	LatencyMS *int64 `json:"latency_ms,omitempty"`
}
