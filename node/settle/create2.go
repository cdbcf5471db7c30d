package settle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
)

// What made the code in contracts/bindings, for whoever compiles it again.
const (
	CompilerVersion  = "0.8.37+commit.f401782d.Emscripten.clang"
	CompilerSettings = "viaIR, optimizer runs 1000000, evmVersion prague, metadata.bytecodeHash none"
)

// DeployProxy is the deterministic deployment proxy, which has this address on every
// chain that has it: it makes a contract of a salt and init code, at an address that
// depends on these two alone.
var DeployProxy = protocol.Address(common.HexToAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C"))

// ProxyCode is the proxy's runtime code.
var ProxyCode = common.FromHex("0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3")

// The transaction that makes the proxy on any chain. Nobody has the key of its sender:
// the signature was written first.
var (
	proxyTx     = common.FromHex("0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222")
	proxySender = common.HexToAddress("0x3fab184622dc19b6109349b94811493bf45362bb")
)

// deploySalt is the same for every deployment: what differs is in the init code.
var deploySalt = protocol.Keccak([]byte("rerig escrow 1"))

// Deployment is all that is needed to compile a contract again and compare.
type Deployment struct {
	Contract        string           `json:"contract"`
	Address         protocol.Address `json:"address"`
	ChainID         uint64           `json:"chain_id"`
	Proxy           protocol.Address `json:"proxy,omitzero"` // whose CREATE2 made it; none where it was made otherwise
	Salt            protocol.Hash    `json:"salt,omitzero"`
	InitCodeHash    protocol.Hash    `json:"init_code_hash"`
	ConstructorArgs hexutil.Bytes    `json:"constructor_args"` // ABI-encoded, the end of the init code
	Parameters      string           `json:"parameters"`       // the same for people
	RuntimeCodeHash protocol.Hash    `json:"runtime_code_hash"`
	Compiler        string           `json:"compiler"`
	Settings        string           `json:"settings"`
	Source          string           `json:"source"`
	Block           uint64           `json:"block,omitempty"` // that deployed it, where this call did
	Tx              protocol.Hash    `json:"tx,omitzero"`
}

// escrowDeployment is where the escrow with these parameters is, on every chain.
func escrowDeployment(chainID uint64, grace, unbond time.Duration) (*Deployment, []byte, error) {
	g, err := seconds("close grace", grace, time.Minute, 30*24*time.Hour)
	if err != nil {
		return nil, nil, err
	}
	u, err := seconds("unbonding period", unbond, time.Minute, 90*24*time.Hour)
	if err != nil {
		return nil, nil, err
	}
	d := &Deployment{Contract: "Escrow", Source: "contracts/src/Escrow.sol", ConstructorArgs: escrowABI.PackConstructor(g, u),
		Parameters: fmt.Sprintf("close grace %v, unbonding %v", grace, unbond)}
	return d.at(chainID, common.FromHex(bindings.EscrowMetaData.Bin))
}

// at fills in what follows from the code.
func (d *Deployment) at(chainID uint64, code []byte) (*Deployment, []byte, error) {
	initCode := append(code, d.ConstructorArgs...)
	d.ChainID, d.Proxy, d.Salt, d.InitCodeHash = chainID, DeployProxy, deploySalt, protocol.Keccak(initCode)
	d.Compiler, d.Settings = CompilerVersion, CompilerSettings
	at := crypto.CreateAddress2(common.Address(DeployProxy), deploySalt, d.InitCodeHash[:])
	d.Address = protocol.Address(at)
	made, err := runtimeCode(initCode, at, chainID)
	if err != nil {
		return nil, nil, err
	}
	d.RuntimeCodeHash = protocol.Keccak(made)
	return d, initCode, nil
}

// EscrowAt is where DeployEscrow puts the escrow, without contacting a chain.
func EscrowAt(chainID uint64, grace, unbond time.Duration) (*Deployment, error) {
	d, _, err := escrowDeployment(chainID, grace, unbond)
	return d, err
}

// DeployEscrow makes the escrow by the proxy and compares what the chain then has. One
// that is there already is compared only. A payer's close waits for grace, 60 seconds
// to 30 days; a bond's return for unbond, 60 seconds to 90 days. ErrNoProxy is a chain
// without the proxy.
func (d *Deployer) DeployEscrow(ctx context.Context, grace, unbond time.Duration) (*Deployment, error) {
	out, initCode, err := escrowDeployment(d.wallet.chainID, grace, unbond)
	if err != nil {
		return nil, err
	}
	return out, d.create(ctx, out, initCode)
}

// DeployTestToken makes a token of six decimals that anyone can mint.
func (d *Deployer) DeployTestToken(ctx context.Context) (*Deployment, error) {
	out := &Deployment{Contract: "TestUSD", Source: "contracts/src/TestUSD.sol", ConstructorArgs: []byte{}}
	out, initCode, err := out.at(d.wallet.chainID, common.FromHex(bindings.TestUSDMetaData.Bin))
	if err != nil {
		return nil, err
	}
	return out, d.create(ctx, out, initCode)
}

// ErrNoProxy is a chain on which nothing can be deployed deterministically yet.
var ErrNoProxy = errors.New("this chain has no deterministic deployment proxy at " + DeployProxy.String() + "; `rerig wallet deploy --install-proxy` puts it there by its well-known transaction")

func (d *Deployer) create(ctx context.Context, out *Deployment, initCode []byte) error {
	client, err := d.remote.ready(ctx)
	if err != nil {
		return err
	}
	there, err := d.code(ctx, client, common.Address(out.Address))
	if err != nil {
		return err
	}
	if len(there) == 0 {
		if there, err = d.code(ctx, client, common.Address(DeployProxy)); err != nil {
			return err
		}
		if !bytes.Equal(there, ProxyCode) {
			return ErrNoProxy
		}
		proxy := common.Address(DeployProxy)
		tx, err := d.wallet.do(ctx, call{kind: "deploy", detail: out.Contract, to: &proxy, data: append(deploySalt[:], initCode...)})
		if err != nil {
			return fmt.Errorf("deploy %s: %w", out.Contract, err)
		}
		out.Tx, out.Block = tx.Hash, tx.Block
		if there, err = d.code(ctx, client, common.Address(out.Address)); err != nil {
			return err
		}
	}
	if got := protocol.Keccak(there); got != out.RuntimeCodeHash {
		return &CodeError{Escrow: out.Address, Want: out.RuntimeCodeHash, Got: got}
	}
	return nil
}

func (d *Deployer) code(ctx context.Context, client *ethclient.Client, at common.Address) ([]byte, error) {
	code, err := client.CodeAt(ctx, at, nil)
	if err != nil {
		return nil, d.remote.failure("read the code at "+protocol.Address(at).String(), err)
	}
	return code, nil
}

// InstallProxy puts the proxy on a chain that lacks it: it sends the one who signed
// its transaction what that costs, 0.01 of the native coin, and then that transaction.
// A chain that refuses transactions signed for all chains cannot have the proxy so.
func (d *Deployer) InstallProxy(ctx context.Context) error {
	client, err := d.remote.ready(ctx)
	if err != nil {
		return err
	}
	code, err := d.code(ctx, client, common.Address(DeployProxy))
	if err != nil || bytes.Equal(code, ProxyCode) {
		return err
	}
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(proxyTx); err != nil {
		return fmt.Errorf("decode the proxy's transaction: %w", err)
	}
	has, err := client.BalanceAt(ctx, proxySender, nil)
	if err != nil {
		return d.remote.failure("ask for the balance", err)
	}
	if missing := new(big.Int).Sub(tx.Cost(), has); missing.Sign() > 0 {
		if _, err := d.SendNative(ctx, protocol.Address(proxySender), capped(missing)); err != nil {
			return fmt.Errorf("pay for the proxy: %w", err)
		}
	}
	if err := client.SendTransaction(ctx, tx); err != nil {
		return d.remote.failure("send the proxy's transaction", err)
	}
	tick := time.NewTicker(d.wallet.poll)
	defer tick.Stop()
	for {
		if code, err = d.code(ctx, client, common.Address(DeployProxy)); err != nil || bytes.Equal(code, ProxyCode) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the proxy's transaction %s: %w", tx.Hash(), ctx.Err())
		}
	}
}
