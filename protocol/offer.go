package protocol

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// Market is where a rig accepts payment: one token held by one escrow on one chain.
type Market struct {
	Domain Domain  `cbor:"1,keyasint" json:"domain"`
	Token  Address `cbor:"2,keyasint" json:"token"`
}

// GPU is a group of equal cards. Simulated cards are labelled as such in every
// output and never run a real GPU job (SPEC §4.2).
type GPU struct {
	Model     string `cbor:"1,keyasint" json:"model"`
	VRAMMiB   uint32 `cbor:"2,keyasint" json:"vram_mib"`
	Count     uint8  `cbor:"3,keyasint" json:"count"`
	Simulated bool   `cbor:"4,keyasint" json:"simulated"`
}

// Hardware is what a rig's self-test proved it has.
type Hardware struct {
	CPU       string `cbor:"1,keyasint" json:"cpu"`
	Cores     uint16 `cbor:"2,keyasint" json:"cores"`
	MemoryMiB uint32 `cbor:"3,keyasint" json:"memory_mib"`
	DiskMiB   uint32 `cbor:"4,keyasint" json:"disk_mib"`
	GPUs      []GPU  `cbor:"5,keyasint" json:"gpus"`
}

// VRAMMiB is the memory of the rig's largest card in MiB; 0 without cards.
func (h Hardware) VRAMMiB() uint32 {
	var most uint32
	for _, g := range h.GPUs {
		most = max(most, g.VRAMMiB)
	}
	return most
}

// Cards is how many of the rig's cards have at least so many MiB.
func (h Hardware) Cards(vramMiB uint32) (n int) {
	for _, g := range h.GPUs {
		if g.VRAMMiB >= vramMiB {
			n += int(g.Count)
		}
	}
	return n
}

// Offer is what a rig sells, for minutes (SPEC §4.2). Its signature is the rig's,
// under the domain of its first market; the rig's public key, and so its peer ID,
// is recovered from the signature.
type Offer struct {
	Version   uint8      `cbor:"1,keyasint" json:"version"`
	Network   string     `cbor:"2,keyasint" json:"network"`
	Rig       Address    `cbor:"3,keyasint" json:"rig"`
	Payee     Address    `cbor:"4,keyasint" json:"payee"`
	Seq       uint64     `cbor:"5,keyasint" json:"seq"`
	Issued    uint64     `cbor:"6,keyasint" json:"issued"`  // unix milliseconds
	Expires   uint64     `cbor:"7,keyasint" json:"expires"` // unix milliseconds
	Addrs     []string   `cbor:"8,keyasint" json:"addrs"`   // multiaddrs without /p2p
	Markets   []Market   `cbor:"9,keyasint" json:"markets"`
	Prices    []Price    `cbor:"10,keyasint" json:"prices"`
	Engines   []string   `cbor:"11,keyasint" json:"engines"`
	Models    []Served   `cbor:"12,keyasint" json:"models"`
	Hardware  Hardware   `cbor:"13,keyasint" json:"hardware"`
	Region    string     `cbor:"14,keyasint" json:"region"`
	Slots     uint16     `cbor:"15,keyasint" json:"slots"`
	FreeSlots uint16     `cbor:"16,keyasint" json:"free_slots"`
	TickUnits uint64     `cbor:"17,keyasint" json:"tick_units"`
	Egress    bool       `cbor:"18,keyasint" json:"egress"`
	Crit      Extensions `cbor:"19,keyasint" json:"crit,omitempty"`
	Opt       Extensions `cbor:"20,keyasint" json:"opt,omitempty"`
}

// SignedOffer is an offer's exact bytes and the rig's signature over them.
type SignedOffer struct {
	Offer     []byte    `cbor:"1,keyasint"`
	Signature Signature `cbor:"2,keyasint"`
}

// VerifiedOffer is an offer whose form, signature and time were checked.
type VerifiedOffer struct {
	Offer
	Key    PublicKey
	Signed SignedOffer
}

var offerType = Keccak([]byte("Offer(address rig,uint64 seq,uint64 issued,uint64 expires,bytes32 body)"))

func (o *Offer) digest(body []byte) Hash {
	sum := Keccak(body)
	return o.Markets[0].Domain.digest(structHash(offerType,
		wordAddr(o.Rig), wordUint(o.Seq), wordUint(o.Issued), wordUint(o.Expires), sum[:]))
}

// SignOffer checks the offer and signs it with the rig's key.
func SignOffer(o Offer, key Signer) (SignedOffer, error) {
	if err := o.check(); err != nil {
		return SignedOffer{}, err
	}
	if key.Address() != o.Rig {
		return SignedOffer{}, fieldErr("offer.rig", "the signing key's address", o.Rig)
	}
	if err := o.tellImages(); err != nil {
		return SignedOffer{}, err
	}
	body, err := Encode(o)
	if err != nil {
		return SignedOffer{}, err
	}
	if err := checkLen("offer", len(body), MaxOfferBytes); err != nil {
		return SignedOffer{}, err
	}
	sig, err := key.Sign(o.digest(body))
	if err != nil {
		return SignedOffer{}, fmt.Errorf("sign offer: %w", err)
	}
	return SignedOffer{Offer: body, Signature: sig}, nil
}

