package journal

import (
	"errors"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/rerig/rerig/protocol"
)

// The models below are deliberately dumb: plain integers, every sum counted anew
// from lists, no databases. Refusals compare by kind.

type modelJob struct {
	known, open  bool
	channel      int
	epoch        uint32
	budget, paid uint64
}

type modelChannel struct {
	funded, claimed uint64
	epoch           uint32
	closing         bool
	base            uint64 // out: promised by a lost journal; in: credited to no job
	best            uint64
}

type model struct {
	channels []modelChannel
	jobs     []modelJob
	role     protocol.Role
}

func (m *model) here(c int, j modelJob) bool {
	return j.known && j.channel == c && j.epoch == m.channels[c].epoch
}

func (m *model) used(c int) (sum uint64) {
	for _, j := range m.jobs {
		if m.here(c, j) {
			sum += j.paid
		}
	}
	return sum + m.channels[c].base
}

func (m *model) reserved(c, except int) (sum uint64) {
	for i, j := range m.jobs {
		if i != except && m.here(c, j) && j.open {
			sum += j.budget - j.paid
		}
	}
	return sum
}

// fits reports whether need more would stay within what is funded.
func (m *model) fits(c, except int, need uint64) bool {
	return m.used(c)+m.reserved(c, except)+need <= m.channels[c].funded
}

var (
	insufficient = reflect.TypeFor[*InsufficientError]()
	overBudget   = reflect.TypeFor[*OverBudgetError]()
	epochError   = reflect.TypeFor[*EpochError]()
)

func (m *model) reserve(c, job int, budget uint64) any {
	ch, j := m.channels[c], &m.jobs[job]
	switch {
	case ch.closing:
		return ErrClosing
	case j.paid > 0 && j.channel != c:
		return ErrOtherChannel
	case j.paid > 0 && j.epoch != ch.epoch:
		return epochError
	case budget < j.paid:
		return overBudget
	case budget > j.paid && !m.fits(c, job, budget-j.paid):
		return insufficient
	}
	*j = modelJob{true, true, c, ch.epoch, budget, j.paid}
	return nil
}

// payable are the rules that promising and crediting share.
func (m *model) payable(c, job int, total uint64, lower error) any {
	j := m.jobs[job]
	switch {
	case !j.known:
		return ErrNoReservation
	case j.channel != c:
		return ErrOtherChannel
	case j.epoch != m.channels[c].epoch:
		return epochError
	case total < j.paid:
		return lower
	}
	return nil
}

func (m *model) promise(c, job int, total uint64) any {
	if refusal := m.payable(c, job, total, ErrLowerTotal); refusal != nil {
		return refusal
	}
	j := &m.jobs[job]
	switch {
	case total == j.paid:
	case !j.open:
		return ErrNoReservation
	case total > j.budget:
		return overBudget
	case m.used(c)+total-j.paid > m.channels[c].funded:
		return insufficient
	}
	j.paid = total
	return nil
}

func (m *model) credit(c, job int, epoch uint32, cumulative, total uint64) any {
	ch, j := &m.channels[c], &m.jobs[job]
	if epoch != ch.epoch {
		return epochError
	}
	if refusal := m.payable(c, job, total, ErrLowerVoucher); refusal != nil {
		return refusal
	}
	best, delta := max(ch.best, cumulative), total-j.paid
	switch {
	case total > j.budget:
		return overBudget
	case delta == 0:
	case m.used(c)+delta > best:
		return ErrUncovered
	case m.used(c)+delta > ch.funded, !j.open && !m.fits(c, job, delta):
		return insufficient
	}
	ch.best, j.paid = best, total
	return nil
}

// set is what the chain says: sometimes late, sometimes after a close.
func (m *model) set(c int, st protocol.ChannelState, fundedUnits, claimed uint64) any {
	ch := &m.channels[c]
	if st.Epoch < ch.epoch {
		return epochError
	}
	known := max(ch.claimed, ch.best)
	if st.Epoch > ch.epoch {
		*ch, known = modelChannel{epoch: st.Epoch}, 0
	}
	ch.funded, ch.closing, ch.claimed = fundedUnits, st.ClosesAt != 0, max(ch.claimed, claimed)
	if m.role == protocol.RoleRig {
		if ch.claimed > known {
			ch.base += ch.claimed - known
		}
	} else if used := m.used(c); used < ch.claimed {
		ch.base += ch.claimed - used
	}
	return nil
}

