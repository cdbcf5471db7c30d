package protocol

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"pgregory.net/rapid"
)

// TestHighSRefused: every signature has a twin with n−s that recovers the same
// key; only the lower one counts (SPEC §2.3).
func TestHighSRefused(t *testing.T) {
	digest := testHash("digest")
	low := sign(testKey("rig"), digest)
	var s secp256k1.ModNScalar
	tail := low
	tail[32] &= 0x7f
	s.SetByteSlice(tail[32:])
	s.Negate()
	high := low
	b := s.Bytes()
	if b[0]&0x80 != 0 {
		// EIP-2098 has no room for the bit: such an s cannot even be written.
		b[0] &= 0x7f
	}
	copy(high[32:], b[:])
	high[32] |= ^low[32] & 0x80
	if pub, err := Recover(digest, high); err == nil && pub == testKey("rig").Public() {
		t.Error("the twin with a high s was accepted")
	}
	half := low // the smallest s over half the order
	copy(half[32:], unhexed(t, "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1"))
	_, err := Recover(digest, half)
	wantField(t, err, "signature", "lower half order")
	copy(half[32:], unhexed(t, "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"))
	if _, err := Recover(digest, half); err != nil && strings.Contains(err.Error(), "half") {
		t.Errorf("the largest allowed s: %v", err)
	}
}

