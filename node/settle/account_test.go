package settle_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

func TestDepositAndWithdraw(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 1000)
	before, err := n.Balances(t.Context(), n.Address())
	if err != nil {
		t.Fatal(err)
	}

	deposit, err := n.Deposit(t.Context(), amount(300))
	if err != nil {
		t.Fatalf("deposit: %v", err)
	}
	n.balances(t, 700, 300)
	if _, err := n.Deposit(t.Context(), amount(100)); err != nil {
		t.Fatalf("deposit again: %v", err)
	}
	if txs := n.book.all(); len(txs) != 2 || txs[0].Kind != "deposit" {
		t.Errorf("want deposit, deposit; got%s", describe(txs))
	}
	to := newKey(t).Address()
	if _, err := n.Withdraw(t.Context(), to, amount(150)); err != nil {
		t.Fatalf("withdraw: %v", err)
	}
	n.balances(t, 600, 250)
	if got, err := n.Balances(t.Context(), to); err != nil || got.Wallet != amount(150) {
		t.Errorf("recipient has %s, %v", got.Wallet, err)
	}

	if deposit.Status != protocol.TxConfirmed || deposit.GasUsed < 40_000 || deposit.GasUsed > 125_000 || deposit.Block == 0 {
		t.Errorf("deposit: %+v", deposit)
	}
	spent := protocol.Amount{}
	for _, tx := range n.book.all() {
		if tx.Status != protocol.TxConfirmed {
			t.Errorf("%s is %s", tx.Kind, tx.Status)
		}
		spent = must(spent.Add(tx.Fee))
	}
	after, err := n.Balances(t.Context(), n.Address())
	if err != nil || before.Native.Minus(after.Native) != spent {
		t.Errorf("paid %s wei, the journal says %s (%v)", before.Native.Minus(after.Native), spent, err)
	}
}

func TestNativeDepositAndWithdraw(t *testing.T) {
	c := startChain(t)
	cfg := config(c, newKey(t), newBook())
	cfg.Token = protocol.Address{}
	n := join(t, cfg)
	enrich(t, c, n.Address(), 0)
	if _, err := n.Deposit(t.Context(), amount(5000)); err != nil {
		t.Fatalf("deposit: %v", err)
	}
	to := newKey(t).Address()
	if _, err := n.Withdraw(t.Context(), to, amount(2000)); err != nil {
		t.Fatalf("withdraw: %v", err)
	}
	if got, err := n.Balances(t.Context(), to); err != nil || got.Native != amount(2000) || got.Wallet != amount(2000) {
		t.Errorf("recipient has %+v, %v", got, err)
	}
	if got, err := n.Balances(t.Context(), n.Address()); err != nil || got.Account != amount(3000) {
		t.Errorf("account has %s, %v", got.Account, err)
	}
	spendable, err := n.Spendable(t.Context())
	if err != nil || spendable.IsZero() || !spendable.Less(ether) {
		t.Errorf("spendable %s, %v; want less than an ether, for the fees", spendable, err)
	}
}

func TestTooLittleMoneySendsNothing(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 10)
	var funds *settle.FundsError
	if _, err := n.Deposit(t.Context(), amount(11)); !errors.As(err, &funds) || funds.Need != amount(11) || funds.Have != amount(10) {
		t.Errorf("deposit beyond the wallet: %v", err)
	}
	if _, err := n.Withdraw(t.Context(), n.Address(), amount(1)); !errors.As(err, &funds) || !funds.InAccount {
		t.Errorf("withdraw beyond the account: %v", err)
	}
	var gas *settle.NoGasError
	if _, err := n.DepositNative(t.Context(), ether); !errors.As(err, &gas) {
		t.Errorf("native deposit of everything: %v", err)
	}

	poor := join(t, config(c, newKey(t), newBook()))
	if err := c.Mint(t.Context(), poor.Address(), amount(10)); err != nil {
		t.Fatal(err)
	}
	_, err := poor.Deposit(t.Context(), amount(10))
	if !errors.As(err, &gas) || gas.Address != poor.Address() || !gas.Have.IsZero() {
		t.Errorf("deposit without gas money: %v", err)
	} else if !strings.HasSuffix(err.Error(), "send some native coin to "+poor.Address().String()) {
		t.Errorf("no next step in %q", err)
	}
	if txs := append(n.book.all(), poor.book.all()...); len(txs) != 0 {
		t.Errorf("sent%s", describe(txs))
	}
}

func TestRefusalsNameTheContractsError(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 10)
	var revert *settle.RevertError
	if _, err := n.Deposit(t.Context(), amount(0)); !errors.As(err, &revert) || revert.Name != "ZeroAmount" || !revert.Tx.IsZero() {
		t.Errorf("deposit of nothing: %v", err)
	}
	if _, err := n.Deposit(t.Context(), amount(10)); err != nil {
		t.Fatal(err)
	}
	_, err := n.Withdraw(t.Context(), c.Domain().Escrow, amount(1))
	if !errors.As(err, &revert) || revert.Name != "BadRecipient" || revert.Args != "to="+c.Domain().Escrow.String() {
		t.Errorf("withdraw to the escrow: %v", err)
	}
}
