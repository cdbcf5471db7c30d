package provider

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// door is a running job whose ports a test opens.
type door struct {
	ended
	dial func(context.Context) (net.Conn, error)
}

func (d door) Dial(ctx context.Context, _ uint16) (net.Conn, error) { return d.dial(ctx) }

// piped opens a port without anybody behind it.
func piped(context.Context) (net.Conn, error) {
	a, b := net.Pipe()
	return a, b.Close()
}

// newService is a job of peer "owner" that runs.
func newService(t *testing.T, p *Provider, nonce byte, run Run) *session {
	t.Helper()
	spec := &protocol.JobSpec{Version: 1, Kind: protocol.KindService, Engine: protocol.EngineContainer, Module: guestCID, ModuleSize: 1,
		Limits: protocol.Limits{RunMillis: 1000}}
	raw, _, err := protocol.EncodeSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(p, &line{}, spec, raw, &protocol.Accept{Agreement: protocol.Agreement{Nonce: protocol.Hash{nonce}}})
	s.rec.Peer = "owner"
	if err := p.admit(s); err != nil {
		t.Fatal(err)
	}
	if run != nil {
		s.dials.begin(run)
	}
	return s
}

// refusedDial is what a peer is told.
func refusedDial(t *testing.T, p *Provider, job protocol.Hash, peer string) refusalError {
	t.Helper()
	c, over, err := p.Dial(t.Context(), job, peer, 80)
	var no *refusalError
	if c != nil || over != nil || !errors.As(err, &no) {
		t.Fatalf("Dial: %v, %v, %v", c, over, err)
	}
	return *no
}

// TestDialIsTheOwnersAlone: a foreign job, one that does not run, one that has ended and a
// task are told from an unknown one in nothing (SPEC §5.7).
func TestDialIsTheOwnersAlone(t *testing.T) {
	p := newRig(t, &book{})
	unknown := refusedDial(t, p, protocol.Hash{1}, "owner")
	s := newService(t, p, 1, door{dial: piped})
	over := newService(t, p, 2, door{dial: piped})
	over.dials.end()
	for name, got := range map[string]refusalError{
		"foreign":       refusedDial(t, p, s.id, "other"),
		"not running":   refusedDial(t, p, newService(t, p, 3, nil).id, "owner"),
		"ended":         refusedDial(t, p, over.id, "owner"),
		"nobody's peer": refusedDial(t, p, s.id, ""),
	} {
		if got != unknown {
			t.Errorf("%s: refused with %v, an unknown job with %v", name, got, unknown)
		}
	}
	c, _, err := p.Dial(t.Context(), s.id, "owner", 80)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	p.forget(s)
	if got := refusedDial(t, p, s.id, "owner"); got != unknown {
		t.Errorf("forgotten: refused with %v", got)
	}
}

