package settle_test

import (
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

var tokens = bindings.NewTestUSD() // its balances, approvals and mint are those of every token here

// send makes a transaction of n's key outside its client and waits for its block.
func (n *node) send(t *testing.T, c *chain.Chain, to *common.Address, data []byte) *types.Receipt {
	t.Helper()
	eth := dial(t, c)
	priv := must(crypto.ToECDSA(n.key.Bytes()))
	nonce := must(eth.PendingNonceAt(t.Context(), common.Address(n.Address())))
	chainID := new(big.Int).SetUint64(c.ID())
	tx := must(types.SignNewTx(priv, types.LatestSignerForChainID(chainID), &types.DynamicFeeTx{ChainID: chainID, Nonce: nonce,
		To: to, Data: data, Gas: 8_000_000, GasTipCap: big.NewInt(1e6), GasFeeCap: big.NewInt(1e10)}))
	if err := eth.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	var receipt *types.Receipt
	eventually(t, "a block with the transaction", func() (ok bool) {
		var err error
		receipt, err = eth.TransactionReceipt(t.Context(), tx.Hash())
		return err == nil
	})
	if receipt.Status != types.ReceiptStatusSuccessful {
		t.Fatalf("transaction %s failed", tx.Hash())
	}
	return receipt
}

// plainToken deploys a token without permits and gives n some of it.
func plainToken(t *testing.T, c *chain.Chain, n *node, some uint64) protocol.Address {
	t.Helper()
	var artifact struct{ Bytecode string }
	b, err := os.ReadFile("../../contracts/test/artifacts/MuteToken.json")
	if err == nil {
		err = json.Unmarshal(b, &artifact)
	}
	if err != nil {
		t.Fatal(err)
	}
	at := n.send(t, c, nil, common.FromHex(artifact.Bytecode)).ContractAddress
	n.send(t, c, &at, tokens.PackMint(common.Address(n.Address()), new(big.Int).SetUint64(some)))
	return protocol.Address(at)
}

// allowance is what the escrow may take of n's tokens.
func (n *node) allowance(t *testing.T, c *chain.Chain, token protocol.Address) uint64 {
	t.Helper()
	raw := call(t, c, token, tokens.PackAllowance(common.Address(n.Address()), common.Address(c.Domain().Escrow)))
	return must(tokens.UnpackAllowance(raw)).Uint64()
}

// TestApprovalsAreExact: the escrow may never take more than what is being moved
// (SPEC §7.5), and of a token with permits no approval costs a transaction.
func TestApprovalsAreExact(t *testing.T) {
	c := startChain(t)
	rig := newKey(t).Address()
	for name, plain := range map[string]bool{"permit": false, "approve": true} {
		t.Run(name, func(t *testing.T) {
			n := rich(t, c, 1000)
			token, approves := c.Token(), 0
			if plain {
				token = plainToken(t, c, n, 1000)
				cfg := config(c, n.key, newBook())
				cfg.Token = token
				n, approves = join(t, cfg), 1
			}
			kinds := func() (list string) {
				for _, tx := range n.book.all() {
					list += tx.Kind + " "
				}
				return list
			}
			ch := protocol.Channel{Payer: n.Address(), Signer: n.Address(), Payee: rig, Operator: rig, Token: token}
			if _, err := n.Deposit(t.Context(), amount(300)); err != nil {
				t.Fatal(err)
			}
			n.balances(t, 700, 300)
			if state := n.open(t, ch, 400); state.Funded != amount(400) { // more than the account has
				t.Fatalf("funded %+v", state)
			}
			n.balances(t, 300, 300)
			approve := strings.Repeat("approve ", approves)
			if got := kinds(); got != approve+"deposit "+approve+"open " {
				t.Errorf("transactions %s", got)
			}
			if left := n.allowance(t, c, token); left != 0 {
				t.Errorf("the escrow may still take %d", left)
			}

			// An approval that is too small gives way to an exact one.
			escrow, at := common.Address(c.Domain().Escrow), common.Address(token)
			n.send(t, c, &at, tokens.PackApprove(escrow, big.NewInt(7)))
			if _, err := n.Deposit(t.Context(), amount(20)); err != nil {
				t.Fatal(err)
			}
			if left := n.allowance(t, c, token); left != 0 {
				t.Errorf("the escrow may still take %d", left)
			}
			// One that the owner gave for more is used, not changed.
			n.send(t, c, &at, tokens.PackApprove(escrow, big.NewInt(50)))
			before := kinds()
			if _, err := n.Deposit(t.Context(), amount(20)); err != nil {
				t.Fatal(err)
			}
			if left := n.allowance(t, c, token); left != 30 || kinds() != before+"deposit " {
				t.Errorf("the escrow may take %d after %s", left, kinds())
			}
		})
	}
}

// call reads a contract.
func call(t *testing.T, c *chain.Chain, at protocol.Address, data []byte) []byte {
	t.Helper()
	to := common.Address(at)
	raw, err := dial(t, c).CallContract(t.Context(), ethereum.CallMsg{To: &to, Data: data}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
