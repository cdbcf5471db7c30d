package contracts_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	"github.com/ethereum/go-ethereum/node"

	"github.com/rerig/rerig/contracts/bindings"
)

// vectors is the part of protocol/testdata/eip712.json that the escrow has to
// agree with: what package protocol signs is what Solidity accepts.
type vectors struct {
	Domains map[string]struct {
		Name      string         `json:"name"`
		ChainID   string         `json:"chain_id"`
		Contract  common.Address `json:"contract"`
		Separator common.Hash    `json:"separator"`
	} `json:"domains"`
	Channels []struct {
		Payer, Signer, Payee, Operator, Token common.Address
		ID                                    common.Hash
	} `json:"channels"`
	Bonds []struct {
		Owner, Operator, Token, Slasher common.Address
		ID                              common.Hash
	} `json:"bonds"`
	Nonces []struct {
		Owner   common.Address
		Channel *common.Hash
		Salt    common.Hash
		Nonce   common.Hash
	} `json:"nonces"`
	Signed struct {
		contractVectors
		Voucher, Close []struct {
			Domain  string
			Message struct {
				ChannelID       common.Hash `json:"channelId"`
				Epoch           uint32      `json:"epoch,string"`
				Cumulative      string      `json:"cumulative"`
				FinalCumulative string      `json:"finalCumulative"`
			}
			Digest    common.Hash
			Signature hexutil.Bytes
		}
	} `json:"signed"`
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "protocol", "testdata", "eip712.json"))
	if err != nil {
		t.Fatalf("read the vectors: %v", err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("decode the vectors: %v", err)
	}
	if len(v.Domains) == 0 || len(v.Channels) == 0 || len(v.Signed.Voucher) == 0 || len(v.Signed.Close) == 0 {
		t.Fatal("the vectors lack domains, channels, vouchers or closes")
	}
	return v
}

// A stage is the contracts' code at the addresses and on the chain of a vector,
// where every channel holds all the money there can be, in a chosen epoch, and
// every owner has used as many permits.
type stage struct {
	t      *testing.T
	client simulated.Client
	escrow common.Address
}

// channelsSlot is where Escrow.sol keeps its channels: after two slots of EIP712,
// one of accounts and one of bonds.
const channelsSlot = 4

// A stager builds each stage once.
type stager struct {
	t      *testing.T
	v      vectors
	code   map[string][]byte // by what follows the escrow's name in a domain's
	stages map[string]*stage
}

func newStager(t *testing.T, v vectors) *stager {
	t.Helper()
	c := newChain(t, osaka)
	arbiter := c.deploy(bindings.CommitteeArbiterMetaData.Bin, committeeABI.PackConstructor(c.escrow, []common.Address{rig.addr}, n(1)))
	s := &stager{t, v, map[string][]byte{}, map[string]*stage{}}
	for what, at := range map[string]common.Address{"": c.escrow, " arbiter": arbiter, " token": c.usd} {
		code, err := c.client.CodeAt(t.Context(), at, nil)
		if err != nil {
			t.Fatalf("read the code: %v", err)
		}
		s.code[what] = code
	}
	return s
}

func (s *stager) at(domain string, epoch uint32) *stage {
	s.t.Helper()
	name := fmt.Sprint(domain, epoch)
	if s.stages[name] != nil {
		return s.stages[name]
	}
	config := osaka.config()
	config.ChainID = decimal(s.t, s.v.Domains[domain].ChainID)
	escrow := s.v.Domains[domain].Contract
	most := new(big.Int).Sub(new(big.Int).Lsh(n(1), 96), n(1))
	word := new(big.Int).Lsh(new(big.Int).SetUint64(uint64(epoch)), 192)
	storage := map[common.Hash]common.Hash{}
	for _, ch := range s.v.Channels {
		slot := crypto.Keccak256Hash(ch.ID[:], common.BigToHash(n(channelsSlot)).Bytes())
		storage[slot] = common.BigToHash(new(big.Int).Or(word, most))
	}
	alloc := types.GenesisAlloc{
		escrow:                                  {Code: s.code[""], Storage: storage, Balance: most},
		s.v.Domains[domain+" arbiter"].Contract: {Code: s.code[" arbiter"], Balance: n(1)},
		s.v.Domains[domain+" token"].Contract:   {Code: s.code[" token"], Storage: s.v.tokenStorage(uint64(epoch)), Balance: n(1)},
	}
	backend := simulated.NewBackend(alloc, func(_ *node.Config, eth *ethconfig.Config) {
		eth.Genesis.Config, eth.Genesis.Timestamp = config, stageTime
	})
	s.t.Cleanup(func() {
		if err := backend.Close(); err != nil {
			s.t.Errorf("close the chain: %v", err)
		}
	})
	s.stages[name] = &stage{s.t, backend.Client(), escrow}
	return s.stages[name]
}