func TestSignaturesThatAreNone(t *testing.T) {
	digest := testHash("digest")
	order := unhexed(t, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	good := sign(testKey("rig"), digest)
	for name, sig := range map[string]Signature{
		"zero":   {},
		"zero r": func() (s Signature) { copy(s[32:], good[32:]); return }(),
		"zero s": func() (s Signature) { copy(s[:32], good[:32]); return }(),
		"r of the group order": func() (s Signature) {
			s = good
			copy(s[:32], order)
			return
		}(),
		"all ones": func() (s Signature) {
			for i := range s {
				s[i] = 0xff
			}
			return
		}(),
	} {
		if _, err := Recover(digest, sig); err == nil {
			t.Errorf("%s: recovered a key", name)
		}
		if _, err := CheckSignature("x", digest, sig, testAddr("rig")); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestSignatureProperties: a signature is by its key over its digest and nothing else.
func TestSignatureProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scalar := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "scalar")
		key, err := KeyFromBytes(scalar)
		if err != nil {
			t.Skip("not a key")
		}
		var digest Hash
		copy(digest[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest"))
		sig := sign(key, digest)
		pub, err := CheckSignature("x", digest, sig, key.Address())
		if err != nil || pub != key.Public() {
			t.Fatalf("own signature: %v", err)
		}
		bit := rapid.IntRange(0, 511).Draw(t, "bit")
		tampered := sig
		tampered[bit/8] ^= 1 << (bit % 8)
		if _, err := CheckSignature("x", digest, tampered, key.Address()); err == nil {
			t.Fatalf("signature accepted with bit %d flipped", bit)
		}
		digest[bit%32] ^= 1
		if _, err := CheckSignature("x", digest, sig, key.Address()); err == nil {
			t.Fatal("signature accepted over another digest")
		}
	})
}

// TestVoucherReplay: a voucher is good on one chain, in one contract, channel and
// epoch, and for one amount (SPEC §7.2).
func TestVoucherReplay(t *testing.T) {
	d, ch := exampleDomain(), exampleChannel()
	signed := must(SignVoucher(exampleVoucher(), d, testKey("requester")))
	if err := signed.Verify(d, ch, 1); err != nil {
		t.Fatal(err)
	}
	otherChain, otherEscrow := d, d
	otherChain.ChainID++
	otherEscrow.Escrow[19] ^= 1
	wantField(t, signed.Verify(otherChain, ch, 1), "voucher.signature", "signed by")
	wantField(t, signed.Verify(otherEscrow, ch, 1), "voucher.signature", "signed by")
	wantField(t, signed.Verify(d, ch, 2), "voucher.epoch", "2")
	for i, change := range []func(*Channel){
		func(c *Channel) { c.Payer[0] ^= 1 }, func(c *Channel) { c.Signer[0] ^= 1 }, func(c *Channel) { c.Payee[0] ^= 1 },
		func(c *Channel) { c.Operator[0] ^= 1 }, func(c *Channel) { c.Token[0] ^= 1 },
	} {
		other := ch
		change(&other)
		wantField(t, signed.Verify(d, other, 1), "voucher.channel", other.ID().String())
		moved := signed
		moved.Voucher.Channel = other.ID()
		if moved.Verify(d, other, 1) == nil {
			t.Errorf("change %d: replayed into another channel", i)
		}
	}
	raised, later := signed, signed
	raised.Voucher.Cumulative = NewAmount(2_501)
	later.Voucher.Epoch = 2
	wantField(t, raised.Verify(d, ch, 1), "voucher.signature", "signed by")
	wantField(t, later.Verify(d, ch, 2), "voucher.signature", "signed by")
	stranger := must(SignVoucher(exampleVoucher(), d, testKey("stranger")))
	wantField(t, stranger.Verify(d, ch, 1), "voucher.signature", "signed by "+ch.Signer.String())
	v := exampleVoucher()
	if (Close{v.Channel, v.Epoch, v.Cumulative}).Digest(d) == v.Digest(d) {
		t.Error("a voucher is a consent to close")
	}
}

// TestEveryFieldIsSigned changes each field of each signed structure; the digest
// must change with it.
func TestEveryFieldIsSigned(t *testing.T) {
	a := exampleAgreement()
	r := exampleReceipt()
	digests := map[Hash]string{a.ID(): "agreement", r.Digest(a.Domain): "receipt"}
	add := func(name string, h Hash) {
		if other, taken := digests[h]; taken {
			t.Errorf("%s has the digest of %s", name, other)
		}
		digests[h] = name
	}
	for i, change := range []func(*Agreement){
		func(a *Agreement) { a.Domain.ChainID++ }, func(a *Agreement) { a.Domain.Escrow[0]++ }, func(a *Agreement) { a.Requester[0]++ },
		func(a *Agreement) { a.Rig[0]++ }, func(a *Agreement) { a.Channel[0]++ }, func(a *Agreement) { a.SpecHash[0]++ },
		func(a *Agreement) { a.Price.Unit = UnitTokenIn }, func(a *Agreement) { a.Price.PerMillion = NewAmount(9) },
		func(a *Agreement) { a.TickUnits++ }, func(a *Agreement) { a.MaxTotal = NewAmount(9) }, func(a *Agreement) { a.QuotedAt++ },
		func(a *Agreement) { a.AcceptBy++ }, func(a *Agreement) { a.Deadline++ }, func(a *Agreement) { a.Nonce[0]++ },
		func(a *Agreement) { a.Tier++ }, func(a *Agreement) { a.ClassHash[0]++ }, func(a *Agreement) { a.Audit[0]++ },
		func(a *Agreement) { a.JobSeed[0]++ }, func(a *Agreement) { a.Checkpoint[0]++ }, func(a *Agreement) { a.Gang[0]++ },
		func(a *Agreement) { a.GangRank++ }, func(a *Agreement) { a.GangSize++ },
	} {
		c := a
		change(&c)
		add(fmt.Sprintf("agreement change %d", i), c.ID())
	}
	for i, change := range []func(*Receipt){
		func(r *Receipt) { r.Job[0]++ }, func(r *Receipt) { r.Seq++ }, func(r *Receipt) { r.Units++ }, func(r *Receipt) { r.Output[0]++ },
		func(r *Receipt) { r.Trace[0]++ }, func(r *Receipt) { r.Prev[0]++ }, func(r *Receipt) { r.Final = true }, func(r *Receipt) { r.ExitCode++ },
	} {
		c := r
		change(&c)
		add(fmt.Sprintf("receipt change %d", i), c.Digest(a.Domain))
	}
	c := r
	add("receipt on another chain", c.Digest(Domain{a.Domain.ChainID + 1, a.Domain.Escrow}))
}

func TestOfferTime(t *testing.T) {
	for _, c := range []struct {
		name            string
		issued, expires time.Duration // from now
		field, limit    string        // "" passes
	}{
		{"fresh", 0, 15 * time.Minute, "", ""},
		{"last millisecond", -time.Minute, time.Millisecond, "", ""},
		{"expired now", -time.Minute, 0, "offer.expires", "after"},
		{"expired long ago", -20 * time.Minute, -10 * time.Minute, "offer.expires", "after"},
		{"issued ahead within the skew", MaxClockSkew, 15 * time.Minute, "", ""},
		{"issued in the future", MaxClockSkew + time.Millisecond, 15 * time.Minute, "offer.issued", "check the clock"},
		{"longest life", 0, MaxOfferLife, "", ""},
		{"lives too long", 0, MaxOfferLife + time.Millisecond, "offer.expires", "within 30m"},
		{"ends before it begins", time.Minute, 30 * time.Second, "offer.expires", "within"},
	} {
		o := exampleOffer()
		o.Issued, o.Expires = millis(epoch0.Add(c.issued)), millis(epoch0.Add(c.expires))
		_, err := must(SignOffer(o, testKey("rig"))).Verify("local", epoch0)
		if c.field == "" && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.field != "" {
			wantField(t, err, c.field, c.limit)
		}
	}
}

func TestOfferSignature(t *testing.T) {
	signed := must(SignOffer(exampleOffer(), testKey("rig")))
	v, err := signed.Verify("local", epoch0)
	if err != nil {
		t.Fatal(err)
	}
	if v.Key != testKey("rig").Public() || v.Rig != testAddr("rig") {
		t.Errorf("recovered %x", v.Key)
	}
	_, err = signed.Verify("main", epoch0)
	wantField(t, err, "offer.network", `"main"`)

	_, err = SignOffer(exampleOffer(), testKey("stranger"))
	wantField(t, err, "offer.rig", "signing key")
	o := exampleOffer()
	forged := SignedOffer{signed.Offer, sign(testKey("stranger"), o.digest(signed.Offer))}
	_, err = forged.Verify("local", epoch0)
	wantField(t, err, "offer.signature", "signed by "+testAddr("rig").String())

	o.Prices[0].PerMillion = NewAmount(1) // somebody sweetens the offer
	_, err = SignedOffer{must(Encode(o)), signed.Signature}.Verify("local", epoch0)
	wantField(t, err, "offer.signature", "signed by")
	o = exampleOffer()
	o.Markets[0].Domain.ChainID++
	_, err = SignedOffer{must(Encode(o)), signed.Signature}.Verify("local", epoch0)
	wantField(t, err, "offer.signature", "signed by")

	var f *FieldError
	if _, err := (SignedOffer{}).Verify("local", epoch0); errors.As(err, &f) && f.Field == "offer.signature" {
		t.Errorf("an empty offer got as far as its signature: %v", err)
	}
}

func TestKeyNeverPrints(t *testing.T) {
	key := testKey("rig")
	secret := fmt.Sprintf("%x", key.Bytes())
	decimal := fmt.Sprintf("%d", key.Bytes())
	type holder struct {
		Key    *Key
		Signer Signer
		Value  Key
		inside *Key
		hidden Key
	}
	h := holder{key, key, *key, key, *key}
	for _, v := range []any{key, *key, &h, h, *h.inside, h.hidden, []*Key{key}, []Key{*key}, map[string]Key{"k": *key}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			out := strings.ToLower(fmt.Sprintf(format, v))
			if strings.Contains(strings.ReplaceAll(out, " ", ""), secret) || strings.Contains(out, strings.Trim(decimal, "[]")) ||
				leaksWords(out, key) {
				t.Errorf("%s of %T prints the key", format, v)
			}
		}
	}
	for _, s := range []string{fmt.Sprint(key), fmt.Sprintf("%+v", key), fmt.Sprintf("%#v", key), fmt.Sprintf("%v", *key)} {
		if s != key.Address().String() {
			t.Errorf("a key prints as %s, want its address", s)
		}
	}
	for _, bad := range [][]byte{nil, key.Bytes()[:31], append(key.Bytes(), 1), make([]byte, 32), unhexed(t, strings.Repeat("ff", 32))} {
		_, err := KeyFromBytes(bad)
		if err == nil || len(bad) > 0 && strings.Contains(err.Error(), fmt.Sprintf("%x", bad[:4])) {
			t.Errorf("a key of %d bytes: %v", len(bad), err)
		}
	}
}

// leaksWords looks for the scalar in the eight 32-bit words that the library
// keeps it in, which %v of an unprotected struct would print.
func leaksWords(out string, key *Key) bool {
	b := key.Bytes()
	word := uint32(b[28])<<24 | uint32(b[29])<<16 | uint32(b[30])<<8 | uint32(b[31])
	return strings.Contains(out, fmt.Sprint(word)) || strings.Contains(out, fmt.Sprintf("%x", word))
}
