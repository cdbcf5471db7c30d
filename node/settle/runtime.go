package settle

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
	"github.com/ethereum/go-ethereum/params"

	"github.com/rerig/rerig/protocol"
)

// constructorGas is more than any constructor here uses.
const constructorGas = 30_000_000

// runtimeCode is the code that init code leaves at an address of a chain, immutables
// and all. The constructor runs here, as that address, so that nothing of what the
// chain answers is believed, and nothing of the code has to be left out.
func runtimeCode(initCode []byte, at common.Address, chainID uint64) ([]byte, error) {
	rules := *params.MergedTestChainConfig
	rules.ChainID = new(big.Int).SetUint64(chainID)
	db, err := state.New(types.EmptyRootHash, state.NewDatabaseForTesting()) // in memory
	if err != nil {
		return nil, fmt.Errorf("run the constructor: %w", err)
	}
	db.SetCode(at, initCode, tracing.CodeChangeUnspecified)
	code, _, err := runtime.Call(at, nil, &runtime.Config{ChainConfig: &rules, State: db, GasLimit: constructorGas,
		BaseFee: new(big.Int), BlobBaseFee: new(big.Int), Random: &common.Hash{}})
	if err != nil {
		if name, args := decodeRevert(code); name != "" {
			return nil, &RevertError{Call: "constructor", Name: name, Args: args}
		}
		return nil, fmt.Errorf("run the constructor: %w", err)
	}
	return code, nil
}

// CodeError says that an escrow's code is not what this program's contract compiles to.
type CodeError struct {
	Escrow    protocol.Address
	Want, Got protocol.Hash // of the runtime code
}

// Error names both codes by their hashes.
func (e *CodeError) Error() string {
	return fmt.Sprintf("the code at %s is not the escrow's: its hash is %s, and that of this version's contract with the same parameters %s; trust it only if you know why", e.Escrow, e.Got, e.Want)
}

// VerifyEscrow compares the escrow's code on the chain, byte for byte and with its
// immutables, with what this program's copy of the contract compiles to. What it
// returns are the deployment's data; any difference is a CodeError.
func (c *Client) VerifyEscrow(ctx context.Context) (*Deployment, error) {
	grace, err := c.CloseGrace(ctx)
	if err != nil {
		return nil, err
	}
	period, err := view(ctx, c, c.domain.Escrow, nil, escrowABI.PackUnbondPeriod(), escrowABI.UnpackUnbondPeriod)
	if err != nil {
		return nil, err
	}
	client, err := c.remote.ready(ctx)
	if err != nil {
		return nil, err
	}
	at := common.Address(c.domain.Escrow)
	got, err := client.CodeAt(ctx, at, nil)
	if err != nil {
		return nil, c.remote.failure("read the escrow's code", err)
	}
	d, initCode, err := escrowDeployment(c.domain.ChainID, grace, time.Duration(period)*time.Second)
	if err != nil {
		return nil, err
	}
	want, err := runtimeCode(initCode, at, c.domain.ChainID)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(want, got) {
		return nil, &CodeError{Escrow: c.domain.Escrow, Want: protocol.Keccak(want), Got: protocol.Keccak(got)}
	}
	if d.Address != c.domain.Escrow { // deployed by other means; the code is what counts
		d.Address, d.Proxy, d.Salt = c.domain.Escrow, protocol.Address{}, protocol.Hash{}
	}
	d.RuntimeCodeHash = protocol.Keccak(got)
	return d, nil
}

func seconds(what string, d, least, most time.Duration) (uint32, error) {
	if d < least || d > most || d%time.Second != 0 || d/time.Second > math.MaxUint32 {
		return 0, &protocol.FieldError{Field: what, Limit: fmt.Sprintf("whole seconds from %v to %v", least, most), Got: d.String()}
	}
	return uint32(d / time.Second), nil
}
