package settle_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

// What protocol signs is what the contract and an independent implementation of
// EIP-712 compute.
func TestDigestsAgree(t *testing.T) {
	c := startChain(t)
	escrow := bindings.NewEscrow()
	highest := must(protocol.ParseAmount("79228162514264337593543950335")) // 2^96-1
	ch := protocol.Channel{
		Payer: newKey(t).Address(), Signer: newKey(t).Address(), Payee: newKey(t).Address(),
		Operator: newKey(t).Address(), Token: c.Token(),
	}
	id := [32]byte(viewBytes(t, c, escrow.PackChannelId(common.Address(ch.Payer), common.Address(ch.Signer),
		common.Address(ch.Payee), common.Address(ch.Operator), common.Address(ch.Token))))
	if protocol.Hash(id) != ch.ID() {
		t.Errorf("channel ID %s, the contract says %x", ch.ID(), id)
	}
	for _, epoch := range []uint32{0, 1, 1<<32 - 1} {
		for _, sum := range []protocol.Amount{{}, amount(1), highest} {
			voucher := protocol.Voucher{Channel: ch.ID(), Epoch: epoch, Cumulative: sum}.Digest(c.Domain())
			if got := viewBytes(t, c, escrow.PackVoucherDigest(id, epoch, sum.Big())); protocol.Hash(got) != voucher {
				t.Errorf("voucher digest %s, the contract says %x", voucher, got)
			}
			if got := typedData(t, c, "Voucher", "cumulative", id, epoch, sum); got != voucher {
				t.Errorf("voucher digest %s, go-ethereum says %s", voucher, got)
			}
			closing := protocol.Close{Channel: ch.ID(), Epoch: epoch, FinalCumulative: sum}.Digest(c.Domain())
			if got := viewBytes(t, c, escrow.PackCloseDigest(id, epoch, sum.Big())); protocol.Hash(got) != closing {
				t.Errorf("close digest %s, the contract says %x", closing, got)
			}
			if got := typedData(t, c, "Close", "finalCumulative", id, epoch, sum); got != closing {
				t.Errorf("close digest %s, go-ethereum says %s", closing, got)
			}
		}
	}
}

// viewBytes calls a view of the escrow that returns 32 bytes.
func viewBytes(t *testing.T, c *chain.Chain, data []byte) []byte {
	t.Helper()
	to := common.Address(c.Domain().Escrow)
	raw, err := dial(t, c).CallContract(t.Context(), ethereum.CallMsg{To: &to, Data: data}, nil)
	if err != nil || len(raw) != 32 {
		t.Fatalf("view: %x, %v", raw, err)
	}
	return raw
}

func typedData(t *testing.T, c *chain.Chain, name, sum string, id [32]byte, epoch uint32, value protocol.Amount) protocol.Hash {
	t.Helper()
	digest, _, err := apitypes.TypedDataAndHash(apitypes.TypedData{
		Types: apitypes.Types{
			"EIP712Domain": {
				{Name: "name", Type: "string"}, {Name: "version", Type: "string"},
				{Name: "chainId", Type: "uint256"}, {Name: "verifyingContract", Type: "address"},
			},
			name: {{Name: "channelId", Type: "bytes32"}, {Name: "epoch", Type: "uint32"}, {Name: sum, Type: "uint96"}},
		},
		PrimaryType: name,
		Domain: apitypes.TypedDataDomain{
			Name: "Rerig", Version: "1", ChainId: (*math.HexOrDecimal256)(new(big.Int).SetUint64(c.ID())),
			VerifyingContract: c.Domain().Escrow.String(),
		},
		Message: apitypes.TypedDataMessage{"channelId": id[:], "epoch": new(big.Int).SetUint64(uint64(epoch)), sum: value.Big()},
	})
	if err != nil {
		t.Fatalf("hash the typed data: %v", err)
	}
	return protocol.Hash(digest)
}
