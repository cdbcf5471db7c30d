package chain_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

// account is a fresh key with wei from the faucet.
func account(t *testing.T, c *chain.Chain, wei uint64) (*ecdsa.PrivateKey, common.Address) {
	t.Helper()
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	addr := crypto.PubkeyToAddress(key.PublicKey)
	if wei > 0 {
		if err := c.Fund(t.Context(), protocol.Address(addr), protocol.NewAmount(wei)); err != nil {
			t.Fatal(err)
		}
	}
	return key, addr
}

// transfer signs a transfer of 1 wei that pays tip gwei of tip and thrice that.
func transfer(t *testing.T, key *ecdsa.PrivateKey, nonce uint64, gas uint64, tip int64) *types.Transaction {
	t.Helper()
	id := big.NewInt(chain.DefaultID)
	return types.MustSignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, To: &common.Address{9}, Value: big.NewInt(1), Gas: gas,
		GasTipCap: big.NewInt(tip * params.GWei), GasFeeCap: big.NewInt(3 * tip * params.GWei),
	})
}

func TestInvalidTransactionsAreRefused(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	key, addr := account(t, c, params.Ether)
	poor, _ := account(t, c, 0)
	mined(t, client, sendTx(t, client, transfer(t, key, 0, 21000, 2)))
	c.PauseMining()
	first := transfer(t, key, 1, 21000, 2)
	sendTx(t, client, first)
	for _, test := range []struct {
		tx   *types.Transaction
		want string
	}{
		{transfer(t, key, 0, 21000, 2), "nonce too low"},
		{first, "already known"},
		{transfer(t, key, 1, 21001, 2), "replacement transaction underpriced"},
		{transfer(t, poor, 0, 21000, 2), "insufficient funds for gas * price + value"},
		{transfer(t, key, 2, 20999, 2), "intrinsic gas too low"},
		{transfer(t, key, 2, 21000, 20_000), "exceeds the configured cap"},
		{types.NewTx(&types.LegacyTx{}), "only replay-protected"},
	} {
		err := client.SendTransaction(t.Context(), test.tx)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("sent: %v, want %q", err, test.want)
		}
	}
	// A tenth more replaces; one after a gap waits for what is between.
	second := sendTx(t, client, transfer(t, key, 1, 21000, 4))
	future := sendTx(t, client, transfer(t, key, 3, 21000, 2))
	if next, err := client.PendingNonceAt(t.Context(), addr); err != nil || next != 2 {
		t.Errorf("next nonce %d, %v; want 2", next, err)
	}
	c.ResumeMining()
	mined(t, client, second)
	sendTx(t, client, transfer(t, key, 2, 21000, 2))
	mined(t, client, future)
	if _, _, err := client.TransactionByHash(t.Context(), first.Hash()); !errors.Is(err, ethereum.NotFound) {
		t.Errorf("the replaced transaction: %v", err)
	}
}

func sendTx(t *testing.T, client *ethclient.Client, tx *types.Transaction) common.Hash {
	t.Helper()
	if err := client.SendTransaction(t.Context(), tx); err != nil {
		t.Fatalf("send: %v", err)
	}
	return tx.Hash()
}

