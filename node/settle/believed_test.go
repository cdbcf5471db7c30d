package settle_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// heads makes an endpoint name another newest block, of now.
func (p *proxy) heads(number string) {
	p.forge(func(method string, request, answer json.RawMessage) json.RawMessage {
		var m message
		var head map[string]json.RawMessage
		if method != "eth_getBlockByNumber" || !strings.Contains(string(request), "latest") ||
			json.Unmarshal(answer, &m) != nil || json.Unmarshal(m.Result, &head) != nil {
			return answer
		}
		head["number"] = json.RawMessage(number)
		invented, _ := json.Marshal(head)
		return result(answer, string(invented))
	})
}

// One endpoint cannot do away with all others by naming a block that they do not have.
func TestInventedHeadIsNotBelieved(t *testing.T) {
	t.Parallel()
	c, other := startChain(t), forked(t)
	key := newKey(t)
	enrich(t, c, key.Address(), 0)
	c.Mine(12)
	other.Mine(12)
	t.Run("of the same chain", func(t *testing.T) {
		t.Parallel()
		liar := newProxy(t, c)
		liar.heads(`"0xffff"`)
		n := join(t, through(c, key, liar.URL, c.URL(), newProxy(t, c).URL))
		eventually(t, "the lie is told", func() bool { return strings.Contains(n.Status().Endpoints[0].Reason, "blocks ahead of the others") })
		eventually(t, "the others are believed", func() bool { return n.Online() && n.Status().Head == c.Height() })
		if _, err := n.DepositNative(t.Context(), amount(5)); err != nil {
			t.Errorf("deposit: %v", err)
		}
	})
	t.Run("of another, beside one", func(t *testing.T) {
		t.Parallel()
		liar := newProxy(t, other)
		liar.heads(`"0xffff"`)
		n := join(t, through(c, key, liar.URL, c.URL()))
		eventually(t, "the disagreement is told", func() bool { return strings.Contains(n.Status().Reason, "disagree about block") })
	})
}

// Nor is one believed that does not show the block by which it would be judged.
func TestEndpointThatKeepsSilentIsNotBelieved(t *testing.T) {
	t.Parallel()
	a, b := startChain(t), forked(t)
	a.Mine(12)
	b.Mine(12)
	silent := newProxy(t, b)
	silent.forge(func(method string, request, answer json.RawMessage) json.RawMessage {
		if method == "eth_getBlockByNumber" && !strings.Contains(string(request), "latest") {
			return result(answer, "null")
		}
		return answer
	})
	n := join(t, through(a, newKey(t), silent.URL, a.URL()))
	eventually(t, "the silence is told", func() bool { return strings.Contains(n.Status().Endpoints[0].Reason, "does not show its block") })
	eventually(t, "the other one is believed", func() bool { return n.Online() && n.Status().Endpoints[1].Used })
}
