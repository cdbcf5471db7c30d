package contracts_test

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"
)

// attempt executes a call without mining it; nil means success, otherwise it
// is the decoded error of a revert.
func (c *chain) attempt(from actor, to *common.Address, value *big.Int, data []byte) any {
	c.t.Helper()
	msg := ethereum.CallMsg{From: from.addr, To: to, Value: value, Data: data, Gas: c.rules.gas()}
	_, err := c.client.CallContract(c.ctx(), msg, nil)
	if err == nil {
		return nil
	}
	var withData rpc.DataError
	if !errors.As(err, &withData) {
		c.t.Fatalf("call failed without being reverted: %v", err)
	}
	text, _ := withData.ErrorData().(string)
	raw := common.FromHex(text)
	if len(raw) < 4 {
		return err.Error()
	}
	for _, unpack := range []func([]byte) (any, error){escrowABI.UnpackError, usdABI.UnpackError, committeeABI.UnpackError} {
		if decoded, err := unpack(raw); err == nil {
			return decoded
		}
	}
	if reason, err := abi.UnpackRevert(raw); err == nil {
		return reason
	}
	return text
}

// mustRevert calls the escrow and requires exactly this error, or none for nil.
func (c *chain) mustRevert(from actor, data []byte, want any) {
	c.t.Helper()
	c.mustRevertAt(c.escrow, from, nil, data, want)
}

func (c *chain) mustRevertAt(to common.Address, from actor, value *big.Int, data []byte, want any) {
	c.t.Helper()
	got := c.attempt(from, &to, value, data)
	// Compared as text, since two zero big integers need not be deeply equal.
	if describe(got) != describe(want) {
		c.t.Errorf("got %s, want %s", describe(got), describe(want))
	}
}

func describe(v any) string {
	if v == nil {
		return "success"
	}
	return fmt.Sprintf("%T %+v", v, v)
}
