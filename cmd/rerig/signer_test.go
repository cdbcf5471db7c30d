package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

// clefAPI answers as Clef does, with a key of its own and rules that sign all but
// what goes to an address it does not know.
type clefAPI struct {
	key    *protocol.Key
	denies func() bool
}

// Version is account_version.
func (clefAPI) Version() string { return "6.1.0" }

// List is account_list.
func (c clefAPI) List() []common.Address { return []common.Address{common.Address(c.key.Address())} }

// SignTransaction is account_signTransaction.
func (c clefAPI) SignTransaction(_ context.Context, args apitypes.SendTxArgs, _ *string) (map[string]any, error) {
	if c.denies != nil && c.denies() {
		return nil, errors.New("request denied")
	}
	tx, err := args.ToTransaction()
	if err != nil {
		return nil, err
	}
	priv, err := crypto.ToECDSA(c.key.Bytes())
	if err != nil {
		return nil, err
	}
	signed, err := types.SignTx(tx, types.LatestSignerForChainID((*big.Int)(args.ChainID)), priv)
	if err != nil {
		return nil, err
	}
	raw, err := signed.MarshalBinary()
	return map[string]any{"raw": hexutil.Bytes(raw), "tx": signed}, err
}

// SignTypedData is account_signTypedData.
func (c clefAPI) SignTypedData(_ context.Context, _ common.MixedcaseAddress, data apitypes.TypedData) (hexutil.Bytes, error) {
	digest, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		return nil, err
	}
	priv, err := crypto.ToECDSA(c.key.Bytes())
	if err != nil {
		return nil, err
	}
	sig, err := crypto.Sign(digest, priv)
	if err == nil {
		sig[64] += 27
	}
	return sig, err
}

func clefServer(key *protocol.Key, denies func() bool) (*rpc.Server, error) {
	s := rpc.NewServer()
	return s, s.RegisterName("account", clefAPI{key, denies})
}

// startClef puts a new key behind an HTTP server of this process, as Clef has one:
// $PAYER is its address, $SIGNER the server. It denies while the file deny is there.
// $KEYHOLDER is a file with another key, for the command keyholder, whose address
// is $OTHER.
func startClef(ts *testscript.TestScript, _ bool, _ []string) {
	key, err := protocol.NewKey()
	ts.Check(err)
	other, err := protocol.NewKey()
	ts.Check(err)
	deny := ts.MkAbs("deny")
	s, err := clefServer(key, func() bool { _, err := os.Stat(deny); return err == nil })
	ts.Check(err)
	h := httptest.NewServer(s)
	ts.Defer(func() { h.Close(); s.Stop() })
	ts.Setenv("PAYER", key.Address().String())
	ts.Setenv("SIGNER", h.URL)
	ts.Setenv("OTHER", other.Address().String())
	ts.Setenv("KEYHOLDER", ts.MkAbs("vault"))
	ts.Setenv("SECRET", hex.EncodeToString(key.Bytes()))
	ts.Check(os.WriteFile(ts.MkAbs("vault"), []byte(hex.EncodeToString(other.Bytes())), 0o600))
}

// keyholder is a program for --signer exec: it answers one request with the key in
// $KEYHOLDER.
func keyholder() {
	err := func() error {
		text, err := os.ReadFile(os.Getenv("KEYHOLDER"))
		if err != nil {
			return err
		}
		b, err := hex.DecodeString(string(text))
		if err != nil {
			return err
		}
		key, err := protocol.KeyFromBytes(b)
		if err != nil {
			return err
		}
		s, err := clefServer(key, nil)
		if err != nil {
			return err
		}
		defer s.Stop()
		var req struct {
			Method string
			Params []any
		}
		if err := json.NewDecoder(os.Stdin).Decode(&req); err != nil {
			return err
		}
		client := rpc.DialInProc(s)
		defer client.Close()
		var result json.RawMessage
		answer := map[string]any{}
		if err := client.Call(&result, req.Method, req.Params...); err != nil {
			answer["error"] = map[string]any{"message": err.Error()}
		} else {
			answer["result"] = result
		}
		return json.NewEncoder(os.Stdout).Encode(answer)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// holds PROFILE ADDRESS waits until an address has tokens of its own; with ! before
// it, it has none now.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	p, err := node.LoadProfile(filepath.Join(ts.Getenv("RERIG_NETWORKS"), args[0]+".toml"))
	ts.Check(err)
	of, err := protocol.ParseAddress(strings.ToLower(args[1]))
	ts.Check(err)
	nobody, err := protocol.NewKey()
	ts.Check(err)
	c, err := settle.New(settle.Config{RPC: p.RPC, Domain: p.Market().Domain, Token: p.Market().Token, Key: nobody, Book: reading{}})
	ts.Check(err)
	until(ts, "tokens of "+of.String(), func(ctx context.Context) (bool, error) {
		b, err := c.Balances(ctx, of)
		if err == nil && neg && !b.Wallet.IsZero() {
			err = fmt.Errorf("%s has %s of the token", of, b.Wallet)
		}
		return neg || !b.Wallet.IsZero(), err
	})
}

// absentkey DIR fails if any file of a directory holds the key of $SECRET, as bytes
// or as text.
func absentKey(ts *testscript.TestScript, _ bool, args []string) {
	secret := ts.Getenv("SECRET")
	raw, err := hex.DecodeString(secret)
	ts.Check(err)
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		if bytes.Contains(b, raw) || bytes.Contains(bytes.ToLower(b), []byte(secret)) {
			ts.Fatalf("%s holds the payer's key", path)
		}
		return err
	}))
	if files < 3 {
		ts.Fatalf("only %d files in %s", files, args[0])
	}
}

// settings FILE writes a config file that names $PAYER and $SIGNER.
func settings(ts *testscript.TestScript, _ bool, args []string) {
	text := fmt.Sprintf("payer = %q\nsigner = %q\n", ts.Getenv("PAYER"), ts.Getenv("SIGNER"))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
