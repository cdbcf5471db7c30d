package contracts_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/contracts/bindings"
)

var committeeABI = bindings.NewCommitteeArbiter()

// contractVectors are the messages that only contracts take.
type contractVectors struct {
	Verdict []struct {
		Domain  string
		Message struct {
			CaseID                              common.Hash `json:"caseId"`
			Owner, Operator, Token, Beneficiary common.Address
			Amount                              string
			Deadline                            uint64 `json:"deadline,string"`
		}
		Digest common.Hash
	}
	Permit []struct {
		Domain  string
		Message struct {
			Owner, Spender common.Address
			Value          string
			Nonce          uint32 `json:"nonce,string"`
			Deadline       string
		}
		Signature hexutil.Bytes `json:"signature65"`
	}
	ReceiveWithAuthorization []struct {
		Domain  string
		Message struct {
			From, To                common.Address
			Value                   string
			ValidAfter, ValidBefore string
			Nonce                   common.Hash
		}
		Signature hexutil.Bytes `json:"signature65"`
	}
}

// stageTime is the clock of every stage, in Unix seconds.
const stageTime = 1_700_000_000

// Where TestUSD.sol keeps balances and, after five slots of ERC20 and two of EIP712,
// the permits used.
const (
	balancesSlot = 0
	permitsSlot  = 7
)

// tokenStorage gives every owner of a vector money and so many used permits.
func (v vectors) tokenStorage(permits uint64) map[common.Hash]common.Hash {
	storage := map[common.Hash]common.Hash{}
	set := func(owner common.Address, slot int64, word *big.Int) {
		key := crypto.Keccak256Hash(common.BytesToHash(owner[:]).Bytes(), common.BigToHash(n(slot)).Bytes())
		storage[key] = common.BigToHash(word)
	}
	for _, p := range v.Signed.Permit {
		set(p.Message.Owner, balancesSlot, ether(1))
		set(p.Message.Owner, permitsSlot, new(big.Int).SetUint64(permits))
	}
	return storage
}

func checkBondsAndNonces(t *testing.T, v vectors, stages *stager) {
	s := stages.at("anvil", 0)
	if len(v.Bonds) == 0 || len(v.Nonces) == 0 {
		t.Fatal("the vectors lack bonds or nonces")
	}
	for i, b := range v.Bonds {
		if got := s.mustCall(escrowABI.PackBondId(b.Owner, b.Operator, b.Token, b.Slasher)); common.BytesToHash(got) != b.ID {
			t.Errorf("bond %d: id %x, vector %x", i, got, b.ID)
		}
	}
	for i, nonce := range v.Nonces {
		call := escrowABI.PackDepositNonce(nonce.Owner, nonce.Salt)
		if nonce.Channel != nil {
			call = escrowABI.PackOpenNonce(*nonce.Channel, nonce.Salt)
		}
		if got := s.mustCall(call); common.BytesToHash(got) != nonce.Nonce {
			t.Errorf("nonce %d: %x, vector %x", i, got, nonce.Nonce)
		}
	}
}

// contract is the stage and the address of a domain that is not the escrow's; it
// has checked that contract's separator.
func (s *stager) contract(domain string, epoch uint32, separator []byte) (*stage, common.Address) {
	s.t.Helper()
	escrow, _, _ := strings.Cut(domain, " ")
	stage, want := s.at(escrow, epoch), s.v.Domains[domain]
	got, err := stage.callAt(want.Contract, native, separator)
	if err != nil || common.BytesToHash(got) != want.Separator {
		s.t.Errorf("%s: domain separator %x (%v), vector %x", domain, got, err, want.Separator)
	}
	return stage, want.Contract
}

func checkVerdicts(t *testing.T, v vectors, stages *stager) {
	if len(v.Signed.Verdict) == 0 {
		t.Fatal("the vectors lack verdicts")
	}
	for i, signed := range v.Signed.Verdict {
		s, arbiter := stages.contract(signed.Domain, 0, committeeABI.PackDomainSeparator())
		m := signed.Message
		got, err := s.callAt(arbiter, native, committeeABI.PackVerdictDigest(bindings.Verdict{
			CaseId: m.CaseID, Owner: m.Owner, Operator: m.Operator, Token: m.Token,
			Amount: decimal(t, m.Amount), Beneficiary: m.Beneficiary, Deadline: m.Deadline,
		}))
		if err != nil || common.BytesToHash(got) != signed.Digest {
			t.Errorf("verdict %d: digest %x (%v), vector %x", i, got, err, signed.Digest)
		}
	}
}

// vrs cuts a signature of 65 bytes as tokens want it.
func vrs(sig []byte) (v uint8, r, s [32]byte) {
	return sig[64], [32]byte(sig[:32]), [32]byte(sig[32:64])
}

func checkPermits(t *testing.T, v vectors, stages *stager) {
	for i, signed := range v.Signed.Permit {
		m := signed.Message
		s, token := stages.contract(signed.Domain, m.Nonce, usdABI.PackDOMAINSEPARATOR())
		vv, r, ss := vrs(signed.Signature)
		value, deadline := decimal(t, m.Value), decimal(t, m.Deadline)
		if _, err := s.callAt(token, native, usdABI.PackPermit(m.Owner, m.Spender, value, deadline, vv, r, ss)); err != nil {
			t.Errorf("permit %d: %v", i, err)
		}
		if _, err := s.callAt(token, native, usdABI.PackPermit(m.Owner, m.Spender, n(1), deadline, vv, r, ss)); err == nil {
			t.Errorf("permit %d approves another value", i)
		}
	}
}

func checkAuthorizations(t *testing.T, v vectors, stages *stager) {
	if len(v.Signed.ReceiveWithAuthorization) == 0 {
		t.Fatal("the vectors lack authorisations")
	}
	for i, signed := range v.Signed.ReceiveWithAuthorization {
		m := signed.Message
		s, token := stages.contract(signed.Domain, 0, usdABI.PackDOMAINSEPARATOR())
		vv, r, ss := vrs(signed.Signature)
		value, after, before := decimal(t, m.Value), decimal(t, m.ValidAfter), decimal(t, m.ValidBefore)
		take := func(nonce common.Hash) error {
			_, err := s.callAt(token, m.To, usdABI.PackReceiveWithAuthorization(m.From, m.To, value, after, before, nonce, vv, r, ss))
			return err
		}
		if err := take(m.Nonce); err != nil {
			t.Errorf("authorisation %d: %v", i, err)
		}
		if err := take(common.Hash{1}); err == nil {
			t.Errorf("authorisation %d works with another nonce", i)
		}
	}
}
