// Package signer reaches a key that is not on this machine's disk, or not in this
// process (SPEC §2.4): a program such as Clef that speaks JSON-RPC over loopback
// HTTP or a unix socket, or a command that is run for each signature. Both get the
// same two calls, account_signTransaction and account_signTypedData, and both may
// ask a person. Start with [Open].
package signer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/rerig/rerig/protocol"
)

// patience is how long a person may think about one signature.
const patience = 5 * time.Minute

// Signer signs for one address with a key that it never sees. It is safe for
// concurrent use; what the program signed is for the caller to check.
type Signer struct {
	addr protocol.Address
	name string // for people
	via  transport
}

// Open names the program that signs for addr and does not contact it yet:
// "http://127.0.0.1:8550" and "unix:/run/clef.ipc" are servers, "exec:" and a
// command line is run for each call. A server on another machine is refused: who
// can change what is on the wire can change what is signed.
func Open(where string, addr protocol.Address) (*Signer, error) {
	s := &Signer{addr: addr, name: where}
	kind, rest, _ := strings.Cut(where, ":")
	switch kind {
	case "exec":
		argv := strings.Fields(rest)
		if len(argv) == 0 {
			return nil, &protocol.FieldError{Field: "signer", Limit: "exec:PROGRAM and its arguments"}
		}
		s.name, s.via = "exec:"+argv[0], command(argv)
	case "unix":
		if rest == "" {
			return nil, &protocol.FieldError{Field: "signer", Limit: "unix:PATH"}
		}
		s.via = socket(rest)
	case "http":
		u, err := url.Parse(where)
		if err != nil || !loopback(u.Hostname()) || u.User != nil {
			return nil, &protocol.FieldError{Field: "signer", Limit: "http to this machine, as http://127.0.0.1:8550; reach another one by an SSH tunnel"}
		}
		s.name, s.via = "http://"+u.Host, newServer(where)
	default:
		return nil, &protocol.FieldError{Field: "signer", Limit: "http://127.0.0.1:PORT, unix:PATH or exec:PROGRAM", Got: kind}
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close drops idle connections to a server.
func (s *Signer) Close() error {
	s.via.close()
	return nil
}

// Address is whose key it is.
func (s *Signer) Address() protocol.Address { return s.addr }

// Check asks whether the program is there and has the key.
func (s *Signer) Check(ctx context.Context) error {
	var list []common.Address
	if err := s.call(ctx, &list, "account_list"); err != nil {
		return err
	}
	for _, a := range list {
		if protocol.Address(a) == s.addr {
			return nil
		}
	}
	return fmt.Errorf("signer %s has no key of %s, but %d others; correct --payer", s.name, s.addr, len(list))
}

// SignTx asks for a signature under a transaction. The answer may be another
// transaction: programs let people change fees. The caller must compare.
func (s *Signer) SignTx(ctx context.Context, tx *types.Transaction) (*types.Transaction, error) {
	data := hexutil.Bytes(tx.Data())
	access := tx.AccessList()
	args := &apitypes.SendTxArgs{
		From: mixed(s.addr), Nonce: hexutil.Uint64(tx.Nonce()), Value: hexutil.Big(*tx.Value()), Gas: hexutil.Uint64(tx.Gas()),
		MaxFeePerGas: (*hexutil.Big)(tx.GasFeeCap()), MaxPriorityFeePerGas: (*hexutil.Big)(tx.GasTipCap()),
		ChainID: (*hexutil.Big)(tx.ChainId()), Input: &data, AccessList: &access,
	}
	if to := tx.To(); to != nil {
		m := mixed(protocol.Address(*to))
		args.To = &m
	}
	var answer struct {
		Raw hexutil.Bytes `json:"raw"`
	}
	if err := s.call(ctx, &answer, "account_signTransaction", args); err != nil {
		return nil, err
	}
	signed := new(types.Transaction)
	if err := signed.UnmarshalBinary(answer.Raw); err != nil {
		return nil, fmt.Errorf("signer %s: its answer is no transaction: %w", s.name, err)
	}
	return signed, nil
}

// SignTyped asks for a signature under EIP-712 data.
func (s *Signer) SignTyped(ctx context.Context, data apitypes.TypedData) (protocol.Signature, error) {
	var out protocol.Signature
	var sig hexutil.Bytes
	addr := mixed(s.addr)
	if err := s.call(ctx, &sig, "account_signTypedData", &addr, data); err != nil {
		return out, err
	}
	if len(sig) != 65 {
		return out, fmt.Errorf("signer %s: %w", s.name, &protocol.FieldError{Field: "signature", Limit: "65 bytes", Got: fmt.Sprint(len(sig))})
	}
	v := sig[64]
	if v >= 27 { // as wallets have it
		v -= 27
	}
	if v > 1 || sig[32]&0x80 != 0 {
		return out, fmt.Errorf("signer %s: its answer is no signature in the lower half order", s.name)
	}
	copy(out[:], sig)
	out[32] |= v << 7
	return out, nil
}

func mixed(a protocol.Address) common.MixedcaseAddress {
	return common.NewMixedcaseAddress(common.Address(a))
}

func (s *Signer) call(ctx context.Context, result any, method string, params ...any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("nobody signed within "+patience.String()))
	defer cancel()
	if err := call(ctx, s.via, result, method, params); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("signer %s: %w", s.name, err)
	}
	return nil
}
