package protocol

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

const eip712File = "testdata/eip712.json"

// eip712Vectors is testdata/eip712.json (SPEC §11). Numbers are decimal strings and
// a message's keys are the names of its EIP-712 type, so that any typed-data
// library can take an entry as it is.
type eip712Vectors struct {
	Keys     []keyVector                `json:"keys"`
	Domains  map[string]domainVector    `json:"domains"`
	Channels []channelVector            `json:"channels"`
	Bonds    []bondVector               `json:"bonds"`
	Nonces   []nonceVector              `json:"nonces"`
	Types    map[string][]apitypes.Type `json:"types"`
	Signed   map[string][]signedVector  `json:"signed"`
}

type keyVector struct {
	Name    string  `json:"name"`
	Private string  `json:"private"` // public knowledge: the keccak of the name
	Public  string  `json:"public"`
	Address Address `json:"address"`
}

type domainVector struct {
	Name      string  `json:"name"`
	Version   string  `json:"version"`
	ChainID   uint64  `json:"chain_id,string"`
	Contract  Address `json:"contract"`
	Separator Hash    `json:"separator"`
}

type channelVector struct {
	Channel
	ID Hash `json:"id"`
}

type signedVector struct {
	Domain    string         `json:"domain"`
	Message   map[string]any `json:"message"`
	Digest    Hash           `json:"digest"`
	By        string         `json:"by"`
	Address   Address        `json:"address"`
	Signature Signature      `json:"signature"`   // EIP-2098
	RSV       string         `json:"signature65"` // the same as r ‖ s ‖ v
}

// vectorDomains are the escrow's: "anvil" is where the first contract of the first account of the
// usual development chains is; "simulated" is where the first transaction of the
// key "deployer" puts a contract on go-ethereum's simulated chain.
func vectorDomains() map[string]Domain {
	return map[string]Domain{
		"anvil":     exampleDomain(),
		"simulated": {1337, Address(crypto.CreateAddress(common.Address(testAddr("deployer")), 0))},
		"widest":    {1<<64 - 1, must(ParseAddress("0xffffffffffffffffffffffffffffffffffffffff"))},
	}
}

// typeOf turns "Name(type name,…)" into the list a typed-data library wants.
func typeOf(text string) (string, []apitypes.Type) {
	name, rest, _ := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	var out []apitypes.Type
	for _, f := range strings.Split(rest, ",") {
		typ, field, _ := strings.Cut(f, " ")
		out = append(out, apitypes.Type{Name: field, Type: typ})
	}
	return name, out
}

// specTypes are the typed structures as SPEC §2.3 prints them.
var specTypes = []string{
	"Offer(address rig,uint64 seq,uint64 issued,uint64 expires,bytes32 body)",
	agreementText,
	"Receipt(bytes32 job,uint64 seq,uint64 units,bytes32 output,bytes32 trace,bytes32 prev,bool final,uint32 exitCode)",
	"Voucher(bytes32 channelId,uint32 epoch,uint96 cumulative)",
	"Close(bytes32 channelId,uint32 epoch,uint96 finalCumulative)",
}

func dec[T ~uint64 | ~uint32 | ~uint8](v T) string { return strconv.FormatUint(uint64(v), 10) }

func makeVectors() *eip712Vectors {
	v := &eip712Vectors{Domains: map[string]domainVector{}, Types: map[string][]apitypes.Type{}, Signed: map[string][]signedVector{}}
	for _, name := range []string{"requester", "rig", "payer", "payee", "token", "deployer"} {
		k := testKey(name)
		pub := k.Public()
		v.Keys = append(v.Keys, keyVector{name, "0x" + hex.EncodeToString(k.Bytes()), "0x" + hex.EncodeToString(pub[:]), k.Address()})
	}
	for name, d := range vectorDomains() {
		v.Domains[name] = domainVector{"Rerig", "1", d.ChainID, d.Escrow, d.Separator()}
	}
	for _, text := range slices.Concat(specTypes, contractTypes) {
		name, fields := typeOf(text)
		v.Types[name] = fields
	}
	native := exampleChannel()
	native.Token = Address{}
	for _, c := range []Channel{exampleChannel(), native} {
		v.Channels = append(v.Channels, channelVector{c, c.ID()})
	}
	for _, name := range []string{"anvil", "simulated", "widest"} {
		v.addSigned(name, vectorDomains()[name])
	}
	v.addContracts()
	return v
}

func (v *eip712Vectors) add(typ, domain, by string, digest Hash, message map[string]any) {
	sig := sign(testKey(by), digest)
	v.Signed[typ] = append(v.Signed[typ], signedVector{domain, message, digest, by, testAddr(by), sig, rsv(sig)})
}

