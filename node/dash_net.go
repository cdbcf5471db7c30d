package node

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libprotocol "github.com/libp2p/go-libp2p/core/protocol"
)

const (
	maxPeers   = 500
	maxTraffic = 720 // an hour
)

// traffic counts bytes of streams with peers, of all together: an account for each peer is
// what a stranger could make grow.
type traffic struct {
	in, out atomic.Uint64

	mu   sync.Mutex // guards past
	past []TrafficMark
}

// TrafficMark is how many bytes came and went since the node started.
type TrafficMark struct {
	At  int64  `json:"at"` // seconds since 1970
	In  uint64 `json:"in"`
	Out uint64 `json:"out"`
}

func (t *traffic) mark(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.past = slices.Delete(t.past, 0, max(0, len(t.past)-maxTraffic+1))
	t.past = append(t.past, TrafficMark{now.Unix(), t.in.Load(), t.out.Load()})
}

func (t *traffic) marks() []TrafficMark {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.past)
}

// The interface of libp2p's counters. Only totals are kept.
func (t *traffic) LogSentMessage(n int64)                                    { t.out.Add(uint64(n)) }
func (t *traffic) LogRecvMessage(n int64)                                    { t.in.Add(uint64(n)) }
func (*traffic) LogSentMessageStream(int64, libprotocol.ID, peer.ID)         {}
func (*traffic) LogRecvMessageStream(int64, libprotocol.ID, peer.ID)         {}
func (*traffic) GetBandwidthForPeer(peer.ID) (none metrics.Stats)            { return none }
func (*traffic) GetBandwidthForProtocol(libprotocol.ID) (none metrics.Stats) { return none }
func (*traffic) GetBandwidthByPeer() map[peer.ID]metrics.Stats               { return nil }
func (*traffic) GetBandwidthByProtocol() map[libprotocol.ID]metrics.Stats    { return nil }
func (*traffic) Reset()                                                      {}
func (*traffic) TrimIdle(time.Time)                                          {}
func (t *traffic) GetBandwidthTotals() metrics.Stats {
	return metrics.Stats{TotalIn: int64(t.in.Load()), TotalOut: int64(t.out.Load())}
}

// PeerLine is a peer that this node is connected with.
type PeerLine struct {
	ID        string `json:"id"`
	Relayed   bool   `json:"relayed"` // through a relay only
	Inbound   bool   `json:"inbound"` // it came here
	Transport string `json:"transport"`
	// LatencyMicros is the round trip, nil where none is measured.
	LatencyMicros *int64 `json:"latency_micros,omitempty"`
	Agent         string `json:"agent,omitempty"`
	Since         int64  `json:"since"` // seconds since 1970
}

// NetworkView is how the node is connected.
type NetworkView struct {
	Link    LinkStatus    `json:"link"`
	Peers   []PeerLine    `json:"peers"` // the first 500
	Traffic []TrafficMark `json:"traffic"`
}

func (d *dash) network(*http.Request) (any, error) {
	h := d.n.net.Host()
	v := NetworkView{Link: d.n.linkStatus(), Peers: []PeerLine{}, Traffic: d.traffic.marks()}
	for _, p := range h.Network().Peers() {
		conns := h.Network().ConnsToPeer(p)
		if len(conns) == 0 || len(v.Peers) >= maxPeers {
			continue
		}
		best := slices.MinFunc(conns, func(a, b network.Conn) int { // a direct one first
			return cmp.Or(cmp.Compare(order(a.Stat().Limited), order(b.Stat().Limited)), a.Stat().Opened.Compare(b.Stat().Opened))
		})
		st := best.Stat()
		l := PeerLine{ID: p.String(), Relayed: st.Limited, Inbound: st.Direction == network.DirInbound,
			Transport: best.ConnState().Transport, Since: st.Opened.Unix()}
		if t := h.Peerstore().LatencyEWMA(p); t > 0 {
			us := t.Microseconds()
			l.LatencyMicros = &us
		}
		if agent, err := h.Peerstore().Get(p, "AgentVersion"); err == nil {
			s, _ := agent.(string)
			l.Agent = strings.ToValidUTF8(s[:min(len(s), 64)], "")
		}
		v.Peers = append(v.Peers, l)
	}
	slices.SortFunc(v.Peers, func(a, b PeerLine) int { return cmp.Compare(a.ID, b.ID) })
	return v, nil
}

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}
