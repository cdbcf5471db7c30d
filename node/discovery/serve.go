package discovery

import (
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/protocol"
)

// handle serves one request of one peer: read a frame, answer with one.
func (d *Discovery) handle(s network.Stream) {
	if !d.serving.begin(s) {
		s.Reset()
		return
	}
	defer d.serving.end(s)
	if err := d.serve(s); err != nil {
		d.log.Debug("index request failed", "peer", s.Conn().RemotePeer(), "err", err)
		s.Reset()
		return
	}
	s.Close()
}

func (d *Discovery) serve(s network.Stream) error {
	if err := s.Scope().SetService(serviceName); err != nil {
		return err
	}
	if err := s.Scope().ReserveMemory(2*protocol.MaxIndexFrame, network.ReservationPriorityMedium); err != nil {
		return err
	}
	defer s.Scope().ReleaseMemory(2 * protocol.MaxIndexFrame)
	if err := s.SetDeadline(time.Now().Add(serveTimeout)); err != nil {
		return err
	}
	frame, err := protocol.ReadFrame(s, protocol.MaxIndexFrame)
	if err != nil {
		return err
	}
	reply := d.answer(s.Conn().RemotePeer(), frame)
	reply.Version = protocol.Version
	reply.Detail = clip(reply.Detail, protocol.MaxDetailBytes)
	b, err := protocol.Encode(reply)
	if err != nil {
		return err
	}
	return protocol.WriteFrame(s, b, protocol.MaxIndexFrame)
}

func (d *Discovery) answer(from peer.ID, frame []byte) *protocol.IndexReply {
	now := d.cfg.Clock()
	if !d.limiter.allow(from) {
		return &protocol.IndexReply{Status: protocol.IndexSlower, Detail: "too many requests; ask less often"}
	}
	req, err := protocol.DecodeIndexRequest(frame)
	if err != nil {
		return &protocol.IndexReply{Status: protocol.IndexBad, Detail: err.Error()}
	}
	if req.Put != nil {
		status, detail := d.index.put(req.Put, now)
		reply := &protocol.IndexReply{Status: status, Detail: detail}
		if back, wanted := req.Opt[protocol.TallyExtension]; wanted {
			reply.Opt = d.tell(from, req.Put, back, now)
		}
		return reply
	}
	cell, ok := d.cells.byKey[req.Find.Key]
	if !ok {
		return &protocol.IndexReply{Status: protocol.IndexBad, Detail: "index.find.key: not a cell of this network"}
	}
	if _, looks := req.Opt[protocol.TallyExtension]; !looks {
		d.index.demand.count(cell.key, &req.Find.Filter, now)
	}
	offers, skipped := d.index.find(cell.key, &req.Find.Filter, int(req.Find.Limit), now)
	reply := &protocol.IndexReply{Status: protocol.IndexOK, Skipped: skipped, Closer: d.closer(cell, from)}
	for _, o := range offers {
		reply.Offers = append(reply.Offers, o.Signed)
	}
	return reply
}

// closer is the peers this node knows nearest to the cell, without the asker.
func (d *Discovery) closer(c *cell, asker peer.ID) []protocol.PeerHint {
	var out []protocol.PeerHint
	for _, p := range d.cfg.Routing.RoutingTable().NearestPeers(c.target, protocol.MaxCloserPeers) {
		if addrs := texts(d.book.usable(d.cfg.Host.Peerstore().Addrs(p))); p != asker && len(addrs) > 0 {
			out = append(out, protocol.PeerHint{ID: []byte(p), Addrs: addrs})
		}
	}
	return out
}

// serving is the streams being served, so that stop can end them.
type serving struct {
	mu      sync.Mutex // guards both
	streams map[network.Stream]struct{}
	stopped bool

	running sync.WaitGroup
}

func newServing() *serving { return &serving{streams: make(map[network.Stream]struct{})} }

func (v *serving) begin(s network.Stream) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped || len(v.streams) >= maxServing {
		return false
	}
	v.streams[s] = struct{}{}
	v.running.Add(1)
	return true
}

func (v *serving) end(s network.Stream) {
	v.mu.Lock()
	delete(v.streams, s)
	v.mu.Unlock()
	v.running.Done()
}

func (v *serving) stop() {
	v.mu.Lock()
	v.stopped = true
	for s := range v.streams {
		s.Reset()
	}
	v.mu.Unlock()
	v.running.Wait()
}

// clip shortens a text to n bytes without leaving half a character.
func clip(s string, n int) string {
	return strings.ToValidUTF8(s[:min(len(s), n)], "")
}
