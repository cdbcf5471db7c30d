package protocol

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// LinkPlace makes a job a member of a private link of its requester's (SPEC §5.8).
type LinkPlace struct {
	Rank uint16 `cbor:"1,keyasint" json:"rank"`
	Size uint16 `cbor:"2,keyasint" json:"size"` // members in all
}

// LinkExtension is the optional extension of an offer whose rig carries private links.
const LinkExtension = "link"

// linkNet is the network that the members of a link see each other in.
var linkNet = netip.MustParsePrefix("10.77.0.0/24")

// LinkAddr is a member's address, and the length of its network, as jobs see it.
func LinkAddr(rank int) netip.Prefix {
	a := linkNet.Addr().As4()
	a[3] = byte(rank + 1)
	return netip.PrefixFrom(netip.AddrFrom4(a), linkNet.Bits())
}

// LinkKey is what the members of a link know each other by. It is in no record and never
// prints.
type LinkKey []byte

// LinkKeyBytes is the length of a LinkKey.
const LinkKeyBytes = 32

// Format tells nothing, whatever the verb.
func (LinkKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[link key]")) }

// MarshalText tells nothing; JSON asks it.
func (LinkKey) MarshalText() ([]byte, error) { return []byte("[link key]"), nil }

// LinkMember is one job of a link and where its rig is.
type LinkMember struct {
	Peer  string   `cbor:"1,keyasint"` // the rig's peer ID
	Addrs []string `cbor:"2,keyasint"` // multiaddrs without /p2p
	Job   Hash     `cbor:"3,keyasint"`
}

// Link tells a rig all members of its job's link, in the order of their ranks
// (requester → rig).
type Link struct {
	Members []LinkMember `cbor:"1,keyasint"`
}

// Type implements Message.
func (*Link) Type() MessageType { return TypeLink }

func (m *Link) check() error {
	if n := len(m.Members); n < 2 || n > MaxLinkMembers {
		return fieldErr("link.members", fmt.Sprintf("2 to %d", MaxLinkMembers), n)
	}
	jobs, peers := map[Hash]bool{}, map[string]bool{}
	for i, member := range m.Members {
		at := fmt.Sprintf("link.members[%d]", i)
		if member.Peer == "" || len(member.Peer) > MaxNameBytes {
			return fieldErr(at+".peer", "a peer ID", member.Peer)
		}
		if jobs[member.Job] || peers[member.Peer] {
			return &FieldError{Field: at, Limit: "another job on another rig than each of the others"}
		}
		jobs[member.Job], peers[member.Peer] = true, true
		if err := checkLen(at+".addrs", len(member.Addrs), MaxAddrs); err != nil {
			return err
		}
		for _, a := range member.Addrs {
			if err := checkLen(at+".addrs", len(a), MaxAddrBytes); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkLink holds a job's place in a link to what there is.
func (s *JobSpec) checkLink() error {
	switch l := s.Link; {
	case l == nil:
	case EngineFamily(s.Engine) != EngineContainer || s.Kind != KindTask:
		return &FieldError{Field: "spec.link", Limit: "of a container's task only"}
	case l.Size < 2 || l.Size > MaxLinkMembers:
		return fieldErr("spec.link.size", fmt.Sprintf("2 to %d", MaxLinkMembers), l.Size)
	case l.Rank >= l.Size:
		return fieldErr("spec.link.rank", fmt.Sprintf("0 to %d", l.Size-1), l.Rank)
	}
	return nil
}

// LinkOpen asks for a connection from one member of a link to a port of another: the first
// frame of a stream between their rigs, answered by a Dialed.
type LinkOpen struct {
	Version uint8      `cbor:"1,keyasint"`
	From    Hash       `cbor:"2,keyasint"` // job
	To      Hash       `cbor:"3,keyasint"` // job
	Port    uint16     `cbor:"4,keyasint"`
	Proof   Hash       `cbor:"5,keyasint"` // LinkProof
	Crit    Extensions `cbor:"6,keyasint"`
	Opt     Extensions `cbor:"7,keyasint"`
}

// Check applies the limits of SPEC §5.8.
func (o *LinkOpen) Check() error {
	if o.Version != Version {
		return fieldErr("link_open.version", fmt.Sprint(Version), o.Version)
	}
	if o.Port == 0 {
		return fieldErr("link_open.port", "1 to 65535", o.Port)
	}
	return checkExtensions("link_open", o.Crit, o.Opt)
}

// DecodeLinkOpen reads and checks a LinkOpen from a peer.
func DecodeLinkOpen(b []byte) (*LinkOpen, error) {
	o := new(LinkOpen)
	if err := decodeSmall(b, "link_open", o); err != nil {
		return nil, err
	}
	return o, o.Check()
}

// LinkProof shows the key of a link without telling it, for one connection between the rigs
// with these peer IDs: whoever else sees it can do nothing with it.
func LinkProof(key LinkKey, fromPeer, toPeer string, o *LinkOpen) Hash {
	h := hmac.New(sha256.New, key)
	for _, text := range []string{"rerig link 1", fromPeer, toPeer} {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	h.Write(o.From[:])
	h.Write(o.To[:])
	h.Write(binary.BigEndian.AppendUint16(nil, o.Port))
	return Hash(h.Sum(nil))
}

// Proved tells whether a connection was asked for by somebody who has the key.
func (o *LinkOpen) Proved(key LinkKey, fromPeer, toPeer string) bool {
	want := LinkProof(key, fromPeer, toPeer, o)
	return len(key) == LinkKeyBytes && hmac.Equal(want[:], o.Proof[:])
}