func sameRefusal(t *rapid.T, got error, want any) {
	switch want := want.(type) {
	case nil:
		if got != nil {
			t.Fatalf("refused: %v", got)
		}
	case reflect.Type:
		target := reflect.New(want)
		if got == nil || !errors.As(got, target.Interface()) {
			t.Fatalf("error %v, want %v", got, want)
		}
	case error:
		if !errors.Is(got, want) {
			t.Fatalf("error %v, want %v", got, want)
		}
	}
}

// world gives each check channels and jobs of its own in one journal.
type world struct {
	j        *Journal
	channels []protocol.Channel
	jobs     []protocol.Hash
	m        *model
}

var worlds atomic.Uint64

func newWorld(j *Journal, role protocol.Role) *world {
	nth := worlds.Add(1)
	w := &world{j: j, m: &model{role: role, channels: make([]modelChannel, 2), jobs: make([]modelJob, 4)}}
	for i := range w.m.channels {
		ch := channel(byte(i))
		ch.Payer[0], ch.Payer[1], ch.Payer[2] = byte(nth>>16), byte(nth>>8), byte(nth)
		w.channels = append(w.channels, ch)
	}
	for i := range w.m.jobs {
		w.jobs = append(w.jobs, num(nth*100+uint64(i)))
	}
	return w
}

func (w *world) draw(t *rapid.T) (c, job int) {
	return rapid.IntRange(0, len(w.channels)-1).Draw(t, "channel"), rapid.IntRange(0, len(w.jobs)-1).Draw(t, "job")
}

func (w *world) observe(t *rapid.T) {
	set := w.j.SetOutChannel
	if w.m.role == protocol.RoleRig {
		set = w.j.SetInChannel
	}
	c, _ := w.draw(t)
	units := rapid.Uint64Range(0, 100).Draw(t, "funded")
	claimed := rapid.Uint64Range(0, units/2).Draw(t, "claimed") * rapid.Uint64Range(0, 1).Draw(t, "any claimed")
	epoch := w.m.channels[c].epoch + rapid.SampledFrom([]uint32{0, 0, 0, 0, 1, ^uint32(0)}).Draw(t, "epoch")
	if epoch == ^uint32(0) {
		epoch = 0
	}
	st := protocol.ChannelState{Funded: amt(units), Claimed: amt(claimed), Epoch: epoch,
		ClosesAt: rapid.SampledFrom([]uint64{0, 0, 0, 9}).Draw(t, "closes")}
	sameRefusal(t, set(t.Context(), domain, w.channels[c], st), w.m.set(c, st, units, claimed))
}

func (w *world) begin(t *rapid.T) {
	set := w.j.SetOutChannel
	if w.m.role == protocol.RoleRig {
		set = w.j.SetInChannel
	}
	for c := range w.channels {
		st := protocol.ChannelState{Funded: amt(100)}
		sameRefusal(t, set(t.Context(), domain, w.channels[c], st), w.m.set(c, st, 100, 0))
	}
}

func TestOutgoingBookMatchesModel(t *testing.T) {
	t.Parallel() // they wait for the disk most of the time
	j := start(t, t.TempDir(), Options{})
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(j, protocol.RoleRequester)
		w.begin(t)
		t.Repeat(map[string]func(*rapid.T){
			"set": w.observe,
			"reserve": func(t *rapid.T) {
				c, job := w.draw(t)
				n := rapid.Uint64Range(0, 60).Draw(t, "budget")
				sameRefusal(t, j.Reserve(t.Context(), w.channels[c].ID(), w.jobs[job], amt(n)), w.m.reserve(c, job, n))
			},
			"promise": func(t *rapid.T) {
				c, job := w.draw(t)
				n := rapid.Uint64Range(0, 60).Draw(t, "total")
				v, err := j.Promise(t.Context(), w.channels[c].ID(), w.jobs[job], amt(n))
				sameRefusal(t, err, w.m.promise(c, job, n))
				if err == nil && v.Cumulative != amt(w.m.used(c)) {
					t.Fatalf("voucher grants %s, want %d", v.Cumulative, w.m.used(c))
				}
			},
			"release": func(t *rapid.T) {
				_, job := w.draw(t)
				sameRefusal(t, j.Release(t.Context(), w.jobs[job]), nil)
				w.m.jobs[job].open = false
			},
			"": func(t *rapid.T) {
				for c := range w.channels {
					got, err := j.OutChannel(t.Context(), w.channels[c].ID())
					if err != nil {
						t.Fatal(err)
					}
					if got.Promised != amt(w.m.used(c)) || got.Reserved != amt(w.m.reserved(c, -1)) || got.State.Claimed != amt(w.m.channels[c].claimed) {
						t.Fatalf("channel %d is %+v, want promised %d reserved %d claimed %d", c, got, w.m.used(c), w.m.reserved(c, -1), w.m.channels[c].claimed)
					}
				}
			},
		})
	})
}

