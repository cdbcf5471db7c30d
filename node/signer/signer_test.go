package signer

import (
	"context"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clef signs what it is asked to, after change.
type clef struct {
	key    *protocol.Key
	change func(*apitypes.SendTxArgs)
	sign   func([]byte) []byte
}

func (c clef) List() []common.Address { return []common.Address{common.Address(c.key.Address())} }

func (c clef) SignTransaction(args apitypes.SendTxArgs) (map[string]any, error) {
	if c.change != nil {
		c.change(&args)
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
	return map[string]any{"raw": hexutil.Bytes(raw)}, err
}

func (c clef) SignTypedData(_ common.MixedcaseAddress, data apitypes.TypedData) (hexutil.Bytes, error) {
	digest, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		return nil, err
	}
	priv, err := crypto.ToECDSA(c.key.Bytes())
	if err != nil {
		return nil, err
	}
	sig, err := crypto.Sign(digest, priv)
	if err == nil && c.sign != nil {
		sig = c.sign(sig)
	}
	return sig, err
}

func newKey(t *testing.T) *protocol.Key {
	t.Helper()
	key, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// serve puts the program behind HTTP or, with a path, a unix socket.
func serve(t *testing.T, c clef, socket string) *Signer {
	t.Helper()
	s := rpc.NewServer()
	if err := s.RegisterName("account", c); err != nil {
		t.Fatal(err)
	}
	where := "unix:" + socket
	if socket != "" {
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { defer close(done); _ = s.ServeListener(l) }()
		t.Cleanup(func() { l.Close(); <-done })
	} else {
		h := httptest.NewServer(s)
		t.Cleanup(h.Close)
		where = h.URL
	}
	t.Cleanup(s.Stop)
	return open(t, where, c.key.Address())
}

func open(t *testing.T, where string, addr protocol.Address) *Signer {
	t.Helper()
	s, err := Open(where, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var tx = types.NewTx(&types.DynamicFeeTx{ChainID: big.NewInt(31337), Nonce: 7, To: &common.Address{1}, Value: big.NewInt(5),
	Data: []byte{1, 2, 3}, Gas: 100_000, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(9)})

var typed = apitypes.TypedData{
	Types: apitypes.Types{
		"EIP712Domain": {{Name: "name", Type: "string"}},
		"Permit":       {{Name: "value", Type: "uint256"}},
	},
	PrimaryType: "Permit", Domain: apitypes.TypedDataDomain{Name: "Test"}, Message: apitypes.TypedDataMessage{"value": "5"},
}

// TestServersSign: both kinds of server give the signatures that the key gives.
func TestServersSign(t *testing.T) {
	for _, socket := range []string{"", filepath.Join(t.TempDir(), "clef.ipc")} {
		key := newKey(t)
		s := serve(t, clef{key: key}, socket)
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		signed, err := s.SignTx(t.Context(), tx)
		if err != nil {
			t.Fatal(err)
		}
		rules := types.LatestSignerForChainID(tx.ChainId())
		if from, err := types.Sender(rules, signed); err != nil || protocol.Address(from) != key.Address() || rules.Hash(signed) != rules.Hash(tx) {
			t.Fatalf("signed by %s: %v", from, err)
		}
		digest, _, err := apitypes.TypedDataAndHash(typed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.SignTyped(t.Context(), typed)
		if want, _ := key.Sign(protocol.Hash(digest)); err != nil || got != want {
			t.Fatalf("signature %x, want %x: %v", got, want, err)
		}
	}
}

// TestServersThatDoNotEnd: what a server says is read only so far, and one that
// sends us elsewhere is not followed.
func TestServersThatDoNotEnd(t *testing.T) {
	long := strings.Repeat("x", 2*maxAnswer)
	handle := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "flood.ipc"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := l.Accept(); err == nil {
			_, _ = io.WriteString(conn, `{"result":"`+long)
			_, _ = io.Copy(io.Discard, conn) // until the other side has had enough
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	elsewhere := handle(func(http.ResponseWriter, *http.Request) { t.Error("the request went elsewhere") })
	for where, want := range map[string]string{
		handle(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"result":"`+long+`"}`) }): "over 1048576 bytes",
		handle(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"error":{"message":"`+long[:maxAnswer/2]+`"}}`)
		}): "xxx",
		handle(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		}): "307",
		"unix:" + l.Addr().String(): "unexpected EOF",
	} {
		err := open(t, where, protocol.Address{9}).Check(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 2*maxTold {
			t.Errorf("%s: got %.200v, want %s", where, err, want)
		}
	}
}

func TestWrongKeyIsNamed(t *testing.T) {
	s := serve(t, clef{key: newKey(t)}, "")
	s.addr = protocol.Address{9}
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "has no key of 0x09") {
		t.Fatalf("got %v", err)
	}
}

// TestSignaturesOfEveryForm: v is 0, 1, 27 or 28; anything else is refused.
func TestSignaturesOfEveryForm(t *testing.T) {
	key := newKey(t)
	digest, _, _ := apitypes.TypedDataAndHash(typed)
	want, _ := key.Sign(protocol.Hash(digest))
	for name, c := range map[string]struct {
		sign func([]byte) []byte
		good bool
	}{
		"27":    {func(b []byte) []byte { b[64] += 27; return b }, true},
		"29":    {func(b []byte) []byte { b[64] += 29; return b }, false},
		"2":     {func(b []byte) []byte { b[64] += 2; return b }, false},
		"high":  {func(b []byte) []byte { b[32] |= 0x80; return b }, false},
		"short": {func(b []byte) []byte { return b[:64] }, false},
	} {
		got, err := serve(t, clef{key: key, sign: c.sign}, "").SignTyped(t.Context(), typed)
		if c.good && (err != nil || got != want) || !c.good && err == nil {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

// TestCommands: a program is asked over its standard streams, and what goes wrong
// with it is said.
func TestCommands(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs of this test are shell scripts")
	}
	dir := t.TempDir()
	program := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
		return "exec:" + path
	}
	key := newKey(t)
	good := open(t, program("good", `read line; case "$line" in *account_list*) echo '{"jsonrpc":"2.0","id":1,"result":["`+key.Address().String()+`"]}';; esac`), key.Address())
	if err := good.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{
		program("no", `echo '{"error":{"message":"request denied"}}'`): "request denied",
		program("dumb", `cat >/dev/null; echo yes`):                    "its answer is not JSON-RPC",
		program("broken", `echo no card >&2; exit 3`):                  `exit status 3: "no card"`,
		program("flood", `yes`):                                        "broken",
		"exec:" + dir + "/absent":                                      "no such file",
	} {
		if want == "broken" { // it never ends by itself
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errors.New("broken"))
			if err := open(t, where, key.Address()).Check(ctx); err == nil {
				t.Error("a flood is an answer")
			}
			continue
		}
		if err := open(t, where, key.Address()).Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", where, err, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, where := range []string{"", "exec:", "exec: ", "unix:", "http://10.0.0.1:8550", "http://signer.example", "https://127.0.0.1:1",
		"http://user:secret@127.0.0.1:8550", "ws://127.0.0.1:1"} {
		_, err := Open(where, protocol.Address{1})
		var field *protocol.FieldError
		if !errors.As(err, &field) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", where, err)
		}
	}
}
