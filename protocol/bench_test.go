package protocol

import "testing"

func BenchmarkVoucherSign(b *testing.B) {
	v, d, key := exampleVoucher(), exampleDomain(), testKey("requester")
	for b.Loop() {
		if _, err := SignVoucher(v, d, key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVoucherVerify(b *testing.B) {
	d, ch := exampleDomain(), exampleChannel()
	v := must(SignVoucher(exampleVoucher(), d, testKey("requester")))
	for b.Loop() {
		if err := v.Verify(d, ch, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceiptSign(b *testing.B) {
	r, d, key := exampleReceipt(), exampleDomain(), testKey("rig")
	for b.Loop() {
		if _, err := key.Sign(r.Digest(d)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceiptVerify(b *testing.B) {
	r, d, rig := exampleReceipt(), exampleDomain(), testAddr("rig")
	sig := sign(testKey("rig"), r.Digest(d))
	for b.Loop() {
		if _, err := CheckSignature("receipt", r.Digest(d), sig, rig); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOfferVerify(b *testing.B) {
	s := must(SignOffer(exampleOffer(), testKey("rig")))
	for b.Loop() {
		if _, err := s.Verify("local", epoch0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(s.Offer)), "bytes")
}

func BenchmarkMessageEncode(b *testing.B) {
	for _, m := range exampleMessages() {
		b.Run(typeName(m), func(b *testing.B) {
			for b.Loop() {
				if _, err := EncodeMessage(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMessageDecode(b *testing.B) {
	for _, m := range exampleMessages() {
		raw := must(EncodeMessage(m))
		b.Run(typeName(m), func(b *testing.B) {
			for b.Loop() {
				if _, err := DecodeMessage(raw); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(raw)), "bytes")
		})
	}
}

func BenchmarkStep(b *testing.B) {
	a := exampleAgreement()
	p, _ := pairWith(a, 0, 1)
	p.step(RoleRig, acceptIn{})
	for _, ev := range []Event{FundingSeen{a.MaxTotal}, SlotFree{}, Staged{}} {
		p.step(RoleRig, ev)
	}
	for b.Loop() {
		if _, _, err := p.rig.Step(Measured{Units: 1000}, epoch0); err != nil {
			b.Fatal(err)
		}
	}
}

func typeName(m Message) string {
	return [...]string{"", "QuoteRequest", "Quote", "Refusal", "Accept", "Status", "Output", "Receipt", "Voucher", "Result", "Stop", "Settled", "Link", "Checkpoint"}[m.Type()]
}
