package protocol

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// VRAMClasses are the lower bounds in MiB of the capability buckets (SPEC §4.3).
// A rig publishes in the bucket of its largest card; a requester asks its own
// bucket and every larger one.
var VRAMClasses = []uint32{0, 4 << 10, 6 << 10, 8 << 10, 12 << 10, 16 << 10, 24 << 10}

// VRAMClass is the index in VRAMClasses of a card with so many MiB.
func VRAMClass(mib uint32) int {
	c := 0
	for i, low := range VRAMClasses {
		if mib >= low {
			c = i
		}
	}
	return c
}

// CellKey is the Kademlia key under which offers of one class are kept:
// SHA-256(network ‖ "/idx/1" ‖ epoch seed ‖ class ‖ shard ‖ salt) (SPEC §4.3).
func CellKey(network string, epochSeed Hash, class int, shard uint32, salt uint8) Hash {
	var tail [9]byte
	binary.BigEndian.PutUint32(tail[0:], uint32(class))
	binary.BigEndian.PutUint32(tail[4:], shard)
	tail[8] = salt
	h := sha256.New()
	h.Write([]byte(network + "/idx/1"))
	h.Write(epochSeed[:])
	h.Write(tail[:])
	return Hash(h.Sum(nil))
}

// IndexPut asks an index node to keep an offer.
type IndexPut struct {
	Key   Hash        `cbor:"1,keyasint"`
	Offer SignedOffer `cbor:"2,keyasint"`
}

// IndexFind asks an index node for offers that fit.
type IndexFind struct {
	Key    Hash   `cbor:"1,keyasint"`
	Filter Filter `cbor:"2,keyasint"`
	Limit  uint16 `cbor:"3,keyasint"`
}

// IndexRequest is the one request on an index stream: exactly one field is set.
type IndexRequest struct {
	Version uint8      `cbor:"1,keyasint"`
	Put     *IndexPut  `cbor:"2,keyasint"`
	Find    *IndexFind `cbor:"3,keyasint"`
	Crit    Extensions `cbor:"4,keyasint"`
	Opt     Extensions `cbor:"5,keyasint"`
}

// IndexStatus is an index node's verdict.
type IndexStatus string

// Index answers (SPEC §4.4).
const (
	IndexOK     IndexStatus = "ok"
	IndexFull   IndexStatus = "full"   // the cell or the node holds its cap
	IndexStale  IndexStatus = "stale"  // a newer offer of this rig is here
	IndexBad    IndexStatus = "bad"    // the request or the offer broke a rule
	IndexSlower IndexStatus = "slower" // too many requests from this peer
)

// PeerHint is a peer closer to the key, with addresses to dial it.
type PeerHint struct {
	ID    []byte   `cbor:"1,keyasint"` // libp2p peer ID bytes
	Addrs []string `cbor:"2,keyasint"`
}

// SkipCount says how many offers of the cell did not fit, by first reason.
type SkipCount struct {
	Reason Reason `cbor:"1,keyasint" json:"reason"`
	Detail string `cbor:"2,keyasint" json:"detail"` // of one example
	Count  uint32 `cbor:"3,keyasint" json:"count"`
}

// IndexReply answers one IndexRequest.
type IndexReply struct {
	Version uint8         `cbor:"1,keyasint"`
	Status  IndexStatus   `cbor:"2,keyasint"`
	Detail  string        `cbor:"3,keyasint"`
	Offers  []SignedOffer `cbor:"4,keyasint"`
	Closer  []PeerHint    `cbor:"5,keyasint"`
	Skipped []SkipCount   `cbor:"6,keyasint"`
	Crit    Extensions    `cbor:"7,keyasint"`
	Opt     Extensions    `cbor:"8,keyasint"`
}

// DecodeIndexRequest reads and bounds a request from a peer.
func DecodeIndexRequest(b []byte) (*IndexRequest, error) {
	if err := checkLen("index request", len(b), MaxIndexFrame); err != nil {
		return nil, err
	}
	r := new(IndexRequest)
	if err := Decode(b, r); err != nil {
		return nil, fmt.Errorf("index request: %w", err)
	}
	if r.Version != Version {
		return nil, fieldErr("index.version", fmt.Sprint(Version), r.Version)
	}
	if (r.Put == nil) == (r.Find == nil) {
		return nil, &FieldError{Field: "index", Limit: "exactly one of put and find"}
	}
	if r.Put != nil {
		if err := checkLen("index.put.offer", len(r.Put.Offer.Offer), MaxOfferBytes); err != nil {
			return nil, err
		}
	}
	if r.Find != nil {
		if r.Find.Limit == 0 || r.Find.Limit > MaxFindLimit {
			return nil, fieldErr("index.find.limit", fmt.Sprintf("1 to %d", MaxFindLimit), r.Find.Limit)
		}
		if err := r.Find.Filter.Check(); err != nil {
			return nil, err
		}
	}
	return r, checkExtensions("index", r.Crit, r.Opt)
}

// DecodeIndexReply reads and bounds a reply from a peer. Offers inside are not
// yet verified.
func DecodeIndexReply(b []byte) (*IndexReply, error) {
	if err := checkLen("index reply", len(b), MaxIndexFrame); err != nil {
		return nil, err
	}
	r := new(IndexReply)
	if err := Decode(b, r); err != nil {
		return nil, fmt.Errorf("index reply: %w", err)
	}
	if r.Version != Version {
		return nil, fieldErr("index.version", fmt.Sprint(Version), r.Version)
	}
	if err := r.checkLists(); err != nil {
		return nil, err
	}
	return r, checkExtensions("index", r.Crit, r.Opt)
}

func (r *IndexReply) checkLists() error {
	for _, l := range []struct {
		field    string
		n, limit int
	}{
		{"index.status", len(r.Status), MaxNameBytes},
		{"index.detail", len(r.Detail), MaxDetailBytes}, {"index.offers", len(r.Offers), MaxFindLimit},
		{"index.closer", len(r.Closer), MaxCloserPeers}, {"index.skipped", len(r.Skipped), MaxSkipped},
	} {
		if err := checkLen(l.field, l.n, l.limit); err != nil {
			return err
		}
	}
	for i, o := range r.Offers {
		if err := checkLen(fmt.Sprintf("index.offers[%d]", i), len(o.Offer), MaxOfferBytes); err != nil {
			return err
		}
	}
	for i, s := range r.Skipped {
		if err := checkReason(fmt.Sprintf("index.skipped[%d]", i), s.Reason, s.Detail); err != nil {
			return err
		}
	}
	for i, c := range r.Closer {
		at := fmt.Sprintf("index.closer[%d]", i)
		if err := checkLen(at+".id", len(c.ID), MaxAddrBytes); err != nil {
			return err
		}
		if err := checkStrings(at+".addrs", c.Addrs, MaxAddrs, MaxAddrBytes); err != nil {
			return err
		}
	}
	return nil
}
