package protocol

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
)

// Valid examples of everything that travels. Tests change one thing in a fresh copy.

func exampleDomain() Domain {
	return Domain{ChainID: 31337, Escrow: must(ParseAddress("0x5fbdb2315678afecb367f032d93f642f64180aa3"))}
}

func exampleChannel() Channel {
	return Channel{Payer: testAddr("payer"), Signer: testAddr("requester"), Payee: testAddr("payee"),
		Operator: testAddr("rig"), Token: testAddr("token")}
}

func exampleCID(content string) string {
	return cid.NewCidV1(cid.Raw, must(multihash.Sum([]byte(content), multihash.SHA2_256, -1))).String()
}

func exampleSpec() *JobSpec {
	return &JobSpec{Version: Version, Kind: KindTask, Engine: EngineWASM, Module: exampleCID("module"), ModuleSize: 1 << 20,
		Args: []string{"--prompt", "hello"}, Env: []string{"SEED=1"},
		Inputs:    []Input{{Name: "model.gguf", CID: exampleCID("model"), Size: 2 << 20}, {Name: "text", CID: exampleCID("text"), Size: 7}},
		Resources: Resources{MemoryMiB: 256, DiskMiB: 64, CPUs: 1},
		Limits:    Limits{RunMillis: 60_000, StdoutBytes: 1 << 20, OutputBytes: 1 << 20, OutputFiles: 8},
		Seed:      testHash("seed")}
}

func exampleAgreement() Agreement {
	spec, _, err := EncodeSpec(exampleSpec())
	if err != nil {
		panic(err)
	}
	now := millis(epoch0)
	return Agreement{Domain: exampleDomain(), Requester: testAddr("requester"), Rig: testAddr("rig"),
		Channel: exampleChannel().ID(), SpecHash: sha256.Sum256(spec), Price: Price{UnitCPUMillis, NewAmount(2_500_000)},
		TickUnits: 1000, MaxTotal: NewAmount(50_000), QuotedAt: now, AcceptBy: now + uint64(QuoteLife.Milliseconds()),
		Deadline: now + 3_600_000, Nonce: testHash("nonce")}
}

func exampleOffer() Offer {
	now := millis(epoch0)
	return Offer{Version: Version, Network: "local", Rig: testAddr("rig"), Payee: testAddr("payee"), Seq: now, Issued: now,
		Expires: now + 900_000, Addrs: []string{"/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/udp/4001/quic-v1"},
		Markets: []Market{{exampleDomain(), testAddr("token")}},
		Prices:  []Price{{UnitCPUMillis, NewAmount(2_500_000)}, {UnitTokenOut, NewAmount(400_000)}},
		Engines: []string{EngineWASM}, Models: []Served{},
		Hardware: Hardware{CPU: "example cpu", Cores: 8, MemoryMiB: 16 << 10, DiskMiB: 100 << 10,
			GPUs: []GPU{{Model: "example card", VRAMMiB: 8 << 10, Count: 1, Simulated: true}}},
		Region: "eu", Slots: 2, FreeSlots: 1, TickUnits: 1000}
}

func exampleReceipt() Receipt {
	a := exampleAgreement()
	return Receipt{Job: a.ID(), Seq: 1, Units: 1000, Output: testHash("output")}
}

func exampleFinal() Receipt {
	first := exampleReceipt()
	return Receipt{Job: first.Job, Seq: 2, Units: 1234, Output: ResultRoot(testHash("stream"), exampleCID("outputs")),
		Prev: first.Digest(exampleDomain()), Final: true, ExitCode: 3}
}

func exampleVoucher() Voucher {
	return Voucher{Channel: exampleChannel().ID(), Epoch: 1, Cumulative: NewAmount(2_500)}
}

func sign(k *Key, digest Hash) Signature { return must(k.Sign(digest)) }

