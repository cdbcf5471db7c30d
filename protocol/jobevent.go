package protocol

// Event is something that happened to a job: a message, a timeout, or the end of
// an effect. SPEC §6.2 lists who may cause which.
type Event interface{ name() string }

// Events of both sides.
type (
	// Tick tells the time; timeouts fire on it.
	Tick struct{}
	// PeerGone – the stream to the other side broke.
	PeerGone struct{}
	// StopAsked – the user (or a shutdown) wants the job to end.
	StopAsked struct{ Reason Reason }
)

// Events of the rig.
type (
	// FundingSeen – the channel has Available base units free for this job.
	FundingSeen struct{ Available Amount }
	// FundingRefused – the channel cannot be used, and why.
	FundingRefused struct {
		Reason Reason
		Detail string
	}
	// SlotFree – the queue gave the job a slot.
	SlotFree struct{}
	// Staged – module and inputs are on disk and verified.
	Staged struct{}
	// StageFailed – they are not.
	StageFailed struct {
		Reason Reason
		Detail string
	}
	// Measured – the sandbox has used Units so far; Output is the stream's hash now.
	Measured struct {
		Units  uint64
		Output Hash
	}
	// Exited – the sandbox is gone. Reason is "" when the program ended by itself.
	Exited struct {
		Units    uint64
		Output   Hash // ResultRoot
		ExitCode uint32
		Reason   Reason
		Detail   string
	}
	// PaymentIn – vouchers in the journal now pay Total for this job.
	PaymentIn struct{ Total Amount }
	// StopIn – the requester sent Stop.
	StopIn struct{ Reason Reason }
)

// Events of the requester.
type (
	// ChannelReady – the channel has the budget reserved for this job.
	ChannelReady struct{}
	// ChannelFailed – it cannot be had.
	ChannelFailed struct {
		Reason Reason
		Detail string
	}
	// StatusIn – the rig says where the job stands.
	StatusIn struct {
		State  State
		Reason Reason
		Detail string
	}
	// OutputIn – a chunk of output came; it shows that the rig lives.
	OutputIn struct{}
	// ReceiptIn – a receipt with a good signature. Output is what the requester
	// computed from the chunks it got before it.
	ReceiptIn struct {
		Receipt Receipt
		Output  Hash
	}
	// ResultIn – the final receipt with a good signature, and the root the
	// requester computed from the stream it got and the CID it was given.
	ResultIn struct {
		Receipt Receipt
		Root    Hash
		Reason  Reason
		Detail  string
	}
	// Checked – the outputs were fetched and verified, or not.
	Checked struct {
		OK     bool
		Detail string
	}
	// SettledIn – the rig has the final voucher.
	SettledIn struct{}
	// Violation – the rig broke the protocol (bad signature, malformed message).
	Violation struct {
		Reason Reason
		Detail string
	}
)

func (Tick) name() string           { return "tick" }
func (PeerGone) name() string       { return "peer-gone" }
func (StopAsked) name() string      { return "stop-asked" }
func (FundingSeen) name() string    { return "funding-seen" }
func (FundingRefused) name() string { return "funding-refused" }
func (SlotFree) name() string       { return "slot-free" }
func (Staged) name() string         { return "staged" }
func (StageFailed) name() string    { return "stage-failed" }
func (Measured) name() string       { return "measured" }
func (Exited) name() string         { return "exited" }
func (PaymentIn) name() string      { return "payment-in" }
func (StopIn) name() string         { return "stop-in" }
func (ChannelReady) name() string   { return "channel-ready" }
func (ChannelFailed) name() string  { return "channel-failed" }
func (StatusIn) name() string       { return "status-in" }
func (OutputIn) name() string       { return "output-in" }
func (ReceiptIn) name() string      { return "receipt-in" }
func (ResultIn) name() string       { return "result-in" }
func (Checked) name() string        { return "checked" }
func (SettledIn) name() string      { return "settled-in" }
func (Violation) name() string      { return "violation" }

// Effect is something the driver must do after a step, in the given order. After
// Save the job must be durable before the next effect is performed.
type Effect interface{ effect() string }

// Effects of both sides.
type (
	// Save – write the job to the journal and fsync.
	Save struct{}
	// Release – the job needs nothing any more: budget, scratch, stream.
	Release struct{}
)

// Effects of the rig.
type (
	// CheckFunding – look at the channel; answer FundingSeen or FundingRefused.
	CheckFunding struct{}
	// Enqueue – wait for a slot; answer SlotFree.
	Enqueue struct{}
	// Stage – fetch module and inputs; answer Staged or StageFailed.
	Stage struct{}
	// Start – run the sandbox; answer Measured as units grow and Exited once.
	Start struct{}
	// Pause – stop the sandbox's clock until Resume.
	Pause struct{}
	// Resume – let it go on.
	Resume struct{}
	// Kill – end the sandbox; Exited follows.
	Kill struct{}
	// FreeSlot – the sandbox is gone, the slot or the place in the queue is free.
	FreeSlot struct{}
	// SendStatus – tell the requester.
	SendStatus struct {
		State  State
		Reason Reason
		Detail string
	}
	// SendReceipt – sign and send a tick's receipt.
	SendReceipt struct{ Receipt Receipt }
	// SendResult – sign and send the final receipt.
	SendResult struct {
		Receipt Receipt
		Reason  Reason
		Detail  string
	}
	// SendSettled – confirm the final voucher.
	SendSettled struct{ Paid Amount }
)

// Effects of the requester.
type (
	// Fund – reserve the budget in a channel, opening or topping it up; answer
	// ChannelReady or ChannelFailed.
	Fund struct{}
	// SendAccept – countersign and send.
	SendAccept struct{}
	// SendVoucher – allocate, journal, sign and send a voucher with Total for this job.
	SendVoucher struct{ Total Amount }
	// SendStop – tell the rig to stop.
	SendStop struct{ Reason Reason }
	// CheckResult – fetch and verify the outputs; answer Checked.
	CheckResult struct{}
)

func (Save) effect() string         { return "save" }
func (Release) effect() string      { return "release" }
func (CheckFunding) effect() string { return "check-funding" }
func (Enqueue) effect() string      { return "enqueue" }
func (Stage) effect() string        { return "stage" }
func (Start) effect() string        { return "start" }
func (Pause) effect() string        { return "pause" }
func (Resume) effect() string       { return "resume" }
func (Kill) effect() string         { return "kill" }
func (FreeSlot) effect() string     { return "free-slot" }
func (SendStatus) effect() string   { return "send-status" }
func (SendReceipt) effect() string  { return "send-receipt" }
func (SendResult) effect() string   { return "send-result" }
func (SendSettled) effect() string  { return "send-settled" }
func (Fund) effect() string         { return "fund" }
func (SendAccept) effect() string   { return "send-accept" }
func (SendVoucher) effect() string  { return "send-voucher" }
func (SendStop) effect() string     { return "send-stop" }
func (CheckResult) effect() string  { return "check-result" }
