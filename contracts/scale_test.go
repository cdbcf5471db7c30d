package contracts_test

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/rerig/rerig/contracts/bindings"
)

const (
	scaleFile      = "scale.txt"
	jobsPerRedeem  = 100 // a rig that waits for this many jobs of one requester
	scaleJob       = 100 // base units a job costs
	manyRequesters = 500 // of one rig, collected in one transaction
)

// TestScale measures what a job costs in gas over the whole life of a relationship
// (approve, fund, pay, close, refund, all into wallets), beside an escrow per job,
// and what one rig spends to collect from many requesters. It compares with the
// table that is checked in, as TestGas does.
func TestScale(t *testing.T) {
	t.Parallel()
	checkTable(t, scaleFile, measureScale(t, osaka), measureScale(t, amsterdam))
}

func measureScale(t *testing.T, rules fork) []gasRow {
	var rows []gasRow
	add := func(call string, gas uint64) { rows = append(rows, gasRow{call, gas}) }
	for _, jobs := range []int{1, 10, 100, 1000, 10_000} {
		add(fmt.Sprintf("per job %d", jobs), channelLife(newChain(t, rules), jobs)/uint64(jobs))
	}
	for _, jobs := range []int{1, 10, 100} {
		add(fmt.Sprintf("job escrow per job %d", jobs), jobEscrowLife(newChain(t, rules), jobs)/uint64(jobs))
	}
	open, collect := manyPayers(newChain(t, rules))
	add(fmt.Sprintf("gasless open, each of %d", manyRequesters), open/manyRequesters)
	add(fmt.Sprintf("collect from %d requesters, each", manyRequesters), collect/manyRequesters)
	return rows
}

// channelLife is the gas of jobs over one channel, by whoever pays it.
func channelLife(c *chain, jobs int) (gas uint64) {
	d := lane(c.usd)
	d.payer = keyOf("fresh payer")
	c.mustAt(d.payer.addr, stranger, ether(1), nil)
	c.mustAt(c.usd, stranger, nil, usdABI.PackMint(d.payer.addr, n(mintedUSD)))
	total := n(int64(jobs) * scaleJob)
	deposit := new(big.Int).Add(total, n(scaleJob)) // a rest to refund
	gas += c.mustAt(c.usd, d.payer, nil, usdABI.PackApprove(c.escrow, deposit)).GasUsed
	gas += c.must(d.payer, d.depositAndFund(deposit)).GasUsed
	var redeems [][]byte
	for done := 0; done < jobs; {
		done = min(done+jobsPerRedeem, jobs)
		last := done == jobs
		redeems = append(redeems, d.redeem(c.voucher(d, 0, n(int64(done)*scaleJob)), last))
	}
	gas += c.mustTogether(c.escrow, rig, redeems)
	if jobs > jobsPerRedeem { // the earlier redeems went to the rig's account
		gas += c.must(payee, escrowABI.PackWithdraw(c.usd, payee.addr, c.account(payee.addr, c.usd))).GasUsed
	}
	gas += c.must(d.payer, d.requestClose()).GasUsed
	c.pass(2 * testGrace)
	gas += c.must(d.payer, d.finalizeClose(true)).GasUsed
	if paid := c.wallet(payee.addr, c.usd); paid.Cmp(total) != 0 {
		c.t.Errorf("%d jobs: the payee has %v of %v", jobs, paid, total)
	}
	if left := c.wallet(d.payer.addr, c.usd); left.Cmp(new(big.Int).Sub(n(mintedUSD), total)) != 0 {
		c.t.Errorf("%d jobs: the payer has %v left", jobs, left)
	}
	return gas
}

// jobEscrowLife is the gas of jobs with money locked and claimed for each. All are open
// before the first is claimed, which is kind to it: its balance is never empty.
func jobEscrowLife(c *chain, jobs int) (gas uint64) {
	code := testArtifact(c.t, "JobEscrow")
	contract, err := abi.JSON(strings.NewReader(string(code.ABI)))
	if err != nil {
		c.t.Fatal(err)
	}
	pack := func(method string, args ...any) []byte {
		data, err := contract.Pack(method, args...)
		if err != nil {
			c.t.Fatal(err)
		}
		return data
	}
	at := c.deploy(code.Bytecode, pack("", c.usd))
	domain := domainSeparator("JobEscrow", at)
	gas += c.mustAt(c.usd, payer, nil, usdABI.PackApprove(at, n(mintedUSD))).GasUsed
	var opens, claims [][]byte
	for i := range jobs {
		job := crypto.Keccak256Hash(fmt.Appendf(nil, "job %d", i))
		opens = append(opens, pack("open", job, rig.addr, n(scaleJob+1), uint64(1)<<40))
		body := crypto.Keccak256(crypto.Keccak256([]byte("Claim(bytes32 job,uint96 amount)")), job[:], word(n(scaleJob)))
		r, vs := payer.signDigest(c.t, crypto.Keccak256([]byte("\x19\x01"), domain, body))
		claims = append(claims, pack("claim", job, n(scaleJob), r, vs))
	}
	return gas + c.mustTogether(at, payer, opens) + c.mustTogether(at, rig, claims)
}