// rsv expands an EIP-2098 signature to the 65 bytes older tools want.
func rsv(s Signature) string {
	parity := s[32] >> 7
	s[32] &= 0x7f
	return s.String() + hex.EncodeToString([]byte{27 + parity})
}

func (v *eip712Vectors) addSigned(name string, d Domain) {
	for _, c := range v.Channels {
		for _, x := range []Voucher{{c.ID, 1, NewAmount(1)}, {c.ID, 7, NewAmount(123_456_789)}, {c.ID, 1<<32 - 1, Amount{maxAmount}}, {c.ID, 0, Amount{}}} {
			v.add("Voucher", name, "requester", x.Digest(d), map[string]any{
				"channelId": x.Channel.String(), "epoch": dec(x.Epoch), "cumulative": x.Cumulative.String()})
			end := Close{x.Channel, x.Epoch, x.Cumulative}
			v.add("Close", name, "rig", end.Digest(d), map[string]any{
				"channelId": x.Channel.String(), "epoch": dec(x.Epoch), "finalCumulative": x.Cumulative.String()})
		}
	}
	plain := exampleAgreement()
	full := exampleAgreement()
	full.Price.Unit, full.Tier, full.ClassHash, full.Audit = UnitTokenOut, 255, testHash("class"), testHash("audit")
	full.JobSeed, full.Checkpoint, full.Gang, full.GangRank, full.GangSize = testHash("job seed"), testHash("checkpoint"), testHash("gang"), 3, 8
	full.MaxTotal, full.TickUnits = Amount{maxAmount}, MaxTickUnits
	for _, a := range []Agreement{plain, full} {
		a.Domain = d
		v.add("Agreement", name, "rig", a.ID(), agreementFields(&a))
		v.add("Agreement", name, "requester", a.ID(), agreementFields(&a))
	}
	for _, r := range []Receipt{exampleReceipt(), exampleFinal()} {
		v.add("Receipt", name, "rig", r.Digest(d), map[string]any{"job": r.Job.String(), "seq": dec(r.Seq), "units": dec(r.Units),
			"output": r.Output.String(), "trace": r.Trace.String(), "prev": r.Prev.String(), "final": r.Final, "exitCode": dec(r.ExitCode)})
	}
	o := exampleOffer()
	o.Markets[0].Domain = d
	body := must(Encode(o))
	v.add("Offer", name, "rig", o.digest(body), map[string]any{"rig": o.Rig.String(), "seq": dec(o.Seq), "issued": dec(o.Issued),
		"expires": dec(o.Expires), "body": Keccak(body).String()})
}

func agreementFields(a *Agreement) map[string]any {
	return map[string]any{"requester": a.Requester.String(), "rig": a.Rig.String(), "channel": a.Channel.String(),
		"specHash": a.SpecHash.String(), "unit": string(a.Price.Unit), "pricePerMillion": a.Price.PerMillion.String(),
		"tickUnits": dec(a.TickUnits), "maxTotal": a.MaxTotal.String(), "quotedAt": dec(a.QuotedAt), "acceptBy": dec(a.AcceptBy),
		"deadline": dec(a.Deadline), "nonce": a.Nonce.String(), "tier": dec(a.Tier), "classHash": a.ClassHash.String(),
		"auditCommit": a.Audit.String(), "jobSeed": a.JobSeed.String(), "checkpoint": a.Checkpoint.String(),
		"gang": a.Gang.String(), "gangRank": dec(a.GangRank), "gangSize": dec(a.GangSize)}
}

func TestVectorsAreCurrent(t *testing.T) { golden(t, eip712File, marshalGolden(t, makeVectors())) }

// TestVectorsIndependently reads only the file: go-ethereum's own typed-data code
// must come to the same digests and its recovery to the same keys.
func TestVectorsIndependently(t *testing.T) {
	var v eip712Vectors
	if err := readStrict(eip712File, &v); err != nil {
		t.Fatal(err)
	}
	if want := len(specTypes) + len(contractTypes); len(v.Signed) != want {
		t.Fatalf("%d kinds of signed vectors, want %d", len(v.Signed), want)
	}
	for typ, list := range v.Signed {
		for i, s := range list {
			t.Run(fmt.Sprintf("%s/%d", typ, i), func(t *testing.T) { checkIndependently(t, &v, typ, s) })
		}
	}
}

