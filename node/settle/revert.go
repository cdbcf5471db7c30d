package settle

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
)

var (
	escrowABI = bindings.NewEscrow()
	tokenABI  = bindings.NewTestUSD() // its ERC-20 part fits every token
)

// asRevert makes a RevertError of an endpoint's answer to a call, or nil when the
// answer is not about a revert.
func asRevert(kind string, err error) *RevertError {
	var answer rpc.DataError
	if !errors.As(err, &answer) {
		return nil
	}
	text, _ := answer.ErrorData().(string)
	raw := common.FromHex(text)
	if len(raw) == 0 && !strings.Contains(answer.Error(), "revert") {
		return nil
	}
	name, args := decodeRevert(raw)
	return &RevertError{Call: kind, Name: name, Args: args}
}

// decodeRevert names the error in a revert's data, with its arguments.
func decodeRevert(raw []byte) (name, args string) {
	if len(raw) < 4 {
		return "", ""
	}
	for _, contract := range []abi.ABI{escrowABI.GetABI(), tokenABI.GetABI()} {
		for _, def := range contract.Errors {
			if !bytes.Equal(def.ID[:4], raw[:4]) {
				continue
			}
			values, err := def.Inputs.Unpack(raw[4:])
			if err != nil {
				return def.Name, ""
			}
			parts := make([]string, len(values))
			for i, v := range values {
				parts[i] = def.Inputs[i].Name + "=" + argText(v)
			}
			return def.Name, strings.Join(parts, ", ")
		}
	}
	if reason, err := abi.UnpackRevert(raw); err == nil {
		return "Error", clip(reason)
	}
	return clip(common.Bytes2Hex(raw)), ""
}

func argText(v any) string {
	switch v := v.(type) {
	case common.Address:
		return protocol.Address(v).String()
	case [32]byte:
		return protocol.Hash(v).String()
	}
	return clip(fmt.Sprint(v))
}

// clip keeps what a contract or an endpoint says short enough for a log line.
func clip(s string) string {
	const limit = 200
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
