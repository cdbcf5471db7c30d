package settle_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

// TestDeploymentNamesItsCompiler: what is printed for verification is what made the
// code that is deployed.
func TestDeploymentNamesItsCompiler(t *testing.T) {
	var artifact struct{ Compiler, SourceName, Bytecode string }
	b, err := os.ReadFile("../../contracts/artifacts/Escrow.json")
	if err == nil {
		err = json.Unmarshal(b, &artifact)
	}
	if err != nil {
		t.Fatal(err)
	}
	if artifact.Compiler != settle.CompilerVersion {
		t.Errorf("compiled by %s, not %s", artifact.Compiler, settle.CompilerVersion)
	}
	build, err := os.ReadFile("../../contracts/build.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"viaIR: true", "runs: 1_000_000", `evmVersion: "prague"`, `bytecodeHash: "none"`} {
		if !strings.Contains(string(build), part) {
			t.Errorf("build.mjs has no %s; correct CompilerSettings: %s", part, settle.CompilerSettings)
		}
	}
	d, err := settle.EscrowAt(1, time.Hour, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if d.Source != "contracts/"+artifact.SourceName {
		t.Errorf("source %s, the artifact says %s", d.Source, artifact.SourceName)
	}
	// Anybody can work the address out without this program (EIP-1014).
	initCode := append(common.FromHex(artifact.Bytecode), d.ConstructorArgs...)
	if want := crypto.CreateAddress2(common.HexToAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C"), d.Salt, crypto.Keccak256(initCode)); common.Address(d.Address) != want {
		t.Errorf("address %s, want %s", d.Address, want)
	}
}

// TestDeploymentIsDeterministic: on a chain that never had the proxy too (SPEC §7.7).
func TestDeploymentIsDeterministic(t *testing.T) {
	c, err := chain.Start(t.Context(), chain.Config{NoProxy: true, CloseGrace: time.Hour, ID: 4711})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	want, err := settle.EscrowAt(1, time.Hour, 7*24*time.Hour)
	if err != nil || c.Domain().Escrow != want.Address {
		t.Fatalf("escrow at %s, on chain 1 at %s: %v", c.Domain().Escrow, want.Address, err)
	}
	key := newKey(t)
	enrich(t, c, key.Address(), 0)
	d, err := settle.NewDeployer(settle.DeployerConfig{RPC: c.URL(), ChainID: c.ID(), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	again, err := d.DeployEscrow(t.Context(), time.Hour, 7*24*time.Hour)
	if err != nil || again.Address != want.Address || !again.Tx.IsZero() {
		t.Errorf("again: %+v, %v", again, err)
	}
	other, err := d.DeployEscrow(t.Context(), 2*time.Hour, 7*24*time.Hour)
	if err != nil || other.Address == want.Address || other.Tx.IsZero() || other.Block == 0 {
		t.Errorf("with another grace: %+v, %v", other, err)
	}
	if err := d.InstallProxy(t.Context()); err != nil { // there already
		t.Error(err)
	}
	var field *protocol.FieldError
	for _, grace := range []time.Duration{0, time.Second, 90*time.Second + 1, 31 * 24 * time.Hour} {
		if _, err := d.DeployEscrow(t.Context(), grace, time.Hour); !errors.As(err, &field) || !strings.HasPrefix(err.Error(), "close grace: whole seconds") {
			t.Errorf("grace %v: %v", grace, err)
		}
	}
	if _, err := d.DeployEscrow(t.Context(), time.Hour, 91*24*time.Hour); !errors.As(err, &field) {
		t.Errorf("unbonding: %v", err)
	}
}

// TestVerifyEscrow: one byte that differs is found, in a contract that answers every
// call as the escrow does; immutables are part of what is compared.
func TestVerifyEscrow(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 0)
	got, err := n.VerifyEscrow(t.Context())
	if err != nil || got.RuntimeCodeHash != c.Deployments()[0].RuntimeCodeHash || got.Salt != c.Deployments()[0].Salt ||
		!strings.Contains(got.Parameters, "close grace 1h0m0s, unbonding 168h0m0s") {
		t.Fatalf("%+v, %v", got, err)
	}
	code := common.FromHex(bindings.EscrowMetaData.Bin)
	args := got.ConstructorArgs
	deployed := func(code []byte) settle.Config {
		at := n.send(t, c, nil, append(code, args...)).ContractAddress
		cfg := config(c, newKey(t), newBook())
		cfg.Domain.Escrow = protocol.Address(at)
		return cfg
	}
	plain := join(t, deployed(append([]byte{}, code...)))
	if d, err := plain.VerifyEscrow(t.Context()); err != nil || !d.Proxy.IsZero() || d.Address == got.Address {
		t.Errorf("deployed without the proxy: %+v, %v", d, err)
	}
	spoilt := append([]byte{}, code...)
	spoilt[len(spoilt)-3] ^= 1 // the compiler's version in the metadata: nothing runs it
	var wrong *settle.CodeError
	if _, err := join(t, deployed(spoilt)).VerifyEscrow(t.Context()); !errors.As(err, &wrong) || wrong.Got == wrong.Want {
		t.Errorf("a byte differs: %v", err)
	}
}
