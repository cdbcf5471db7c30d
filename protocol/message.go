package protocol

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// MessageType numbers the messages of the job protocol (SPEC §5.2). Numbers are
// never reused.
type MessageType uint8

// Message types.
const (
	TypeQuoteRequest MessageType = 1
	TypeQuote        MessageType = 2
	TypeRefusal      MessageType = 3
	TypeAccept       MessageType = 4
	TypeStatus       MessageType = 5
	TypeOutput       MessageType = 6
	TypeReceipt      MessageType = 7
	TypeVoucher      MessageType = 8
	TypeResult       MessageType = 9
	TypeStop         MessageType = 10
	TypeSettled      MessageType = 11
	TypeLink         MessageType = 12
	TypeCheckpoint   MessageType = 13
)

// Message is one message of the job protocol.
type Message interface {
	Type() MessageType
	check() error
}

// QuoteRequest asks a rig what the job would cost (requester → rig).
type QuoteRequest struct {
	Spec   []byte  `cbor:"1,keyasint"` // canonical bytes of a JobSpec
	Payer  Address `cbor:"2,keyasint"`
	Signer Address `cbor:"3,keyasint"`
	Market Market  `cbor:"4,keyasint"`
	Unit   Unit    `cbor:"5,keyasint"`
	Budget Amount  `cbor:"6,keyasint"`
	Nonce  Hash    `cbor:"7,keyasint"`
}

// Quote is a binding price: an agreement the rig has signed (rig → requester).
type Quote struct {
	Agreement Agreement `cbor:"1,keyasint"`
	Channel   Channel   `cbor:"2,keyasint"`
	RigSig    Signature `cbor:"3,keyasint"`
	Ahead     uint16    `cbor:"4,keyasint"` // jobs that would run before this one
}

// Refusal ends the exchange before a job exists (rig → requester).
type Refusal struct {
	Reason Reason `cbor:"1,keyasint"`
	Detail string `cbor:"2,keyasint"`
}

// Accept countersigns the quote and names the funded channel (requester → rig).
type Accept struct {
	Agreement Agreement `cbor:"1,keyasint"`
	Channel   Channel   `cbor:"2,keyasint"`
	Epoch     uint32    `cbor:"3,keyasint"`
	RigSig    Signature `cbor:"4,keyasint"`
	PayerSig  Signature `cbor:"5,keyasint"`
	JobKey    JobKey    `cbor:"6,keyasint,omitempty"` // there exactly where the spec has something sealed
	LinkKey   LinkKey   `cbor:"7,keyasint,omitempty"` // there exactly where the spec is of a private link
}

// JobKey opens and seals a job's content (SPEC §5.5). It is in no record and never
// prints.
type JobKey []byte

// JobKeyBytes is the length of a JobKey.
const JobKeyBytes = 32