func TestIncomingBookMatchesModel(t *testing.T) {
	t.Parallel() // they wait for the disk most of the time
	j := start(t, t.TempDir(), Options{})
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(j, protocol.RoleRig)
		w.begin(t)
		t.Repeat(map[string]func(*rapid.T){
			"set": w.observe,
			"reserve": func(t *rapid.T) {
				c, job := w.draw(t)
				n := rapid.Uint64Range(0, 60).Draw(t, "budget")
				sameRefusal(t, j.ReserveIn(t.Context(), w.channels[c].ID(), w.jobs[job], amt(n)), w.m.reserve(c, job, n))
			},
			"credit": func(t *rapid.T) {
				c, job := w.draw(t)
				n, cum := rapid.Uint64Range(0, 60).Draw(t, "total"), rapid.Uint64Range(0, 110).Draw(t, "cumulative")
				epoch := rapid.Uint32Range(0, w.m.channels[c].epoch).Draw(t, "epoch")
				_, err := j.Credit(t.Context(), w.channels[c].ID(), w.jobs[job], voucher(w.channels[c], epoch, cum), amt(n))
				sameRefusal(t, err, w.m.credit(c, job, epoch, cum, n))
			},
			"release": func(t *rapid.T) {
				_, job := w.draw(t)
				sameRefusal(t, j.ReleaseIn(t.Context(), w.jobs[job]), nil)
				w.m.jobs[job].open = false
			},
			"": func(t *rapid.T) {
				for c, ch := range w.m.channels {
					got, err := j.InChannel(t.Context(), w.channels[c].ID())
					if err != nil {
						t.Fatal(err)
					}
					if got.Credited != amt(w.m.used(c)) || got.Reserved != amt(w.m.reserved(c, -1)) || got.State.Claimed != amt(ch.claimed) ||
						got.Best.Voucher.Cumulative != amt(ch.best) {
						t.Fatalf("channel %d is %+v, want credited %d reserved %d of %+v", c, got, w.m.used(c), w.m.reserved(c, -1), ch)
					}
					if w.m.used(c) > max(ch.best, ch.claimed)+ch.base {
						t.Fatalf("credited %d above the best voucher of %+v", w.m.used(c), ch)
					}
				}
			},
		})
	})
}

// An honest requester's vouchers are never refused, in whatever order the jobs'
// streams bring them, and in the end both books say the same.
func TestHonestVouchersAlwaysCredit(t *testing.T) {
	t.Parallel() // they wait for the disk most of the time
	j := start(t, t.TempDir(), Options{})
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(j, protocol.RoleRequester)
		ctx, ch := t.Context(), w.channels[0]
		id := ch.ID()
		fine := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		fine(j.SetOutChannel(ctx, domain, ch, funded(100)))
		fine(j.SetInChannel(ctx, domain, ch, funded(100)))
		for _, job := range w.jobs {
			fine(j.Reserve(ctx, id, job, amt(25)))
			fine(j.ReserveIn(ctx, id, job, amt(25)))
		}
		type paid struct {
			v     protocol.SignedVoucher
			total uint64
		}
		streams, totals := make([][]paid, len(w.jobs)), make([]uint64, len(w.jobs))
		deliver := func(job int) {
			p := streams[job][0]
			streams[job] = streams[job][1:]
			_, err := j.Credit(ctx, id, w.jobs[job], p.v, amt(p.total))
			fine(err)
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			_, job := w.draw(t)
			if rapid.Bool().Draw(t, "deliver") && len(streams[job]) > 0 {
				deliver(job)
				continue
			}
			totals[job] = min(25, totals[job]+rapid.Uint64Range(0, 9).Draw(t, "tick"))
			v, err := j.Promise(ctx, id, w.jobs[job], amt(totals[job]))
			fine(err)
			streams[job] = append(streams[job], paid{protocol.SignedVoucher{Voucher: v, Signature: protocol.Signature{1}}, totals[job]})
		}
		for slices.ContainsFunc(streams, func(s []paid) bool { return len(s) > 0 }) {
			if _, job := w.draw(t); len(streams[job]) > 0 {
				deliver(job)
			}
		}
		out, err := j.OutChannel(ctx, id)
		fine(err)
		in, err := j.InChannel(ctx, id)
		fine(err)
		if out.Promised != in.Credited || in.Best.Voucher.Cumulative != out.Promised || out.Reserved != in.Reserved {
			t.Fatalf("requester's book %+v, rig's %+v", out, in)
		}
	})
}
