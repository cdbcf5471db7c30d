package contracts_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"
	"text/tabwriter"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/google/go-cmp/cmp"

	"github.com/rerig/rerig/contracts/bindings"
)

var update = flag.Bool("update", false, "rewrite gas.txt and scale.txt")

const gasFile = "gas.txt"

// TestGas measures every call under both price lists and compares with the
// table that is checked in, so that a change of price is a change one reviews.
func TestGas(t *testing.T) {
	t.Parallel()
	checkTable(t, gasFile, measureGas(t, osaka), measureGas(t, amsterdam))
}

// checkTable compares figures with a file, or rewrites it.
func checkTable(t *testing.T, file string, today, tomorrow []gasRow) {
	t.Helper()
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\t%s\t  call\n", osaka, amsterdam)
	for i, row := range today {
		fmt.Fprintf(w, "%d\t%d\t  %s\n", row.gas, tomorrow[i].gas, row.call)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, table.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), table.String()); diff != "" {
		t.Errorf("gas has changed (go test ./contracts -run 'TestGas|TestScale' -update accepts it):\n%s", diff)
	}
}

type gasRow struct {
	call string
	gas  uint64
}

// meter collects rows in the order in which they are measured.
type meter struct {
	*chain
	rows []gasRow
}

func (m *meter) row(call string, receipt *types.Receipt) {
	m.rows = append(m.rows, gasRow{call, receipt.GasUsed})
}

func measureGas(t *testing.T, rules fork) []gasRow {
	c := newChain(t, rules)
	m := &meter{chain: c}
	m.measureAccounts()
	m.measureChannels()
	m.measureCloses()
	m.measureSigned()
	m.measureBonds()
	for _, size := range []int{10, 100} {
		m.measureBatch(size)
	}
	periods := escrowABI.PackConstructor(86_400, 7*86_400)
	m.row("deploy", c.transact(stranger, nil, nil, append(common.FromHex(bindings.EscrowMetaData.Bin), periods...)))
	return m.rows
}

func (m *meter) measureAccounts() {
	m.row("approve (by the token)", m.mustAt(m.usd, stranger, nil, usdABI.PackApprove(m.escrow, abi.MaxUint256)))
	m.row("deposit, first", m.must(payer, escrowABI.PackDeposit(m.usd, payer.addr, n(1e6))))
	m.row("deposit", m.must(payer, escrowABI.PackDeposit(m.usd, payer.addr, n(1e6))))
	m.row("depositNative, first", m.mustAt(m.escrow, payer, n(1e15), escrowABI.PackDepositNative(payer.addr)))
	m.row("depositNative", m.mustAt(m.escrow, payer, n(1e15), escrowABI.PackDepositNative(payer.addr)))
	m.row("withdraw", m.must(payer, escrowABI.PackWithdraw(m.usd, payer.addr, n(1000))))
	m.row("withdraw native", m.must(payer, escrowABI.PackWithdraw(native, payer.addr, n(1000))))
}

func (m *meter) measureChannels() {
	d := lane(m.usd)
	m.row("fund, opening", m.must(payer, d.fund(n(1000))))
	m.row("fund, topping up", m.must(payer, d.fund(n(1000))))
	m.row("redeem, payee's first", m.must(rig, d.redeem(m.voucher(d, 0, n(10)), false)))
	m.row("redeem", m.must(rig, d.redeem(m.voucher(d, 0, n(20)), false)))
	m.row("redeem with payout, first", m.must(rig, d.redeem(m.voucher(d, 0, n(30)), true)))
	m.row("redeem with payout", m.must(rig, d.redeem(m.voucher(d, 0, n(40)), true)))
	m.row("redeem of nothing new", m.must(rig, d.redeem(m.voucher(d, 0, n(40)), false)))
	direct := d
	direct.payer = rival
	m.row("depositAndFund, opening", m.must(rival, direct.depositAndFund(n(1000))))
	m.row("depositAndFund, topping up", m.must(rival, direct.depositAndFund(n(1000))))
	coin := lane(native)
	m.row("depositAndFund native, opening", m.mustAt(m.escrow, payer, n(1000), coin.depositAndFund(n(1000))))
	m.row("depositAndFund native, topping up", m.mustAt(m.escrow, payer, n(1000), coin.depositAndFund(n(1000))))
	m.row("redeem native, payee's first", m.must(rig, coin.redeem(m.voucher(coin, 0, n(10)), false)))
	m.row("redeem native with payout", m.must(rig, coin.redeem(m.voucher(coin, 0, n(20)), true)))
}