// Verify decodes and checks the offer, its signature, its network and, against
// now, its life.
func (s SignedOffer) Verify(network string, now time.Time) (*VerifiedOffer, error) {
	if err := checkLen("offer", len(s.Offer), MaxOfferBytes); err != nil {
		return nil, err
	}
	v := &VerifiedOffer{Signed: s}
	if err := Decode(s.Offer, &v.Offer); err != nil {
		return nil, fmt.Errorf("offer: %w", err)
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	if v.Network != network {
		return nil, fieldErr("offer.network", fmt.Sprintf("%q", network), v.Network)
	}
	if err := v.checkTime(now); err != nil {
		return nil, err
	}
	pub, err := CheckSignature("offer.signature", v.digest(s.Offer), s.Signature, v.Rig)
	if err != nil {
		return nil, err
	}
	v.Key = pub
	if err := v.readImages(); err != nil {
		return nil, err
	}
	return v, nil
}

// OfferReason is the reason code for an error of Verify (SPEC §6.5).
func OfferReason(err error) Reason {
	var crit *CriticalExtensionError
	if errors.As(err, &crit) {
		return ReasonVersion
	}
	var field *FieldError
	if !errors.As(err, &field) {
		return ReasonMalformed
	}
	switch field.Field {
	case "offer.version":
		return ReasonVersion
	case "offer.network":
		return ReasonNetwork
	case "offer.expires", "offer.issued":
		return ReasonOfferExpired
	case "offer.signature", "signature":
		return ReasonBadSignature
	}
	return ReasonMalformed
}

func (o *Offer) checkTime(now time.Time) error {
	ms := uint64(now.UnixMilli())
	switch {
	case o.Expires <= ms:
		return fieldErr("offer.expires", fmt.Sprintf("after %d", ms), o.Expires)
	case o.Issued > ms+uint64(MaxClockSkew.Milliseconds()):
		return fieldErr("offer.issued", "not in the future (check the clock)", o.Issued)
	case o.Expires <= o.Issued || o.Expires-o.Issued > uint64(MaxOfferLife.Milliseconds()):
		return fieldErr("offer.expires", "within "+MaxOfferLife.String()+" of issued", o.Expires)
	}
	return nil
}

func (o *Offer) check() error {
	if o.Version != Version {
		return fieldErr("offer.version", fmt.Sprint(Version), o.Version)
	}
	if o.Rig.IsZero() || o.Payee.IsZero() {
		return fieldErr("offer.rig and offer.payee", "not zero", o.Rig)
	}
	if len(o.Markets) == 0 || len(o.Prices) == 0 || len(o.Engines) == 0 {
		return fieldErr("offer", "at least one market, price and engine", len(o.Markets))
	}
	for _, l := range []struct {
		field    string
		n, limit int
	}{
		{"offer.addrs", len(o.Addrs), MaxAddrs}, {"offer.markets", len(o.Markets), MaxMarkets},
		{"offer.prices", len(o.Prices), MaxPrices}, {"offer.engines", len(o.Engines), MaxEngines},
		{"offer.models", len(o.Models), MaxModels}, {"offer.hardware.gpus", len(o.Hardware.GPUs), MaxGPUs},
	} {
		if err := checkLen(l.field, l.n, l.limit); err != nil {
			return err
		}
	}
	if err := o.checkTexts(); err != nil {
		return err
	}
	for i, p := range o.Prices {
		if !p.Unit.Valid() {
			return fieldErr(fmt.Sprintf("offer.prices[%d].unit", i), "a unit of SPEC §5.4", p.Unit)
		}
	}
	for i, m := range o.Models {
		if err := m.check(fmt.Sprintf("offer.models[%d]", i)); err != nil {
			return err
		}
	}
	if o.TickUnits == 0 || o.TickUnits > MaxTickUnits {
		return fieldErr("offer.tick_units", fmt.Sprintf("1 to %d", uint64(MaxTickUnits)), o.TickUnits)
	}
	return checkExtensions("offer", o.Crit, o.Opt)
}

func (o *Offer) checkTexts() error {
	for _, t := range []struct{ field, text string }{
		{"offer.network", o.Network}, {"offer.region", o.Region}, {"offer.hardware.cpu", o.Hardware.CPU},
	} {
		if err := checkText(t.field, t.text, MaxNameBytes); err != nil {
			return err
		}
	}
	gpus := make([]string, len(o.Hardware.GPUs))
	for i, g := range o.Hardware.GPUs {
		gpus[i] = g.Model
	}
	for _, l := range []struct {
		field string
		list  []string
		each  int
	}{
		{"offer.addrs", o.Addrs, MaxAddrBytes}, {"offer.engines", o.Engines, MaxNameBytes},
		{"offer.hardware.gpus.model", gpus, MaxNameBytes},
	} {
		for i, text := range l.list {
			if err := checkText(fmt.Sprintf("%s[%d]", l.field, i), text, l.each); err != nil {
				return err
			}
		}
	}
	return nil
}

// Price finds the price of a unit.
func (o *Offer) Price(u Unit) (Price, bool) {
	for _, p := range o.Prices {
		if p.Unit == u {
			return p, true
		}
	}
	return Price{}, false
}

// ID is a short content hash of the signed bytes, to tell two offers apart.
func (s SignedOffer) ID() Hash { return sha256.Sum256(s.Offer) }
