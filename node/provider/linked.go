package provider

import (
	"context"
	"slices"

	"github.com/rerig/rerig/protocol"
)

// Link is a task's place in a private link (SPEC §5.8).
type Link struct {
	Job     protocol.Hash
	Key     protocol.LinkKey
	Rank    int
	Members []protocol.LinkMember // all, this one too
}

// SellLinks sets the engines whose jobs may be members of a private link.
func (p *Provider) SellLinks(engines []string) {
	p.mu.Lock()
	p.linked = slices.Clone(engines)
	p.mu.Unlock()
	p.cfg.Changed()
}

// links tells whether jobs of an engine may be members of a private link; "" is of any.
func (p *Provider) links(engine string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.linked) > 0 && (engine == "" || slices.Contains(p.linked, engine))
}

// egress is why a job does not get what it wants to reach; nil where it does or wants nothing.
func (p *Provider) egress(spec *protocol.JobSpec) error {
	if !spec.Egress {
		return nil
	}
	if p.cfg.Egress == nil || !p.links(spec.Engine) {
		return refuse(protocol.ReasonEgress, "egress not allowed here")
	}
	for _, host := range spec.Hosts {
		if !p.cfg.Egress(host) {
			return refuse(protocol.ReasonEgress, "egress to %s not allowed here", host)
		}
	}
	return nil
}

// extensions are what an offer says beyond its keys.
func (p *Provider) extensions() protocol.Extensions {
	var all protocol.Extensions
	if p.links("") {
		all = protocol.Extensions{protocol.LinkExtension: nil}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gap.Valid() {
		if all == nil {
			all = protocol.Extensions{}
		}
		all[protocol.DriverExtension] = p.gap.Extension()
	}
	return all
}

// checkLinkKey holds an accept to its spec: a link's key comes exactly with a place in it.
func checkLinkKey(spec *protocol.JobSpec, acc *protocol.Accept) error {
	if (spec.Link != nil) != (len(acc.LinkKey) != 0) {
		return refuse(protocol.ReasonMalformed, "a place in a link and its key come together; the key has %d bytes", len(acc.LinkKey))
	}
	return nil
}

// toldLink takes the members of the job's link from the requester, once; it reports whether
// they are such.
func (s *session) toldLink(m *protocol.Link) bool {
	place := s.spec.Link
	if place == nil || s.told || len(m.Members) != int(place.Size) || m.Members[place.Rank].Job != s.id {
		return false
	}
	s.told = true
	s.members <- m.Members // it has room for the one
	return true
}

// awaitLink waits until the members of the job's link are known: what stages a job has no
// timeout of its own, the lifecycle ends it.
func (s *session) awaitLink(ctx context.Context) *Link {
	place := s.spec.Link
	if place == nil {
		return nil
	}
	select {
	case members := <-s.members:
		return &Link{Job: s.id, Key: s.linkKey, Rank: int(place.Rank), Members: members}
	case <-ctx.Done(): // the job has ended, and nobody asks any more
		return nil
	}
}