// oracle is go-ethereum's view of one vector: the domain separator and the digest.
func oracle(v *eip712Vectors, typ string, s signedVector) (sep, digest []byte, err error) {
	d, ok := v.Domains[s.Domain]
	if !ok {
		return nil, nil, fmt.Errorf("no domain %q", s.Domain)
	}
	data := apitypes.TypedData{PrimaryType: typ, Message: s.Message,
		Types: apitypes.Types{typ: v.Types[typ], "EIP712Domain": {{Name: "name", Type: "string"}, {Name: "version", Type: "string"},
			{Name: "chainId", Type: "uint256"}, {Name: "verifyingContract", Type: "address"}}},
		Domain: apitypes.TypedDataDomain{Name: d.Name, Version: d.Version, ChainId: math.NewHexOrDecimal256(0), VerifyingContract: d.Contract.String()}}
	if err := data.Domain.ChainId.UnmarshalText([]byte(dec(d.ChainID))); err != nil {
		return nil, nil, err
	}
	if sep, err = data.HashStruct("EIP712Domain", data.Domain.Map()); err != nil {
		return nil, nil, err
	}
	digest, _, err = apitypes.TypedDataAndHash(data)
	return sep, digest, err
}

func checkIndependently(t *testing.T, v *eip712Vectors, typ string, s signedVector) {
	sep, digest, err := oracle(v, typ, s)
	if err != nil {
		t.Fatal(err)
	}
	if want := v.Domains[s.Domain].Separator; !bytes.Equal(sep, want[:]) {
		t.Errorf("separator is %x, the file says %s", sep, want)
	}
	if !bytes.Equal(digest, s.Digest[:]) {
		t.Fatalf("digest is %x, the file says %s", digest, s.Digest)
	}
	sig, err := hex.DecodeString(strings.TrimPrefix(s.RSV, "0x"))
	if err != nil || len(sig) != 65 {
		t.Fatalf("signature65 %q: %v", s.RSV, err)
	}
	sig[64] -= 27
	pub, err := crypto.Ecrecover(digest, sig)
	if err != nil {
		t.Fatal(err)
	}
	if got := Address(crypto.Keccak256(pub[1:])[12:]); got != s.Address {
		t.Errorf("go-ethereum recovers %s, the file says %s", got, s.Address)
	}
	if _, err := CheckSignature("signature", s.Digest, s.Signature, s.Address); err != nil {
		t.Error(err)
	}
}

func TestVectorKeysAndChannels(t *testing.T) {
	var v eip712Vectors
	if err := readStrict(eip712File, &v); err != nil {
		t.Fatal(err)
	}
	for _, k := range v.Keys {
		priv, err := crypto.HexToECDSA(k.Private[2:])
		if err != nil {
			t.Fatal(err)
		}
		if got := Address(crypto.PubkeyToAddress(priv.PublicKey)); got != k.Address {
			t.Errorf("key %s: go-ethereum says %s, the file %s", k.Name, got, k.Address)
		}
		if got := "0x" + hex.EncodeToString(crypto.CompressPubkey(&priv.PublicKey)); got != k.Public {
			t.Errorf("key %s: go-ethereum says %s, the file %s", k.Name, got, k.Public)
		}
	}
	for i, c := range v.Channels {
		if got := abiHash(c.Payer[:], c.Signer[:], c.Payee[:], c.Operator[:], c.Token[:]); got != c.ID {
			t.Errorf("channel %d: abi.encode gives %s, the file says %s", i, got, c.ID)
		}
	}
}

// abiHash is keccak256(abi.encode(…)) of addresses and words, by go-ethereum.
func abiHash(values ...[]byte) Hash {
	var abi []byte
	for _, v := range values {
		abi = append(abi, common.LeftPadBytes(v, 32)...)
	}
	return Hash(crypto.Keccak256(abi))
}

// TestUnknownVectorKeyFails keeps the reader strict: a vector nobody checks is worse
// than none.
func TestUnknownVectorKeyFails(t *testing.T) {
	b, err := os.ReadFile(eip712File)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{`"keys": [`, `"separator": `, `"digest": `} {
		changed := bytes.Replace(b, []byte(at), []byte(`"surprise": 1, `+at), 1)
		if err := unmarshalStrict(changed, new(eip712Vectors)); err == nil || !strings.Contains(err.Error(), "surprise") {
			t.Errorf("an unknown key before %s: %v", at, err)
		}
	}
	for _, at := range []string{`"channelId": `, `"exitCode": `} {
		changed := bytes.Replace(b, []byte(at), []byte(`"surprise": "1", `+at), 1)
		var v eip712Vectors
		if err := unmarshalStrict(changed, &v); err != nil {
			t.Fatal(err)
		}
		if !oracleRefuses(&v) {
			t.Errorf("an unknown field before %s of a message went unnoticed", at)
		}
	}
}

func oracleRefuses(v *eip712Vectors) bool {
	for typ, list := range v.Signed {
		for _, s := range list {
			if _, _, err := oracle(v, typ, s); err != nil {
				return true
			}
		}
	}
	return false
}