func (s *stage) call(from common.Address, data []byte) ([]byte, error) {
	return s.callAt(s.escrow, from, data)
}

func (s *stage) callAt(to, from common.Address, data []byte) ([]byte, error) {
	return s.client.CallContract(s.t.Context(), ethereum.CallMsg{From: from, To: &to, Data: data}, nil)
}

func (s *stage) mustCall(data []byte) []byte {
	s.t.Helper()
	out, err := s.call(native, data)
	if err != nil {
		s.t.Errorf("call: %v", err)
	}
	return out
}

func decimal(t *testing.T, text string) *big.Int {
	t.Helper()
	v, ok := new(big.Int).SetString(text, 10)
	if !ok {
		t.Fatalf("%q is not a decimal number", text)
	}
	return v
}

// TestVectors holds the compiled contract to what package protocol signs: ids,
// domain separators, digests and signatures, on each domain's chain and address.
func TestVectors(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	stages := newStager(t, v)
	checkChannels(t, v, stages)
	checkVouchers(t, v, stages)
	checkCloses(t, v, stages)
	checkBondsAndNonces(t, v, stages)
	checkVerdicts(t, v, stages)
	checkPermits(t, v, stages)
	checkAuthorizations(t, v, stages)
}

func checkChannels(t *testing.T, v vectors, stages *stager) {
	for name, domain := range v.Domains {
		if domain.Name != "Rerig" {
			continue
		}
		s := stages.at(name, 0)
		if got := s.mustCall(escrowABI.PackDomainSeparator()); common.BytesToHash(got) != domain.Separator {
			t.Errorf("%s: domain separator %x, vector %x", name, got, domain.Separator)
		}
		for _, ch := range v.Channels {
			got := s.mustCall(escrowABI.PackChannelId(ch.Payer, ch.Signer, ch.Payee, ch.Operator, ch.Token))
			if common.BytesToHash(got) != ch.ID {
				t.Errorf("channel id %x, vector %x", got, ch.ID)
			}
		}
	}
}

func checkVouchers(t *testing.T, v vectors, stages *stager) {
	for i, signed := range v.Signed.Voucher {
		m := signed.Message
		s, d, amount := stages.at(signed.Domain, m.Epoch), v.channel(t, m.ChannelID), decimal(t, m.Cumulative)
		if got := s.mustCall(escrowABI.PackVoucherDigest(m.ChannelID, m.Epoch, amount)); common.BytesToHash(got) != signed.Digest {
			t.Errorf("voucher %d: digest %x, vector %x", i, got, signed.Digest)
		}
		paid := s.mustCall(d.redeem(bindings.Voucher{
			Payer: d.payer.addr, Signer: d.signer.addr, Epoch: m.Epoch, Cumulative: amount,
			R: [32]byte(signed.Signature[:32]), Vs: [32]byte(signed.Signature[32:]),
		}, false))
		if new(big.Int).SetBytes(paid).Cmp(amount) != 0 {
			t.Errorf("voucher %d pays %x, vector %v", i, paid, amount)
		}
	}
}

func checkCloses(t *testing.T, v vectors, stages *stager) {
	for i, signed := range v.Signed.Close {
		m := signed.Message
		s, d, final := stages.at(signed.Domain, m.Epoch), v.channel(t, m.ChannelID), decimal(t, m.FinalCumulative)
		if got := s.mustCall(escrowABI.PackCloseDigest(m.ChannelID, m.Epoch, final)); common.BytesToHash(got) != signed.Digest {
			t.Errorf("close %d: digest %x, vector %x", i, got, signed.Digest)
		}
		r, vs := [32]byte(signed.Signature[:32]), [32]byte(signed.Signature[32:])
		_, err := s.call(d.payer.addr, d.closeByPayer(final, r, vs, false))
		if m.Epoch == math.MaxUint32 {
			// The consent is good, but the epochs are used up, which takes four billion closes.
			if err == nil || err.Error() != "execution reverted: arithmetic underflow or overflow" {
				t.Errorf("close %d in the last epoch: %v", i, err)
			}
		} else if err != nil {
			t.Errorf("close %d: %v", i, err)
		}
	}
}

// channel is the descriptor behind an id; its keys are not needed.
func (v vectors) channel(t *testing.T, id common.Hash) descriptor {
	t.Helper()
	for _, ch := range v.Channels {
		if ch.ID == id {
			return descriptor{
				payer: actor{addr: ch.Payer}, signer: actor{addr: ch.Signer},
				payee: actor{addr: ch.Payee}, operator: actor{addr: ch.Operator}, token: ch.Token,
			}
		}
	}
	t.Fatalf("no channel has the id %v", id)
	return descriptor{}
}