// manyPayers opens a channel for each of many requesters with their signature
// alone, and collects from all of them at once.
func manyPayers(c *chain) (open, collect uint64) {
	const perTx = 25
	d := lane(c.usd)
	c.must(payer, lane(c.usd).depositAndFund(n(1)))
	c.must(rig, d.redeem(c.voucher(d, 0, n(1)), false)) // the rig's account exists
	separator := queryAt(c, c.usd, usdABI.PackDOMAINSEPARATOR(), usdABI.UnpackDOMAINSEPARATOR)
	var calls, mints [][]byte
	var records []byte
	for i := range manyRequesters {
		mints = append(mints, usdABI.PackMint(keyOf(fmt.Sprintf("requester %d", i)).addr, n(1000)))
	}
	c.mustTogether(c.usd, stranger, mints)
	for i := range manyRequesters {
		d.payer = keyOf(fmt.Sprintf("requester %d", i))
		d.signer = d.payer
		calls = append(calls, c.gaslessOpen(d, separator, n(1000)))
		if len(calls) == perTx {
			open += c.must(stranger, escrowABI.PackMulticall(calls)).GasUsed
			calls = nil
		}
		records = append(records, packRecord(c.voucher(d, 0, n(scaleJob)))...)
	}
	collect = c.must(rig, escrowABI.PackRedeemPacked(payee.addr, rig.addr, c.usd, records, false)).GasUsed
	if got := c.account(payee.addr, c.usd); got.Cmp(n(manyRequesters*scaleJob+1)) != 0 {
		c.t.Errorf("the rig collected %v", got)
	}
	return open, collect
}

// mustTogether is mustAt for many calls in few blocks; it returns their gas.
func (c *chain) mustTogether(to common.Address, from actor, calls [][]byte) (gas uint64) {
	c.t.Helper()
	for block := range slices.Chunk(calls, 50) {
		nonce, err := c.client.PendingNonceAt(c.ctx(), from.addr)
		if err != nil {
			c.t.Fatalf("read the nonce: %v", err)
		}
		var hashes []common.Hash
		for i, data := range block {
			tx, err := types.SignNewTx(from.key, types.LatestSignerForChainID(chainID), &types.DynamicFeeTx{
				ChainID: chainID, Nonce: nonce + uint64(i), To: &to, Data: data,
				Gas: 1_000_000, GasTipCap: n(params.GWei), GasFeeCap: n(10 * params.GWei),
			})
			if err != nil {
				c.t.Fatalf("sign: %v", err)
			}
			if err := c.client.SendTransaction(c.ctx(), tx); err != nil {
				c.t.Fatalf("send: %v", err)
			}
			hashes = append(hashes, tx.Hash())
		}
		for _, hash := range hashes {
			c.eventually("mine a transaction", func() error { // a block takes what it has the time for
				receipt, err := c.client.TransactionReceipt(c.ctx(), hash)
				if err != nil {
					c.backend.Commit()
					return err
				}
				if receipt.Status != types.ReceiptStatusSuccessful {
					c.t.Fatalf("transaction %s reverted", hash)
				}
				gas += receipt.GasUsed
				return nil
			})
		}
	}
	return gas
}

// gaslessOpen is the call with which anybody opens d for its payer.
func (c *chain) gaslessOpen(d descriptor, separator [32]byte, amount *big.Int) []byte {
	salt, id := [32]byte{1}, d.id()
	nonce := crypto.Keccak256(id[:], salt[:])
	until := new(big.Int).Lsh(n(1), 40)
	kind := crypto.Keccak256([]byte("ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"))
	body := crypto.Keccak256(kind, word(d.payer.addr.Big()), word(c.escrow.Big()), word(amount), word(n(0)), word(until), nonce)
	r, vs := d.payer.signDigest(c.t, crypto.Keccak256([]byte("\x19\x01"), separator[:], body))
	return escrowABI.PackDepositAndFundWithAuthorization(d.payer.addr, d.payee.addr, d.operator.addr, d.signer.addr, d.token,
		amount, bindings.Authorization{ValidAfter: n(0), ValidBefore: until, Salt: salt, R: r, Vs: vs})
}

func domainSeparator(name string, at common.Address) []byte {
	kind := crypto.Keccak256([]byte("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"))
	return crypto.Keccak256(kind, crypto.Keccak256([]byte(name)), crypto.Keccak256([]byte("1")), word(chainID), word(at.Big()))
}

func word(v *big.Int) []byte { return common.LeftPadBytes(v.Bytes(), 32) }

// packRecord is a voucher as redeemPacked takes it (SPEC §7.4).
func packRecord(v bindings.Voucher) []byte {
	b := append(v.Payer.Bytes(), v.Signer.Bytes()...)
	b = binary.BigEndian.AppendUint32(b, v.Epoch)
	b = append(b, common.LeftPadBytes(v.Cumulative.Bytes(), 12)...)
	return append(append(b, v.R[:]...), v.Vs[:]...)
}
