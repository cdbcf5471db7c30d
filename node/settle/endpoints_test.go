package settle_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

// through is a client's configuration over endpoints.
func through(c *chain.Chain, key *protocol.Key, urls ...string) settle.Config {
	cfg := config(c, key, newBook())
	cfg.RPC, cfg.Patience = urls, 200*time.Millisecond
	return cfg
}

// Every way in which an endpoint fails to answer makes the next one answer.
func TestFailsOverToTheNextEndpoint(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	for name, fail := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"refuses": func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true },
		"is down": func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true },
		"says HTML": func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte("<html>welcome</html>"))
			return true
		},
		"says half": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"jsonrpc":"2.0",`))
			return true
		},
		"says nothing": func(_ http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client left
			<-r.Context().Done()
			return true
		},
		"limits": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		},
		"limits in JSON": func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit exceeded"}}`))
			return true
		},
		"floods": func(w http.ResponseWriter, _ *http.Request) bool {
			chunk := []byte(strings.Repeat("1", 1<<20))
			for range 34 {
				if _, err := w.Write(chunk); err != nil {
					break
				}
			}
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := newProxy(t, c)
			n := join(t, through(c, newKey(t), first.URL, c.URL()))
			enrich(t, c, n.Address(), 0)
			eventually(t, "the chain is found", n.Online)
			first.turn(fail)
			if _, err := n.DepositNative(t.Context(), amount(5)); err != nil {
				t.Fatalf("deposit: %v", err)
			}
			if got := n.book.count(protocol.TxConfirmed); got != 1 {
				t.Errorf("journal:%s", describe(n.book.all()))
			}
			first.turn(nil)
		})
	}
}

