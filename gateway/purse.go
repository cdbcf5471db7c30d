package gateway

import (
	"net/http"
	"sync"

	"github.com/rerig/rerig/protocol"
)

// purse keeps what is spent within the gateway's budget and within that of each key.
//
// The gateway's is held by sessions: what an open one may cost is taken away when it opens,
// and what it did not cost comes back when its bill is final. A key's is held by requests,
// in the same way.
type purse struct {
	budget protocol.Amount
	text   func(protocol.Amount) string

	mu    sync.Mutex // guards the rest
	taken protocol.Amount
	keys  map[string]*account
}

// account is a key's money.
type account struct{ spent, held protocol.Amount }

func newPurse(budget protocol.Amount, text func(protocol.Amount) string, spent map[string]protocol.Amount) *purse {
	p := &purse{budget: budget, text: text, keys: map[string]*account{}}
	for name, a := range spent {
		p.keys[name] = &account{spent: a}
	}
	return p
}

// sum adds what is far from overflowing: amounts within budgets.
func sum(a, b protocol.Amount) protocol.Amount {
	c, err := a.Add(b)
	if err != nil {
		return a
	}
	return c
}

// take sets money aside for a session: wish if there is so much, else what there is, but
// not less than least.
func (p *purse) take(wish, least protocol.Amount) (protocol.Amount, *apiError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.budget.Minus(p.taken)
	if left.Less(wish) {
		wish = left
	}
	if wish.Less(least) || wish.IsZero() {
		return wish, &apiError{status: http.StatusPaymentRequired, code: "insufficient_quota",
			message: "the gateway's budget of " + p.text(p.budget) + " has " + p.text(left) + " left and this request may need " +
				p.text(least) + "; ask for fewer tokens, or raise --budget"}
	}
	p.taken = sum(p.taken, wish)
	return wish, nil
}

// put gives back what a session that is over did not spend.
func (p *purse) put(had, spent protocol.Amount) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken = p.taken.Minus(had.Minus(spent))
}

// hold sets aside what a request may cost its key.
func (p *purse) hold(k *Key, most protocol.Amount) *apiError {
	if k == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.keys[k.Name]
	if a == nil {
		a = &account{}
		p.keys[k.Name] = a
	}
	with := sum(sum(a.spent, a.held), most)
	if !k.Budget.IsZero() && k.Budget.Less(with) {
		return &apiError{status: http.StatusPaymentRequired, code: "insufficient_quota",
			message: "key " + k.Name + " has spent " + p.text(a.spent) + " of its " + p.text(k.Budget) + ", " + p.text(a.held) +
				" are held for requests under way, and this one may cost " + p.text(most) + "; ask for fewer tokens, or for a larger budget"}
	}
	a.held = sum(a.held, most)
	return nil
}

// settle turns what was held into what it cost.
func (p *purse) settle(k *Key, held, cost protocol.Amount) {
	if k == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.keys[k.Name]
	if a == nil { // nothing was held
		return
	}
	a.held, a.spent = a.held.Minus(held), sum(a.spent, cost)
}
