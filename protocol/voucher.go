package protocol

// Channel describes a payment channel; its hash is the channel's ID in the
// escrow (SPEC §7.1). Payee gets all money; Operator (the rig's key) may only
// consent to an early close; Signer signs vouchers for the payer.
type Channel struct {
	Payer    Address `cbor:"1,keyasint" json:"payer"`
	Signer   Address `cbor:"2,keyasint" json:"signer"`
	Payee    Address `cbor:"3,keyasint" json:"payee"`
	Operator Address `cbor:"4,keyasint" json:"operator"`
	Token    Address `cbor:"5,keyasint" json:"token"`
}

// ID is keccak256(abi.encode(payer, signer, payee, operator, token)).
func (c Channel) ID() Hash {
	return Keccak(wordAddr(c.Payer), wordAddr(c.Signer), wordAddr(c.Payee), wordAddr(c.Operator), wordAddr(c.Token))
}

// Voucher promises that Cumulative base units in all of this epoch of the channel
// may go to its payee. The highest voucher wins (SPEC §7.2).
type Voucher struct {
	Channel    Hash   `cbor:"1,keyasint" json:"channel"`
	Epoch      uint32 `cbor:"2,keyasint" json:"epoch"`
	Cumulative Amount `cbor:"3,keyasint" json:"cumulative"`
}

// SignedVoucher is a voucher with its channel's signer's signature.
type SignedVoucher struct {
	Voucher   Voucher   `cbor:"1,keyasint" json:"voucher"`
	Signature Signature `cbor:"2,keyasint" json:"signature"`
}

// Close is the operator's consent that the channel ends now with so much paid.
type Close struct {
	Channel         Hash
	Epoch           uint32
	FinalCumulative Amount
}

var (
	voucherType = Keccak([]byte("Voucher(bytes32 channelId,uint32 epoch,uint96 cumulative)"))
	closeType   = Keccak([]byte("Close(bytes32 channelId,uint32 epoch,uint96 finalCumulative)"))
)

// Digest is what the channel's signer signs.
func (v Voucher) Digest(d Domain) Hash {
	return d.digest(structHash(voucherType, v.Channel[:], wordUint(uint64(v.Epoch)), wordAmount(v.Cumulative)))
}

// Digest is what the channel's operator signs.
func (c Close) Digest(d Domain) Hash {
	return d.digest(structHash(closeType, c.Channel[:], wordUint(uint64(c.Epoch)), wordAmount(c.FinalCumulative)))
}

// SignVoucher signs v under the domain.
func SignVoucher(v Voucher, d Domain, key Signer) (SignedVoucher, error) {
	sig, err := key.Sign(v.Digest(d))
	return SignedVoucher{v, sig}, err
}

// Verify checks that the voucher is for this channel and epoch and by its signer.
func (s SignedVoucher) Verify(d Domain, ch Channel, epoch uint32) error {
	if id := ch.ID(); s.Voucher.Channel != id {
		return fieldErr("voucher.channel", id.String(), s.Voucher.Channel)
	}
	if s.Voucher.Epoch != epoch {
		return fieldErr("voucher.epoch", uintText(epoch), s.Voucher.Epoch)
	}
	_, err := CheckSignature("voucher.signature", s.Voucher.Digest(d), s.Signature, ch.Signer)
	return err
}

func uintText(v uint32) string { return NewAmount(uint64(v)).String() }
