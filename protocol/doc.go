// Package protocol is Rerig's wire format and rules: every type two peers, or a
// peer and the escrow contract, must agree on to the bit, and the job lifecycle
// both sides step through. It implements SPEC.md §1–§8 and is pure: no sockets,
// no clock, no chain client, no disk; time is always an argument.
//
// Start at job.go (the lifecycle: Step), then agreement.go and voucher.go (what
// is signed), then message.go (what travels).
package protocol
