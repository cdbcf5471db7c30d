package node

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/telemetry"
	"github.com/rerig/rerig/protocol"
)

// What the page's past is made of at most.
const (
	maxBands   = 4096 // spans of time in which a job had a card
	keepBands  = 24 * time.Hour
	maxPhases  = 1024 // jobs whose states are timed
	maxPoints  = 720  // of one card's history in one answer
	mostMinute = 24 * 60
)

// Band is a span of time in which a job had a card.
type Band struct {
	Card string `json:"card"`
	Job  string `json:"job"`  // its ID, or what else has the card
	From int64  `json:"from"` // seconds since 1970
	To   int64  `json:"to"`
}

// bands are the spans of the last day, as far as the node ran.
type bands struct {
	mu   sync.Mutex // guards what follows
	list []Band     // in the order that they ended, or were last seen
}

// mark adds what is held now.
func (b *bands) mark(held map[string]string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, seen := now.Unix(), now.Add(-3*bandEvery).Unix()
	for card, job := range held {
		i := slices.IndexFunc(b.list, func(one Band) bool { return one.Card == card && one.Job == job && one.To >= seen })
		if i < 0 {
			b.list = append(b.list, Band{Card: card, Job: job, From: at, To: at})
		} else {
			b.list[i].To = at
		}
	}
	b.list = slices.DeleteFunc(b.list, func(one Band) bool { return one.To < now.Add(-keepBands).Unix() })
	b.list = slices.Delete(b.list, 0, max(0, len(b.list)-maxBands))
}

func (b *bands) since(card string, from int64) []Band {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []Band{}
	for _, one := range b.list {
		if one.Card == card && one.To >= from {
			list = append(list, one)
		}
	}
	return list
}

// CardHistory is what a card told over time, and which jobs had it.
type CardHistory struct {
	Samples []telemetry.Sample `json:"samples"`
	Bands   []Band             `json:"bands"`
}

// history is that of ?card= over the last ?minutes=.
func (d *dash) history(r *http.Request) (any, error) {
	minutes, err := strconv.Atoi(cmp.Or(r.FormValue("minutes"), "60"))
	if err != nil || minutes < 1 || minutes > mostMinute {
		return nil, &protocol.FieldError{Field: "minutes", Limit: "1 to 1440", Got: r.FormValue("minutes")}
	}
	from := time.Now().Add(-time.Duration(minutes) * time.Minute)
	card := r.FormValue("card")
	all := d.n.rig.readings.History(card, from)
	h := CardHistory{Samples: []telemetry.Sample{}, Bands: d.bands.since(card, from.Unix())}
	step := len(all)/maxPoints + 1
	for i := (len(all) - 1) % step; i < len(all) && i >= 0; i += step { // so that the newest is among them
		h.Samples = append(h.Samples, all[i])
	}
	return h, nil
}

// phases is when jobs of this process came to their states.
type phases struct {
	mu    sync.Mutex // guards what follows
	jobs  map[protocol.Hash]map[protocol.State]uint64
	order []protocol.Hash // the oldest first
}

func (p *phases) see(rec *protocol.Record, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, known := p.jobs[rec.Job.ID]
	if !known {
		if p.jobs == nil {
			p.jobs = map[protocol.Hash]map[protocol.State]uint64{}
		}
		if len(p.order) >= maxPhases {
			delete(p.jobs, p.order[0])
			p.order = p.order[1:]
		}
		at = map[protocol.State]uint64{}
		p.jobs[rec.Job.ID], p.order = at, append(p.order, rec.Job.ID)
	}
	if _, was := at[rec.Job.State]; !was { // as many as there are states
		at[rec.Job.State] = uint64(now.UnixMilli())
	}
}

// at is when a job came to a state; 0 for not known.
func (p *phases) at(job protocol.Hash, state protocol.State) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.jobs[job][state]
}

// JobLine is a job on the rig's timeline. Times are unix milliseconds; 0 is not known.
type JobLine struct {
	ID       protocol.Hash   `json:"id"`
	Name     string          `json:"name,omitempty"`
	Engine   string          `json:"engine"`
	State    protocol.State  `json:"state"`
	Ended    bool            `json:"ended"`
	Reason   protocol.Reason `json:"reason,omitempty"`
	Detail   string          `json:"detail,omitempty"`
	ExitCode uint32          `json:"exit_code"`
	Created  uint64          `json:"created"`
	Staging  uint64          `json:"staging"`
	Started  uint64          `json:"started"`
	Finished uint64          `json:"finished"` // it ran to here
	Updated  uint64          `json:"updated"`
	Due      protocol.Amount `json:"due"`
	Paid     protocol.Amount `json:"paid"`
}

// jobs lists what this rig ran for others, newest first.
func (d *dash) jobs(r *http.Request) (any, error) {
	recs, err := d.n.journal.Records(r.Context(), journal.Query{Role: protocol.RoleRig, Limit: maxListed})
	if err != nil {
		return nil, err
	}
	list := []JobLine{}
	for i := range recs {
		j := &recs[i].Job
		l := JobLine{ID: j.ID, Name: recs[i].Name, State: j.State, Ended: j.Ended, Reason: j.Reason, Detail: j.Detail, ExitCode: j.ExitCode,
			Created: recs[i].Created, Staging: d.phases.at(j.ID, protocol.StateStaging), Started: cmp.Or(j.Started, d.phases.at(j.ID, protocol.StateRunning)),
			Finished: cmp.Or(d.phases.at(j.ID, protocol.StateFinished), d.phases.at(j.ID, protocol.StateFailed)),
			Updated:  recs[i].Updated, Due: j.Due, Paid: j.Paid}
		if spec, err := protocol.DecodeSpec(recs[i].Spec); err == nil {
			l.Engine = spec.Engine
		}
		switch { // the journal has what was paid for
		case j.Ended || l.Finished > 0:
		case l.Started > 0:
			l.State = protocol.StateRunning
		case l.Staging > 0:
			l.State = protocol.StateStaging
		}
		list = append(list, l)
	}
	return list, nil
}