func TestMinedTransactionReadsTheSameEverywhere(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	key, addr := account(t, c, params.Ether)
	c.PauseMining()
	tx := transfer(t, key, 0, 21000, 2)
	sendTx(t, client, tx)
	if got, pending, err := client.TransactionByHash(t.Context(), tx.Hash()); err != nil || !pending || got.Hash() != tx.Hash() {
		t.Errorf("waiting transaction: %v, pending %v, %v", got, pending, err)
	}
	if _, err := client.TransactionReceipt(t.Context(), tx.Hash()); !errors.Is(err, ethereum.NotFound) {
		t.Errorf("receipt before it is mined: %v", err)
	}
	c.Mine(1)
	receipt := mined(t, client, tx.Hash())
	block, err := client.BlockByNumber(t.Context(), nil) // checks the body against the header
	if err != nil {
		t.Fatalf("newest block: %v", err)
	}
	if block.Hash() != receipt.BlockHash || block.Transaction(tx.Hash()) == nil || block.Time() != uint64(c.Now().Unix()) {
		t.Errorf("block %s does not have the transaction of receipt %+v", block.Hash(), receipt)
	}
	if same, err := client.BlockByHash(t.Context(), block.Hash()); err != nil || same.Hash() != block.Hash() {
		t.Errorf("by hash: %v, %v", same, err)
	}
	if from, err := client.TransactionSender(t.Context(), tx, block.Hash(), 0); err != nil || from != addr {
		t.Errorf("sender %s, %v", from, err)
	}
	receipts, err := client.BlockReceipts(t.Context(), rpc.BlockNumberOrHashWithHash(block.Hash(), true))
	if err != nil || len(receipts) != 1 || receipts[0].TxHash != tx.Hash() {
		t.Errorf("receipts %v, %v", receipts, err)
	}
	var raw struct{ From, To, GasPrice, BlockNumber string }
	if err := client.Client().CallContext(t.Context(), &raw, "eth_getTransactionByHash", tx.Hash()); err != nil {
		t.Fatal(err)
	}
	price := new(big.Int).Add(block.BaseFee(), tx.GasTipCap())
	if common.HexToAddress(raw.From) != addr || raw.GasPrice != "0x"+price.Text(16) || price.Cmp(receipt.EffectiveGasPrice) != 0 {
		t.Errorf("transaction %+v, want price %v and sender %s", raw, price, addr)
	}
}

func TestStateOfEarlierBlocks(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	_, addr := account(t, c, 5)
	height := new(big.Int).SetUint64(c.Height())
	c.Mine(120)
	if err := c.Fund(t.Context(), protocol.Address(addr), protocol.NewAmount(2)); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[*big.Int]int64{nil: 7, height: 5} {
		if got, err := client.BalanceAt(t.Context(), addr, at); err != nil || got.Int64() != want {
			t.Errorf("balance at %v: %v, %v; want %d", at, got, err, want)
		}
	}
	if _, err := client.BalanceAt(t.Context(), addr, big.NewInt(1<<40)); err == nil {
		t.Error("a block that is not there has a balance")
	}
}