// An endpoint that names a pause is not asked before it is over.
func TestRateLimitIsRespected(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	only := newProxy(t, c)
	n := join(t, through(c, newKey(t), only.URL))
	enrich(t, c, n.Address(), 0)
	eventually(t, "the chain is found", n.Online)
	var asked int64
	var until time.Time
	only.turn(func(w http.ResponseWriter, _ *http.Request) bool {
		only.turn(func(http.ResponseWriter, *http.Request) bool { // the first request after that
			if early := time.Until(until); early > 50*time.Millisecond {
				t.Errorf("asked again %v too early", early)
			}
			return false
		})
		asked, until = only.asked.Load(), time.Now().Add(time.Second)
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	eventually(t, "the limit is met", func() bool { return !n.Online() })
	if reason := n.Status().Reason; !strings.Contains(reason, "too many requests") {
		t.Errorf("reason: %s", reason)
	}
	if _, err := n.DepositNative(t.Context(), amount(5)); err != nil { // it waits for the second
		t.Errorf("deposit: %v", err)
	}
	if asked == 0 {
		t.Error("nothing was asked")
	}
}

func TestWrongChainBesideTheRightOne(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	other, err := chain.Start(t.Context(), chain.Config{ID: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	for _, urls := range [][]string{{c.URL(), other.URL()}, {other.URL(), c.URL()}} {
		client, err := settle.New(through(c, newKey(t), urls...))
		if err != nil {
			t.Fatal(err)
		}
		var wrong *settle.ChainIDError
		if err := client.Run(t.Context()); !errors.As(err, &wrong) || wrong.Got != 5 || wrong.Endpoint != other.URL() {
			t.Errorf("run: %v", err)
		}
	}
	// One that turns out to be wrong later is left out, and the node goes on.
	late := newProxy(t, other)
	late.turn(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true })
	n := join(t, through(c, newKey(t), c.URL(), late.URL))
	eventually(t, "the chain is found", n.Online)
	late.turn(nil)
	eventually(t, "the wrong one is left out", func() bool { return strings.Contains(n.Status().Endpoints[1].Reason, "serves chain 5") })
	if st := n.Status(); !st.Online || !st.Endpoints[0].Used || st.Endpoints[1].Used {
		t.Errorf("status: %+v", st)
	}
}

func TestEndpointThatLagsIsNotBelieved(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	stale := newProxy(t, c)
	old := json.RawMessage(nil)
	stale.forge(func(method string, request, answer json.RawMessage) json.RawMessage {
		if method != "eth_getBlockByNumber" || !strings.Contains(string(request), "latest") {
			return answer
		}
		if old == nil {
			var m message
			_ = json.Unmarshal(answer, &m)
			old = m.Result
		}
		return result(answer, string(old))
	})
	n := join(t, through(c, newKey(t), stale.URL, c.URL()))
	enrich(t, c, n.Address(), 0)
	eventually(t, "the chain is found", n.Online)
	c.Mine(40)
	eventually(t, "the lag is noticed", func() bool { return strings.Contains(n.Status().Endpoints[0].Reason, "blocks behind the others") })
	eventually(t, "the other one's head is the head", func() bool { return n.Status().Head >= 40 })
	if _, err := n.DepositNative(t.Context(), amount(5)); err != nil {
		t.Errorf("deposit: %v", err)
	}
}

// forked is another chain of the same ID, with the same contracts and its own blocks.
func forked(t *testing.T) *chain.Chain {
	t.Helper()
	c := startChain(t)
	if err := c.Reorg(1); err != nil { // its blocks differ whatever the second
		t.Fatal(err)
	}
	return c
}

func TestEndpointsThatDisagreeAreNotBelieved(t *testing.T) {
	t.Parallel()
	a, b := startChain(t), forked(t)
	key := newKey(t)
	enrich(t, a, key.Address(), 0)
	a.Mine(12)
	b.Mine(12)
	t.Run("two", func(t *testing.T) {
		t.Parallel()
		n := join(t, through(a, key, a.URL(), b.URL()))
		eventually(t, "the disagreement is told", func() bool { return strings.Contains(n.Status().Reason, "disagree about block") })
		var apart *settle.DisagreementError
		if _, err := n.DepositNative(t.Context(), amount(5)); !errors.As(err, &apart) || len(apart.Endpoints) != 2 {
			t.Errorf("deposit: %v", err)
		}
		if len(n.book.all()) != 0 || n.Online() {
			t.Errorf("online %t, journal:%s", n.Online(), describe(n.book.all()))
		}
	})
	t.Run("three", func(t *testing.T) {
		t.Parallel()
		n := join(t, through(a, key, b.URL(), a.URL(), newProxy(t, a).URL))
		eventually(t, "the odd one is told", func() bool { return strings.Contains(n.Status().Endpoints[0].Reason, "another one than the others'") })
		if _, err := n.DepositNative(t.Context(), amount(5)); err != nil {
			t.Errorf("deposit: %v", err)
		}
	})
}

// An endpoint that keeps transactions to itself does not keep them from the chain.
func TestSwallowedTransactionReachesTheOther(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	first := newProxy(t, c)
	n := join(t, through(c, newKey(t), first.URL, c.URL()))
	enrich(t, c, n.Address(), 0)
	eventually(t, "the chain is found", n.Online)
	first.swallow("eth_sendRawTransaction")
	if _, err := n.DepositNative(t.Context(), amount(5)); err != nil {
		t.Errorf("deposit: %v", err)
	}
}

// An endpoint that hides receipts does not make a payment look as if it had not been.
func TestHiddenReceiptIsNotALostTransaction(t *testing.T) {
	t.Parallel()
	t.Run("beside one that shows them", func(t *testing.T) { t.Parallel(); hideReceipts(t, true) })
	t.Run("for a while", func(t *testing.T) { t.Parallel(); hideReceipts(t, false) })
}

func hideReceipts(t *testing.T, second bool) {
	c := startChain(t)
	first := newProxy(t, c)
	cfg := through(c, newKey(t), first.URL)
	if cfg.Patience = time.Minute; second {
		cfg = through(c, newKey(t), first.URL, c.URL())
	}
	n := join(t, cfg)
	enrich(t, c, n.Address(), 0)
	eventually(t, "the chain is found", n.Online)
	hidden := make(chan struct{}, 64)
	first.forge(func(method string, _, answer json.RawMessage) json.RawMessage {
		if method != "eth_getTransactionReceipt" {
			return answer
		}
		select {
		case hidden <- struct{}{}:
		default:
		}
		return result(answer, "null")
	})
	done := background(func() error { _, err := n.DepositNative(t.Context(), amount(5)); return err })
	for range 12 { // more looks than make a used nonce count as taken
		<-hidden
	}
	if n.book.count(protocol.TxReplaced) != 0 {
		t.Errorf("journal:%s", describe(n.book.all()))
	}
	first.forge(nil)
	if err := await(t, "the deposit is confirmed", done); err != nil {
		t.Errorf("deposit: %v", err)
	}
}

// A rig does not work for money that only one of its endpoints has seen.
func TestInventedFundingIsNotBelieved(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	payer := rich(t, c, 1000)
	ch := payer.channel(c, newKey(t).Address(), newKey(t).Address())
	payer.open(t, ch, 100)
	liar := newProxy(t, c)
	liar.forge(func(method string, _, answer json.RawMessage) json.RawMessage {
		var m message
		if method != "eth_call" || json.Unmarshal(answer, &m) != nil || len(m.Result) != 2+2+4*64 {
			return answer
		}
		return result(answer, `"0x`+strings.Repeat("0", 60)+"ffff"+string(m.Result[3+64:]))
	})
	n := join(t, through(c, newKey(t), liar.URL, c.URL()))
	eventually(t, "the chain is found", n.Online)
	if st, err := n.Channel(t.Context(), ch); err != nil || st.Funded != amount(100) {
		t.Errorf("funded %s, %v; want 100", st.Funded, err)
	}
}