// exampleMessages has every message of the job protocol once, in type order.
func exampleMessages() []Message {
	a, d, rig, req := exampleAgreement(), exampleDomain(), testKey("rig"), testKey("requester")
	first, final := exampleReceipt(), exampleFinal()
	spec, _, _ := EncodeSpec(exampleSpec())
	return []Message{
		&QuoteRequest{Spec: spec, Payer: testAddr("payer"), Signer: req.Address(), Market: Market{d, testAddr("token")},
			Unit: UnitCPUMillis, Budget: a.MaxTotal, Nonce: a.Nonce},
		&Quote{Agreement: a, Channel: exampleChannel(), RigSig: sign(rig, a.ID()), Ahead: 1},
		&Refusal{Reason: ReasonPriceFloor, Detail: "bid 1 is under the floor of 2"},
		&Accept{Agreement: a, Channel: exampleChannel(), Epoch: 1, RigSig: sign(rig, a.ID()), PayerSig: sign(req, a.ID())},
		&Status{State: StateFailed, Reason: ReasonStaging, Detail: "input text: not found"},
		&Output{FD: 1, Data: []byte("hello\n")},
		&ReceiptMsg{Receipt: first, Signature: sign(rig, first.Digest(d))},
		&VoucherMsg{Voucher: must(SignVoucher(exampleVoucher(), d, req)), JobPaid: NewAmount(2_500)},
		&Result{Receipt: final, Signature: sign(rig, final.Digest(d)), Stream: testHash("stream"), Outputs: exampleCID("outputs"),
			Size: 12, Reason: ReasonDeadline, Detail: "60 s"},
		&Stop{Reason: ReasonStopped},
		&Settled{Paid: NewAmount(3_085)},
		exampleLink(),
		&Checkpoint{CID: exampleCID("checkpoint"), Size: 4096},
	}
}

func exampleLink() *Link {
	return &Link{Members: []LinkMember{
		{Peer: "16Uiu2HAm1", Addrs: []string{"/ip4/127.0.0.1/tcp/4001"}, Job: testHash("job 0")},
		{Peer: "16Uiu2HAm2", Addrs: []string{"/ip4/127.0.0.1/tcp/4002"}, Job: testHash("job 1")},
	}}
}

// linkedAccept is the accept of a member of a private link.
func linkedAccept() *Accept {
	a := sealedAccept()
	key := testHash("link key")
	a.JobKey, a.LinkKey = nil, key[:]
	return a
}

// linkedSpec is the spec of one.
func linkedSpec() *JobSpec {
	s := exampleSpec()
	s.Engine, s.Link = EngineContainer, &LinkPlace{Rank: 1, Size: 2}
	return s
}

// sealedAccept is the accept of a job with something sealed.
func sealedAccept() *Accept {
	a := exampleAgreement()
	key := testHash("job key")
	return &Accept{Agreement: a, Channel: exampleChannel(), Epoch: 1, RigSig: sign(testKey("rig"), a.ID()),
		PayerSig: sign(testKey("requester"), a.ID()), JobKey: key[:]}
}

func exampleIndexRequests() []IndexRequest {
	signed := must(SignOffer(exampleOffer(), testKey("rig")))
	return []IndexRequest{
		{Version: Version, Put: &IndexPut{Key: CellKey("local", Hash{}, 3, 0, 1), Offer: signed}},
		{Version: Version, Find: &IndexFind{Key: CellKey("local", Hash{}, 0, 0, 0), Limit: 20,
			Filter: Filter{Engine: EngineWASM, Region: "eu", MinMemMiB: 256, MinFree: 1, Unit: UnitCPUMillis,
				MaxPrice: NewAmount(3_000_000), Market: &Market{exampleDomain(), testAddr("token")}}}},
	}
}

func exampleIndexReply() IndexReply {
	return IndexReply{Version: Version, Status: IndexOK, Offers: []SignedOffer{must(SignOffer(exampleOffer(), testKey("rig")))},
		Closer:  []PeerHint{{ID: []byte("a peer ID"), Addrs: []string{"/ip4/127.0.0.1/tcp/4001"}}},
		Skipped: []SkipCount{{Reason: ReasonResources, Detail: "VRAM 4 GiB < 8 GiB", Count: 3}}}
}

// many repeats s n times as a list with distinct entries.
func many(n int, s string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", s, i)
	}
	return out
}

func long(n int) string { return strings.Repeat("x", n) }