func TestContractCallsAndLogs(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	_, addr := account(t, c, 0)
	token, usd := common.Address(c.Token()), bindings.NewTestUSD()
	from := c.Height() + 1
	if err := c.Mint(t.Context(), protocol.Address(addr), protocol.NewAmount(77)); err != nil {
		t.Fatal(err)
	}
	answer, err := client.CallContract(t.Context(), ethereum.CallMsg{To: &token, Data: usd.PackBalanceOf(addr)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := usd.UnpackBalanceOf(answer); err != nil || got.Int64() != 77 {
		t.Errorf("balance %v, %v", got, err)
	}
	// A refused call carries the contract's reason, in a call and in an estimate.
	refused := ethereum.CallMsg{From: addr, To: &token, Data: usd.PackTransfer(common.Address{1}, big.NewInt(78))}
	_, callErr := client.CallContract(t.Context(), refused, nil)
	_, gasErr := client.EstimateGas(t.Context(), refused)
	for _, err := range []error{callErr, gasErr} {
		var data rpc.DataError
		if !errors.As(err, &data) || len(data.ErrorData().(string)) != 2+8+3*64 || !strings.HasPrefix(err.Error(), "execution reverted") {
			t.Errorf("refused: %v", err)
		}
	}
	refused.Data = usd.PackTransfer(common.Address{1}, big.NewInt(77))
	if gas, err := client.EstimateGas(t.Context(), refused); err != nil || gas < 30_000 || gas > 80_000 {
		t.Errorf("gas of a transfer: %d, %v", gas, err)
	}
	event := crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
	query := ethereum.FilterQuery{FromBlock: new(big.Int).SetUint64(from), Addresses: []common.Address{token},
		Topics: [][]common.Hash{{event}, nil, {common.BytesToHash(addr[:])}}}
	if logs, err := client.FilterLogs(t.Context(), query); err != nil || len(logs) != 1 || logs[0].BlockNumber < from {
		t.Errorf("logs %v, %v", logs, err)
	}
	query.Topics[2] = []common.Hash{{1}}
	if logs, err := client.FilterLogs(t.Context(), query); err != nil || len(logs) != 0 {
		t.Errorf("logs of another: %v, %v", logs, err)
	}
	query.ToBlock = new(big.Int).SetUint64(from + 10_000)
	if _, err := client.FilterLogs(t.Context(), query); err == nil || !strings.Contains(err.Error(), "limit of 10000") {
		t.Errorf("a search of 10,001 blocks: %v", err)
	}
}

func TestFees(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	c.Mine(3)
	tip, err := client.SuggestGasTipCap(t.Context())
	if err != nil || tip.Sign() <= 0 {
		t.Fatalf("tip %v, %v", tip, err)
	}
	head, err := client.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if price, err := client.SuggestGasPrice(t.Context()); err != nil || price.Cmp(tip.Add(tip, head.BaseFee)) != 0 {
		t.Errorf("gas price %v, %v", price, err)
	}
	past, err := client.FeeHistory(t.Context(), 2, nil, []float64{50})
	if err != nil || len(past.BaseFee) != 3 || len(past.GasUsedRatio) != 2 || past.BaseFee[1].Cmp(head.BaseFee) != 0 {
		t.Errorf("fee history %+v, %v", past, err)
	}
}

// post sends a body to the endpoint as a browser or another program would.
func post(t *testing.T, c *chain.Chain, host, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Host, req.Close = host, true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

func TestBatch(t *testing.T) {
	c := start(t, chain.Config{})
	status, body := post(t, c, "localhost", `[{"jsonrpc":"2.0","id":1,"method":"eth_chainId"},
		{"jsonrpc":"2.0","id":2,"method":"net_version"},{"jsonrpc":"2.0","id":3,"method":"web3_clientVersion"},
		{"jsonrpc":"2.0","id":4,"method":"eth_syncing"},{"jsonrpc":"2.0","id":5,"method":"eth_accounts"}]`)
	var answers []struct{ Result any }
	if err := json.Unmarshal([]byte(body), &answers); err != nil || status != http.StatusOK || len(answers) != 5 {
		t.Fatalf("status %d: %s", status, body)
	}
	if answers[0].Result != "0x7a69" || answers[1].Result != "31337" || answers[3].Result != false {
		t.Errorf("answers %s", body)
	}
}

func TestEndpointRefusesWebPagesAndGiants(t *testing.T) {
	c := start(t, chain.Config{})
	if status, _ := post(t, c, "attacker.example", `{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}`); status != http.StatusForbidden {
		t.Errorf("status %d for another host's name", status)
	}
	giant := `{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":["` + strings.Repeat("a", 1<<20) + `"]}`
	res, err := http.Post(c.URL(), "application/json", strings.NewReader(giant))
	if err != nil { // cut off while it was still sending
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("more than a MiB: %v", err)
		}
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d for more than a MiB", res.StatusCode)
	}
}

func TestEndlessCallEnds(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	// JUMPDEST, PUSH1 0, JUMP: until the gas is gone.
	_, err := client.CallContract(t.Context(), ethereum.CallMsg{Data: []byte{0x5b, 0x60, 0, 0x56}}, nil)
	if err == nil || !slices.ContainsFunc([]string{"out of gas", "execution aborted"}, func(s string) bool { return strings.Contains(err.Error(), s) }) {
		t.Errorf("an endless loop: %v", err)
	}
}