// Format tells nothing, whatever the verb.
func (JobKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[job key]")) }

// MarshalText tells nothing; JSON asks it.
func (JobKey) MarshalText() ([]byte, error) { return []byte("[job key]"), nil }

// Status says where the job stands; it is also the heartbeat (rig → requester).
type Status struct {
	State  State  `cbor:"1,keyasint"`
	Reason Reason `cbor:"2,keyasint"`
	Detail string `cbor:"3,keyasint"`
}

// Output carries a chunk of stdout (FD 1) or stderr (FD 2) (rig → requester).
type Output struct {
	FD   uint8  `cbor:"1,keyasint"`
	Data []byte `cbor:"2,keyasint"`
}

// ReceiptMsg carries a tick's receipt (rig → requester).
type ReceiptMsg struct {
	Receipt   Receipt   `cbor:"1,keyasint"`
	Signature Signature `cbor:"2,keyasint"`
}

// VoucherMsg pays (requester → rig). JobPaid is the part of the cumulative amount
// that is for this job; several jobs share one channel.
type VoucherMsg struct {
	Voucher SignedVoucher `cbor:"1,keyasint"`
	JobPaid Amount        `cbor:"2,keyasint"`
}

// Result ends the work: the final receipt and where the output files are
// (rig → requester).
type Result struct {
	Receipt   Receipt   `cbor:"1,keyasint"`
	Signature Signature `cbor:"2,keyasint"`
	Stream    Hash      `cbor:"3,keyasint"` // OutputHash of all output
	Outputs   string    `cbor:"4,keyasint"` // CID of the output directory, "" if none
	Size      uint64    `cbor:"5,keyasint"` // bytes in it
	Reason    Reason    `cbor:"6,keyasint"` // "" when the job exited by itself
	Detail    string    `cbor:"7,keyasint"`
}

// Stop asks the rig to end the job (requester → rig).
type Stop struct {
	Reason Reason `cbor:"1,keyasint"`
}

// Settled says the final voucher is in the rig's journal (rig → requester).
type Settled struct {
	Paid Amount `cbor:"1,keyasint"`
}

// Type implements Message.
func (*QuoteRequest) Type() MessageType { return TypeQuoteRequest }

// Type implements Message.
func (*Quote) Type() MessageType { return TypeQuote }

// Type implements Message.
func (*Refusal) Type() MessageType { return TypeRefusal }

// Type implements Message.
func (*Accept) Type() MessageType { return TypeAccept }

// Type implements Message.
func (*Status) Type() MessageType { return TypeStatus }

// Type implements Message.
func (*Output) Type() MessageType { return TypeOutput }

// Type implements Message.
func (*ReceiptMsg) Type() MessageType { return TypeReceipt }

// Type implements Message.
func (*VoucherMsg) Type() MessageType { return TypeVoucher }

// Type implements Message.
func (*Result) Type() MessageType { return TypeResult }

// Type implements Message.
func (*Stop) Type() MessageType { return TypeStop }

// Type implements Message.
func (*Settled) Type() MessageType { return TypeSettled }

func (m *QuoteRequest) check() error {
	if m.Payer.IsZero() || m.Signer.IsZero() {
		return &FieldError{Field: "quote_request.payer and signer", Limit: "not zero"}
	}
	if !m.Unit.Valid() {
		return fieldErr("quote_request.unit", "a unit of SPEC §5.4", m.Unit)
	}
	return checkLen("quote_request.spec", len(m.Spec), MaxSpecBytes)
}

func (m *Quote) check() error { return m.Agreement.Check() }

func (m *Refusal) check() error { return checkReason("refusal", m.Reason, m.Detail) }

func (m *Accept) check() error {
	if n := len(m.JobKey); n != 0 && n != JobKeyBytes {
		return fieldErr("accept.job_key", fmt.Sprintf("%d bytes or none", JobKeyBytes), n)
	}
	if n := len(m.LinkKey); n != 0 && n != LinkKeyBytes {
		return fieldErr("accept.link_key", fmt.Sprintf("%d bytes or none", LinkKeyBytes), n)
	}
	return m.Agreement.Check()
}

func (m *Status) check() error {
	if !m.State.Valid() {
		return fieldErr("status.state", "a state of SPEC §6.1", m.State)
	}
	return checkReason("status", m.Reason, m.Detail)
}

func (m *Output) check() error {
	if m.FD != 1 && m.FD != 2 {
		return fieldErr("output.fd", "1 or 2", m.FD)
	}
	return checkLen("output.data", len(m.Data), MaxOutputChunk)
}

func (m *ReceiptMsg) check() error { return checkReceipt(&m.Receipt) }

func (m *VoucherMsg) check() error {
	if m.Voucher.Voucher.Cumulative.Less(m.JobPaid) {
		return fieldErr("voucher.job_paid", "at most the cumulative amount", m.JobPaid)
	}
	return nil
}

func (m *Result) check() error {
	if !m.Receipt.Final {
		return &FieldError{Field: "result.receipt", Limit: "a final receipt"}
	}
	if m.Outputs != "" {
		if err := CheckCID("result.outputs", m.Outputs); err != nil {
			return err
		}
	}
	if m.Size > MaxOutputBytes {
		return fieldErr("result.size", fmt.Sprintf("at most %d bytes", MaxOutputBytes), m.Size)
	}
	if err := checkReason("result", m.Reason, m.Detail); err != nil {
		return err
	}
	return checkReceipt(&m.Receipt)
}

func (m *Stop) check() error { return checkReason("stop", m.Reason, "") }

func (m *Settled) check() error { return nil }

func checkReceipt(r *Receipt) error {
	if r.Seq == 0 || r.Seq > MaxReceiptCount {
		return fieldErr("receipt.seq", fmt.Sprintf("1 to %d", MaxReceiptCount), r.Seq)
	}
	return nil
}

func checkReason(field string, r Reason, detail string) error {
	if err := checkText(field+".reason", string(r), MaxNameBytes); err != nil {
		return err
	}
	return checkText(field+".detail", detail, MaxDetailBytes)
}

// envelope is what a frame holds: the version, the type, the body and the two
// extension maps.
type envelope struct {
	Version uint8           `cbor:"1,keyasint"`
	Type    MessageType     `cbor:"2,keyasint"`
	Body    cbor.RawMessage `cbor:"3,keyasint"`
	Crit    Extensions      `cbor:"4,keyasint"`
	Opt     Extensions      `cbor:"5,keyasint"`
}

// EncodeMessage writes a message with its envelope.
func EncodeMessage(m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	body, err := Encode(m)
	if err != nil {
		return nil, err
	}
	return Encode(envelope{Version: Version, Type: m.Type(), Body: body})
}

// DecodeMessage reads one message. Unknown versions, types, fields and critical
// extensions are errors that name them; optional extensions are ignored.
func DecodeMessage(b []byte) (Message, error) {
	if err := checkLen("message", len(b), MaxFrame); err != nil {
		return nil, err
	}
	var env envelope
	if err := Decode(b, &env); err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	if env.Version != Version {
		return nil, fieldErr("message.version", fmt.Sprint(Version), env.Version)
	}
	if err := checkExtensions("message", env.Crit, env.Opt); err != nil {
		return nil, err
	}
	m := newMessage(env.Type)
	if m == nil {
		return nil, fieldErr("message.type", "a type of SPEC §5.2", env.Type)
	}
	if err := Decode(env.Body, m); err != nil {
		return nil, fmt.Errorf("message type %d: %w", env.Type, err)
	}
	return m, m.check()
}

func newMessage(t MessageType) Message {
	switch t {
	case TypeQuoteRequest:
		return new(QuoteRequest)
	case TypeQuote:
		return new(Quote)
	case TypeRefusal:
		return new(Refusal)
	case TypeAccept:
		return new(Accept)
	case TypeStatus:
		return new(Status)
	case TypeOutput:
		return new(Output)
	case TypeReceipt:
		return new(ReceiptMsg)
	case TypeVoucher:
		return new(VoucherMsg)
	case TypeResult:
		return new(Result)
	case TypeStop:
		return new(Stop)
	case TypeSettled:
		return new(Settled)
	case TypeCheckpoint:
		return new(Checkpoint)
	case TypeLink:
		return new(Link)
	}
	return nil
}
