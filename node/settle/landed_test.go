package settle_test

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rerig/rerig/protocol"
)

// laggard answers some methods of a proxy as it did before the lag.
type laggard struct {
	mu      sync.Mutex // guards what follows; owner: laggard
	on      bool
	before  map[string]json.RawMessage // by method and parameters
	stale   int                        // answers from before
	changed chan struct{}              // capacity 1; has an element after a stale answer
}

func lagging(p *proxy, methods string) *laggard {
	l := &laggard{before: map[string]json.RawMessage{}, changed: make(chan struct{}, 1)}
	p.forge(func(method string, request, answer json.RawMessage) json.RawMessage {
		l.mu.Lock()
		defer l.mu.Unlock()
		key := method + string(request)
		switch {
		case !strings.Contains(methods, method):
			return answer
		case !l.on:
			if l.before[key] == nil {
				var m message
				_ = json.Unmarshal(answer, &m)
				l.before[key] = m.Result
			}
			return answer
		case method == "eth_getTransactionReceipt":
			answer = result(answer, "null")
		case l.before[key] != nil && !strings.Contains(string(answer), string(l.before[key])):
			answer = result(answer, string(l.before[key]))
		default:
			return answer
		}
		l.stale++
		select {
		case l.changed <- struct{}{}:
		default:
		}
		return answer
	})
	return l
}

func (l *laggard) lag(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
}

// tells waits for so many more stale answers.
func (l *laggard) tells(t *testing.T, n int) {
	t.Helper()
	l.mu.Lock()
	until := l.stale + n
	l.mu.Unlock()
	for {
		l.mu.Lock()
		now := l.stale
		l.mu.Unlock()
		if now >= until {
			return
		}
		select {
		case <-l.changed:
		case <-time.After(patience):
			t.Fatal("nobody asks the endpoint that lags")
		}
	}
}

// A node that is restarted beside an endpoint that lags waits for its own funding to be
// shown: by what the endpoint says, the channel has too little still.
func TestLandedIsNotFooledByALag(t *testing.T) {
	t.Parallel()
	for name, methods := range map[string]string{
		"of the state":  "eth_call", // as where requests are spread over many nodes
		"of everything": "eth_call eth_getTransactionReceipt eth_getTransactionCount",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startChain(t)
			p := newProxy(t, c)
			l := lagging(p, methods)
			cfg := through(c, newKey(t), p.URL)
			first := join(t, cfg)
			enrich(t, c, first.Address(), 1000)
			ch := first.channel(c, newKey(t).Address(), newKey(t).Address())
			if st, err := first.Landed(t.Context(), ch); err != nil || st != (protocol.ChannelState{}) {
				t.Fatalf("before: %+v, %v", st, err)
			}
			first.open(t, ch, 60)
			if err := first.stop(); err != nil {
				t.Fatal(err)
			}
			l.lag(true)
			again := join(t, cfg)
			type answer struct {
				st  protocol.ChannelState
				err error
			}
			landed := make(chan answer, 1)
			go func() {
				st, err := again.Landed(t.Context(), ch)
				landed <- answer{st, err}
			}()
			l.tells(t, 1)
			select {
			case a := <-landed:
				t.Fatalf("while it lags: %+v, %v", a.st, a.err)
			default:
			}
			l.lag(false)
			if a := <-landed; a.err != nil || a.st.Funded != amount(60) {
				t.Errorf("after the lag: %+v, %v", a.st, a.err)
			}
		})
	}
}

// An endpoint that never shows the funding is no ground to fund again either.
func TestLandedGivesUp(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	p := newProxy(t, c)
	l := lagging(p, "eth_call")
	var ahead atomic.Int64
	cfg := through(c, newKey(t), p.URL)
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	n := join(t, cfg)
	enrich(t, c, n.Address(), 1000)
	ch := n.channel(c, newKey(t).Address(), newKey(t).Address())
	if _, err := n.Landed(t.Context(), ch); err != nil {
		t.Fatal(err)
	}
	n.open(t, ch, 60)
	l.lag(true)
	failed := make(chan error, 1)
	go func() {
		_, err := n.Landed(t.Context(), ch)
		failed <- err
	}()
	l.tells(t, 3)
	ahead.Store(int64(time.Minute))
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "does not show") {
		t.Errorf("error: %v", err)
	}
}
