package network

import (
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// quicHeadStart is how long a TCP dial has before QUIC is tried beside it.
const quicHeadStart = 250 * time.Millisecond

// rankTCPFirst dials direct TCP addresses before QUIC. Loopback transfers cost a
// third of the CPU over TCP, and a process that dies is noticed at once by its
// reset, where only silence tells of a QUIC peer. QUIC stays for peers that TCP does
// not reach or, on a busy machine, not soon enough, and for hole punching.
func rankTCPFirst(addrs []ma.Multiaddr) []network.AddrDelay {
	var tcp, rest []ma.Multiaddr
	for _, a := range addrs {
		_, errTCP := a.ValueForProtocol(ma.P_TCP)
		_, errRelay := a.ValueForProtocol(ma.P_CIRCUIT)
		if errTCP == nil && errRelay != nil {
			tcp = append(tcp, a)
		} else {
			rest = append(rest, a)
		}
	}
	ranked := swarm.DefaultDialRanker(tcp)
	later := swarm.DefaultDialRanker(rest)
	for _, d := range later {
		if len(tcp) > 0 {
			d.Delay += quicHeadStart
		}
		ranked = append(ranked, d)
	}
	return ranked
}