// TestDialsOfAJobAreCapped, and a closed one makes room for another, once.
func TestDialsOfAJobAreCapped(t *testing.T) {
	p := newRig(t, &book{})
	s := newService(t, p, 1, door{dial: piped})
	var open []net.Conn
	for range protocol.MaxDials {
		c, _, err := p.Dial(t.Context(), s.id, "owner", 80)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	if no := refusedDial(t, p, s.id, "owner"); no.reason != protocol.ReasonBusy {
		t.Errorf("over the cap: %v", no)
	}
	_, _ = open[0].Close(), open[0].Close()
	c, _, err := p.Dial(t.Context(), s.id, "owner", 80)
	if err != nil {
		t.Fatal(err)
	}
	open[0] = c
	if no := refusedDial(t, p, s.id, "owner"); no.reason != protocol.ReasonBusy {
		t.Errorf("over the cap: %v", no)
	}
	for _, c := range open {
		_ = c.Close()
	}
}

// TestDialWaitsForTheBegin: who learns that a job runs before its rig has begun it is let in all
// the same, and refused where it does not begin.
func TestDialWaitsForTheBegin(t *testing.T) {
	p := newRig(t, &book{})
	for nonce, begins := range map[byte]bool{1: true, 2: false} {
		s := newService(t, p, nonce, nil)
		s.dials.expect()
		got := make(chan error, 1)
		go func() {
			c, _, err := p.Dial(t.Context(), s.id, "owner", 80)
			if err == nil {
				err = c.Close()
			}
			got <- err
		}()
		if begins {
			s.dials.begin(door{dial: piped})
		} else {
			s.dials.end()
		}
		if err := <-got; (err == nil) != begins {
			t.Errorf("begun is %v: %v", begins, err)
		}
	}
}

// TestDialEndsWithTheJob: one under way is given up, and one that is open is told.
func TestDialEndsWithTheJob(t *testing.T) {
	p := newRig(t, &book{})
	dialling := make(chan struct{})
	s := newService(t, p, 1, door{dial: func(ctx context.Context) (net.Conn, error) {
		close(dialling)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	failed := make(chan error, 1)
	go func() {
		_, _, err := p.Dial(context.Background(), s.id, "owner", 80)
		failed <- err
	}()
	<-dialling
	s.dials.end()
	if err := <-failed; err == nil {
		t.Error("a dial into a job that ended")
	}
	s = newService(t, p, 2, door{dial: piped})
	c, over, err := p.Dial(t.Context(), s.id, "owner", 80)
	if err != nil {
		t.Fatal(err)
	}
	s.dials.end()
	<-over
	_ = c.Close()
}

// servedModels are a rig's.
type servedModels struct{ list []protocol.Served }

func (m servedModels) Served() []protocol.Served { return m.list }

func (m servedModels) Open(context.Context, string, io.Writer, io.Writer) (Run, error) {
	return door{dial: piped}, nil
}

// TestServicesThatAreSold holds what services a rig quotes, and at what price: in engines
// whose ports were reached, and of the models that it serves.
func TestServicesThatAreSold(t *testing.T) {
	p := newRig(t, &book{})
	model := protocol.Served{CID: guestCID, Name: "m", Context: 128, PerMillion: protocol.NewAmount(77), Tick: 9}
	p.cfg.Models = servedModels{[]protocol.Served{model}}
	limits := protocol.Limits{RunMillis: 1000}
	container := protocol.JobSpec{Version: 1, Kind: protocol.KindService, Engine: protocol.EngineContainer, Module: guestCID, ModuleSize: 1, Limits: limits}
	session := protocol.ServedSpec(guestCID, limits)
	other := protocol.ServedSpec("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", limits)
	quote := func(spec protocol.JobSpec, unit protocol.Unit) (*protocol.Quote, error) {
		raw, _, err := protocol.EncodeSpec(&spec)
		if err != nil {
			t.Fatal(err)
		}
		_, q, err := p.quote(&protocol.QuoteRequest{Spec: raw, Market: testMarket, Unit: unit, Budget: protocol.NewAmount(100_000)}, protocol.Address{5})
		return q, err
	}
	refused := func(what string, spec protocol.JobSpec, unit protocol.Unit) {
		t.Helper()
		var no *refusalError
		if _, err := quote(spec, unit); !errors.As(err, &no) || no.reason != protocol.ReasonEngine {
			t.Errorf("%s: %v", what, err)
		}
	}
	p.cfg.Changed = func() {}
	p.engines = []string{protocol.EngineWASM, protocol.EngineContainer}
	refused("a container that cannot be reached", container, protocol.UnitCPUMillis)
	refused("a model that is not served", other, protocol.UnitTokenOut)
	refused("a served model by the clock", session, protocol.UnitCPUMillis)
	refused("a container by the token", container, protocol.UnitTokenOut)
	p.dialled = []string{protocol.EngineContainer}
	if _, err := quote(container, protocol.UnitCPUMillis); err != nil {
		t.Errorf("a container that can be reached: %v", err)
	}
	busy, _ := p.slots.take(need{slots: 1})
	_, _ = p.slots.take(need{slots: 1}) // and the queue is full
	q, err := quote(session, protocol.UnitTokenOut)
	if err != nil {
		t.Fatalf("a served model on a busy rig: %v", err)
	}
	if a := q.Agreement; a.Price != model.Price() || a.TickUnits != model.Tick || q.Ahead != 0 {
		t.Errorf("quoted %+v, %d ahead", a, q.Ahead)
	}
	if tk, ok := p.slots.take(need{slots: places(&session)}); !ok {
		t.Error("a session waits for a slot")
	} else {
		<-tk.ready
	}
	if o := p.Offer(protocol.Offer{}, false); len(o.Models) != 1 || o.Models[0] != model {
		t.Errorf("the offer lists %v", o.Models)
	}
	p.slots.give(busy)
}
