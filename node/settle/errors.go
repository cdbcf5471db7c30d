package settle

import (
	"fmt"
	"strings"

	"github.com/rerig/rerig/protocol"
)

// ChainIDError says that the RPC endpoint serves another chain than the one the
// node is configured for.
type ChainIDError struct {
	Endpoint  string // scheme and host only
	Want, Got uint64
}

// Error names both chains.
func (e *ChainIDError) Error() string {
	return fmt.Sprintf("the RPC endpoint %s serves chain %d, not chain %d: point the node at endpoints of chain %d", e.Endpoint, e.Got, e.Want, e.Want)
}

// DisagreementError says that RPC endpoints of one chain tell different stories, so
// that none is believed: nothing is read or sent until they agree.
type DisagreementError struct {
	Endpoints []string // scheme and host only
	Block     uint64   // where they differ
}

// Error names the endpoints, the block and what to do.
func (e *DisagreementError) Error() string {
	return fmt.Sprintf("the RPC endpoints %s disagree about block %d: take the one that lies out of rpc in the profile",
		strings.Join(e.Endpoints, " and "), e.Block)
}

// NotEscrowError says that no Rerig escrow lives at the configured address.
type NotEscrowError struct {
	ChainID uint64
	Escrow  protocol.Address
	Reason  string
}

// Error names the address, the chain and what is there instead.
func (e *NotEscrowError) Error() string {
	return fmt.Sprintf("no Rerig escrow at %s on chain %d (%s): check the escrow's address", e.Escrow, e.ChainID, e.Reason)
}

// OfflineError says that the chain cannot be reached at present. Everything that
// needs no transaction goes on without it.
type OfflineError struct {
	Endpoint string // scheme and host only: the path may hold an API key
	Err      error
}

// Error names the endpoint's host and what went wrong.
func (e *OfflineError) Error() string {
	return fmt.Sprintf("the chain's RPC endpoint %s does not answer (%v): check that it is up, the node keeps trying", e.Endpoint, e.Err)
}

// Unwrap is the transport's error.
func (e *OfflineError) Unwrap() error { return e.Err }

// NoGasError says that an address has too little native money (wei) for a
// transaction's fee and value. No transaction was sent.
type NoGasError struct {
	Address    protocol.Address
	Need, Have protocol.Amount // wei
}

// Error says how much to send where.
func (e *NoGasError) Error() string {
	return fmt.Sprintf("%s has %s wei and the transaction may need %s: send some native coin to %s", e.Address, e.Have, e.Need, e.Address)
}

// FundsError says that an address has too little of a token (base units). No
// transaction was sent.
type FundsError struct {
	Address, Token protocol.Address
	Need, Have     protocol.Amount // base units
	InAccount      bool            // about the account in the escrow, not the wallet
}

// Error says how much to send where.
func (e *FundsError) Error() string {
	if e.InAccount {
		return fmt.Sprintf("the escrow account of %s has %s base units of %s, less than %s: ask for less", e.Address, e.Have, tokenName(e.Token), e.Need)
	}
	return fmt.Sprintf("%s has %s base units of %s and needs %s: send it %s more", e.Address, e.Have, tokenName(e.Token), e.Need, e.Need.Minus(e.Have))
}

// ReplacedError says that another transaction took a transaction's nonce.
type ReplacedError struct {
	Tx    protocol.Hash
	Nonce uint64
}

// Error names the transaction.
func (e *ReplacedError) Error() string {
	return fmt.Sprintf("transaction %s had no effect: another one took its nonce %d; use this key in one program only, then try again", e.Tx, e.Nonce)
}

// RevertError says that a contract refused a call.
type RevertError struct {
	Call string        // what was asked for: "deposit", "open", "redeem", …
	Name string        // the contract's error, such as "TooEarly"; "" if it gave none
	Args string        // the error's arguments for people: "closesAt=…, time=…"
	Tx   protocol.Hash // the transaction that was mined in vain; zero if none was sent
}

// Error names the call, the contract's error and what to do about it.
func (e *RevertError) Error() string {
	name := e.Name
	if name == "" {
		name = "no reason given"
	}
	text := fmt.Sprintf("the contract refused %q: %s", e.Call, name)
	if e.Args != "" {
		text += "(" + e.Args + ")"
	}
	if !e.Tx.IsZero() {
		text += " in transaction " + e.Tx.String()
	}
	if step := nextSteps[e.Name]; step != "" {
		text += ": " + step
	}
	return text
}

// nextSteps is what the user does about the contract's errors.
var nextSteps = map[string]string{
	"ZeroAmount":                 "give an amount above zero",
	"BadRecipient":               "give another recipient",
	"InsufficientBalance":        "deposit more, or ask for less",
	"InexactTransfer":            "use a token that takes no fee on transfers",
	"NativeTransferFailed":       "use a recipient that accepts native money",
	"BadConsent":                 "ask the rig for a new consent",
	"NotOpen":                    "the channel has ended, look at your account's balance",
	"AlreadyClosing":             "wait for the grace to end, then finalize",
	"NotClosing":                 "request the close first",
	"TooEarly":                   "wait for the grace to end",
	"BadEpoch":                   "the channel was closed since, sign for its new epoch",
	"BadCumulative":              "agree on an amount the channel holds",
	"NotPayeeOrOperator":         "close from the payee's or the rig's key",
	"ERC20InsufficientBalance":   "get more of the token",
	"ERC20InsufficientAllowance": "try again, the approval was spent meanwhile",
}

func tokenName(token protocol.Address) string {
	if token.IsZero() {
		return "native coin"
	}
	return "token " + token.String()
}