// measureCloses goes on with the channel of measureChannels, 40 claimed.
func (m *meter) measureCloses() {
	d := lane(m.usd)
	m.row("requestClose", m.must(payer, d.requestClose()))
	m.pass(2 * testGrace)
	m.row("finalizeClose", m.must(payer, d.finalizeClose(false)))
	m.row("fund, opening again", m.must(payer, d.fund(n(1000))))
	m.row("closeByPayee", m.must(rig, d.closeByPayee(m.voucher(d, 1, n(10)), false)))
	m.must(payer, d.fund(n(1000)))
	r, vs := rig.sign(m.t, m.closeMessage(d, 2, n(10)))
	m.row("closeByPayer", m.must(payer, d.closeByPayer(n(10), r, vs, false)))
	m.must(payer, d.fund(n(1000)))
	r, vs = rig.sign(m.t, m.closeMessage(d, 3, n(10)))
	m.row("closeByPayer with payout", m.must(payer, d.closeByPayer(n(10), r, vs, true)))
}

// measureSigned takes money by signatures, from a wallet that has approved nothing.
func (m *meter) measureSigned() {
	fresh := keyOf("fresh signer")
	m.mustAt(fresh.addr, stranger, ether(1), nil)
	m.mustAt(m.usd, stranger, nil, usdABI.PackMint(fresh.addr, n(mintedUSD)))
	deadline := n(ever)
	for _, call := range []string{"depositWithPermit, first", "depositWithPermit"} {
		r, vs := m.permit(fresh, m.usd, n(1e6), deadline)
		m.row(call, m.must(fresh, escrowABI.PackDepositWithPermit(m.usd, fresh.addr, n(1e6), deadline, r, vs)))
	}
	auth := m.authorizeDeposit(fresh, fresh.addr, m.usd, n(1e6), [32]byte{1})
	m.row("depositWithAuthorization", m.must(stranger, escrowABI.PackDepositWithAuthorization(m.usd, fresh.addr, fresh.addr, n(1e6), auth)))
	d := lane(m.usd)
	d.payer = fresh
	m.row("depositAndFundWithAuthorization, opening",
		m.must(stranger, d.openAuthorized(n(1000), m.authorizeOpen(d, n(1000), [32]byte{1}))))
	m.row("depositAndFundWithAuthorization, topping up",
		m.must(stranger, d.openAuthorized(n(1000), m.authorizeOpen(d, n(1000), [32]byte{2}))))
	var fundings []bindings.Funding
	for i := range 10 {
		d.signer = keyOf(fmt.Sprintf("session %d", i))
		fundings = append(fundings, d.funding(n(1000)))
	}
	m.each("fundMany, opening", len(fundings), m.must(fresh, escrowABI.PackFundMany(m.usd, fundings)))
	m.row("multicall of fund and requestClose", m.must(fresh, escrowABI.PackMulticall([][]byte{d.fund(n(1000)), d.requestClose()})))
}

// measureBonds bonds, unbonds and slashes, the last also by a committee.
func (m *meter) measureBonds() {
	p := backing(m.usd)
	m.row("bond, first", m.must(payer, p.bond(n(1000))))
	m.row("bond, topping up", m.must(payer, p.bond(n(1000))))
	m.row("unbond", m.must(payer, p.unbond(n(500))))
	m.pass(2 * testUnbond)
	m.row("releaseBond", m.must(payer, p.release()))
	m.row("slash, beneficiary's first", m.must(rival, p.slash(n(100), stranger.addr)))
	m.row("slash", m.must(rival, p.slash(n(100), stranger.addr)))
	five := newCommittee(m.chain)
	judged := five.backed(m.usd)
	v := five.verdict(judged, 60)
	v.Deadline = ever
	m.row("execute a verdict of 3", m.mustAt(five.at, stranger, nil, committeeABI.PackExecute(v, five.signed(five.domain(), v, five.members[:3]...))))
	args := committeeABI.PackConstructor(m.escrow, addresses(five.members), n(3))
	m.row("deploy a committee of 5", m.transact(stranger, nil, nil, append(common.FromHex(bindings.CommitteeArbiterMetaData.Bin), args...)))
}

// measureBatch redeems one voucher each of size channels of a known payee.
func (m *meter) measureBatch(size int) {
	var vouchers []bindings.Voucher
	d := lane(m.usd)
	for i := range size {
		d.signer = keyOf(fmt.Sprintf("signer %d of %d", i, size))
		m.must(payer, d.fund(n(1000)))
		m.must(rig, d.redeem(m.voucher(d, 0, n(1)), false))
		vouchers = append(vouchers, m.voucher(d, 0, n(10)))
	}
	m.each("redeemMany", size, m.must(rig, d.redeemMany(false, vouchers...)))
	var records []byte
	for i := range vouchers {
		d.signer = keyOf(fmt.Sprintf("signer %d of %d", i, size))
		records = append(records, packRecord(m.voucher(d, 0, n(20)))...)
	}
	m.each("redeemPacked", size, m.must(rig, d.redeemPacked(false, records)))
}

// each adds the row of a batch and that of one part of it.
func (m *meter) each(call string, size int, receipt *types.Receipt) {
	m.row(fmt.Sprintf("%s of %d", call, size), receipt)
	m.rows = append(m.rows, gasRow{fmt.Sprintf("%s of %d, each", call, size), receipt.GasUsed / uint64(size)})
}
