package settle

import (
	"context"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"github.com/rerig/rerig/protocol"
)

// minTip is what block builders take at the least, in wei per gas.
const minTip = 1_000_000

// fee is an EIP-1559 price, in wei per gas.
type fee struct {
	tip     *big.Int
	ceiling *big.Int // base fee and tip together
}

// raised is the fee a quarter higher: nodes replace a transaction from a tenth on.
func (f fee) raised() fee {
	quarter := func(v *big.Int) *big.Int {
		r := new(big.Int).Mul(v, big.NewInt(5))
		return r.Add(r.Rsh(r, 2), big.NewInt(1))
	}
	return fee{quarter(f.tip), quarter(f.ceiling)}
}

// atLeast is the higher of two fees, part by part.
func (f fee) atLeast(g fee) fee {
	higher := func(a, b *big.Int) *big.Int {
		if a.Cmp(b) < 0 {
			return b
		}
		return a
	}
	return fee{higher(f.tip, g.tip), higher(f.ceiling, g.ceiling)}
}

// currentFee is what the endpoint suggests, with room for the base fee to double.
func (w *wallet) currentFee(ctx context.Context, client *ethclient.Client) (fee, error) {
	tip, err := client.SuggestGasTipCap(ctx)
	if err != nil {
		return fee{}, w.remote.failure("ask for the price of gas", err)
	}
	head, err := client.HeaderByNumber(ctx, nil)
	if err != nil {
		return fee{}, w.remote.failure("ask for the newest block", err)
	}
	if head.BaseFee == nil {
		return fee{}, fmt.Errorf("chain %d has no base fee (EIP-1559): use a chain that has", w.chainID)
	}
	if least := big.NewInt(minTip); tip.Cmp(least) < 0 {
		tip = least
	}
	ceiling := new(big.Int).Lsh(head.BaseFee, 1)
	return fee{tip, ceiling.Add(ceiling, tip)}, nil
}

// price executes the call on the newest state, without sending it, and returns its
// gas limit (a fifth more than it took) and fee. Its errors are RevertError,
// NoGasError and those of reaching the endpoint.
func (w *wallet) price(ctx context.Context, client *ethclient.Client, c call) (uint64, fee, error) {
	from := common.Address(w.address())
	balance, err := client.BalanceAt(ctx, from, nil)
	if err != nil {
		return 0, fee{}, w.remote.failure("ask for the balance", err)
	}
	if balance.Cmp(c.value.Big()) < 0 {
		return 0, fee{}, w.noGas(balance, c.value.Big())
	}
	gas, err := w.estimate(ctx, client, c)
	switch {
	case err != nil && says(err, "insufficient funds"):
		return 0, fee{}, w.noGas(balance, c.value.Big())
	case err != nil:
		return 0, fee{}, err
	case c.most > 0 && gas > c.most:
		return 0, fee{}, fmt.Errorf("%s: %w: %d", c.kind, errTooMuchGas, gas)
	}
	// EIP-7825 caps what one transaction may use.
	gas = min(gas+gas/5, max(gas, params.MaxTxGas))
	price, err := w.currentFee(ctx, client)
	if err != nil {
		return 0, fee{}, err
	}
	need := new(big.Int).Mul(new(big.Int).SetUint64(gas), price.ceiling)
	if need.Add(need, c.value.Big()); balance.Cmp(need) < 0 {
		return 0, fee{}, w.noGas(balance, need)
	}
	return gas, price, nil
}

// estimate executes the call on the newest state and returns the gas it takes.
func (w *wallet) estimate(ctx context.Context, client *ethclient.Client, c call) (uint64, error) {
	gas, err := client.EstimateGas(ctx, ethereum.CallMsg{From: common.Address(w.address()), To: c.to, Value: c.value.Big(), Data: c.data})
	if err == nil {
		return gas, nil
	}
	if revert := asRevert(c.kind, err); revert != nil {
		return 0, revert
	}
	return 0, w.remote.failure("estimate gas", err)
}

// gasPrice is what a unit of gas costs now, in wei: base fee and tip.
func (w *wallet) gasPrice(ctx context.Context, client *ethclient.Client) (*big.Int, error) {
	now, err := w.currentFee(ctx, client)
	if err != nil {
		return nil, err
	}
	base := new(big.Int).Sub(now.ceiling, now.tip)
	return base.Add(base.Rsh(base, 1), now.tip), nil
}

func (w *wallet) noGas(have, need *big.Int) error {
	return &NoGasError{Address: w.address(), Need: capped(need), Have: capped(have)}
}

// capped converts a chain integer, for display, to the largest amount if it is larger.
func capped(v *big.Int) protocol.Amount {
	a, err := protocol.AmountFromBig(v)
	if err != nil {
		most := new(big.Int).Lsh(big.NewInt(1), 96)
		a, _ = protocol.AmountFromBig(most.Sub(most, big.NewInt(1)))
	}
	return a
}

// says looks for a phrase in an endpoint's answer. Nodes tell these cases apart by
// text alone, each in its own words: the JSON-RPC code is -32000 for all of them.
func says(err error, phrases ...string) bool {
	text := strings.ToLower(err.Error())
	for _, phrase := range phrases {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}
