package protocol

// Reason is a stable code for why a job, a quote or a message was refused or
// ended (SPEC §6.5). The code is for programs; the detail beside it is for people.
type Reason string

// Reason codes. Each is in SPEC §6.5 with who emits it and whose fault it is.
const (
	ReasonNone Reason = ""

	// Refusals before any money moves.
	ReasonPriceFloor   Reason = "price_floor"   // bid under the rig's price
	ReasonOverBudget   Reason = "over_budget"   // one tick costs more than the budget
	ReasonResources    Reason = "resources"     // VRAM, memory, disk or CPUs do not fit
	ReasonEngine       Reason = "engine"        // engine or model not served here
	ReasonEgress       Reason = "egress"        // job wants network, rig does not allow it
	ReasonMarket       Reason = "market"        // no common (chain, escrow, token)
	ReasonBusy         Reason = "busy"          // queue is full
	ReasonDraining     Reason = "draining"      // rig is shutting down
	ReasonQuoteExpired Reason = "quote_expired" // accept came after acceptBy
	ReasonOfferExpired Reason = "offer_expired" // offer no longer valid
	ReasonUnderfunded  Reason = "underfunded"   // channel holds less than the budget
	ReasonChannelClose Reason = "channel_close" // channel is closing or of another epoch
	ReasonChainDown    Reason = "chain_down"    // no chain, and the channel is not known yet
	ReasonVersion      Reason = "version"       // message version or critical extension unknown
	ReasonMalformed    Reason = "malformed"     // message broke a limit or a rule
	ReasonBadSignature Reason = "bad_signature" // signature not by the named key
	ReasonNetwork      Reason = "wrong_network" // other network name
	ReasonUnreachable  Reason = "unreachable"   // no connection to the peer
	ReasonNoOffers     Reason = "no_offers"     // nobody offers what the job needs
	ReasonRegion       Reason = "region"        // rig is in another region
	ReasonInputTooBig  Reason = "input_too_large"

	// Ends of a job that had begun.
	ReasonStopped     Reason = "stopped"      // requester asked
	ReasonDeadline    Reason = "deadline"     // run time limit reached
	ReasonBudget      Reason = "budget"       // every unit the budget buys is used
	ReasonUnpaid      Reason = "unpaid"       // no voucher within the grace
	ReasonPeerLost    Reason = "peer_lost"    // connection gone
	ReasonSilent      Reason = "silent"       // nothing heard for SilenceWait
	ReasonStaging     Reason = "staging"      // an input could not be fetched or verified
	ReasonTrap        Reason = "trap"         // module trapped
	ReasonMemory      Reason = "memory"       // memory cap reached
	ReasonStdout      Reason = "stdout"       // too much stdout or stderr
	ReasonOutput      Reason = "output"       // output files over quota or not allowed
	ReasonBadModule   Reason = "bad_module"   // module does not compile or validate
	ReasonRigError    Reason = "rig_error"    // the rig's own fault
	ReasonRestart     Reason = "restart"      // node restarted while the job ran
	ReasonBadReceipt  Reason = "bad_receipt"  // receipt chain, units or signature wrong
	ReasonBadVoucher  Reason = "bad_voucher"  // voucher lower, replayed, wrong channel or signer
	ReasonBadResult   Reason = "bad_result"   // output does not match the receipt
	ReasonTimeout     Reason = "timeout"      // a lifecycle timeout of SPEC §6.4
	ReasonNoSettle    Reason = "no_settle"    // rig did not confirm the final voucher
	ReasonJournal     Reason = "journal"      // own journal cannot be written
	ReasonChannelOpen Reason = "channel_open" // channel could not be opened or topped up
)

// RigFault reports whether the rig, and not the job or the requester, is to
// blame, so that the same job is worth trying on another rig (SPEC §6.5).
func (r Reason) RigFault() bool {
	switch r {
	case ReasonPeerLost, ReasonSilent, ReasonRigError, ReasonRestart, ReasonBadReceipt,
		ReasonBadResult, ReasonUnreachable, ReasonBusy, ReasonDraining, ReasonQuoteExpired,
		ReasonOfferExpired, ReasonTimeout, ReasonChainDown, ReasonStaging,
		ReasonPriceFloor, ReasonResources, ReasonEngine, ReasonEgress, ReasonMarket,
		ReasonVersion, ReasonMalformed, ReasonBadSignature, ReasonNetwork,
		// A rig's word that it was not funded or paid proves nothing.
		ReasonUnderfunded, ReasonChannelClose, ReasonUnpaid:
		return true
	}
	return false
}
