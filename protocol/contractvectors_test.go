package protocol

import (
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// contractTypes are typed structures that rigs and requesters do not exchange, but
// the contracts take: the arbiter's, and those of the token itself (SPEC §7).
var contractTypes = []string{
	"Verdict(bytes32 caseId,address owner,address operator,address token,uint96 amount,address beneficiary,uint64 deadline)",
	"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)",
	"ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)",
}

type bondVector struct {
	Owner    Address `json:"owner"`
	Operator Address `json:"operator"`
	Token    Address `json:"token"`
	Slasher  Address `json:"slasher"`
	ID       Hash    `json:"id"`
}

// nonceVector is an ERC-3009 nonce that says what becomes of the money: it goes to
// Owner's account, or with Channel set into that channel.
type nonceVector struct {
	Owner   *Address `json:"owner,omitempty"`
	Channel *Hash    `json:"channel,omitempty"`
	Salt    Hash     `json:"salt"`
	Nonce   Hash     `json:"nonce"`
}

// contract adds the domain of a contract beside an escrow.
func (v *eip712Vectors) contract(escrow, what, name string, at Address) string {
	key, chain := escrow+" "+what, v.Domains[escrow].ChainID
	sep := structHash(domainType, wordText(name), verHash[:], wordUint(chain), wordAddr(at))
	v.Domains[key] = domainVector{name, "1", chain, at, sep}
	return key
}

func (v *eip712Vectors) addContracts() {
	slasher := testAddr("arbiter")
	for _, token := range []Address{testAddr("token"), {}} {
		b := bondVector{testAddr("payee"), testAddr("rig"), token, slasher, Hash{}}
		b.ID = Keccak(wordAddr(b.Owner), wordAddr(b.Operator), wordAddr(b.Token), wordAddr(b.Slasher))
		v.Bonds = append(v.Bonds, b)
	}
	v.addNonces()
	for _, escrow := range []string{"anvil", "simulated", "widest"} {
		arbiter := v.contract(escrow, "arbiter", "Rerig Arbiter", slasher)
		token := v.contract(escrow, "token", "Rerig test dollar (worthless)", testAddr("token"))
		v.addVerdicts(arbiter)
		v.addTokenMessages(token, v.Domains[escrow].Contract)
	}
}

// addNonces: two salts for an account, and for each channel.
func (v *eip712Vectors) addNonces() {
	tag := Keccak([]byte("Rerig deposit"))
	for _, salt := range []Hash{{}, testHash("salt")} {
		owner := testAddr("requester")
		v.Nonces = append(v.Nonces, nonceVector{Owner: &owner, Salt: salt, Nonce: Keccak(tag[:], wordAddr(owner), salt[:])})
		for i := range v.Channels {
			id := &v.Channels[i].ID
			v.Nonces = append(v.Nonces, nonceVector{Channel: id, Salt: salt, Nonce: Keccak(id[:], salt[:])})
		}
	}
}

// addTyped signs a message of one of the contractTypes; words are its fields in order.
func (v *eip712Vectors) addTyped(typ, domain, by string, message map[string]any, words ...[]byte) {
	for _, text := range contractTypes {
		if name, _ := typeOf(text); name == typ {
			sep, sh := v.Domains[domain].Separator, structHash(Keccak([]byte(text)), words...)
			v.add(typ, domain, by, Keccak([]byte{0x19, 0x01}, sep[:], sh[:]), message)
		}
	}
}

func (v *eip712Vectors) addVerdicts(domain string) {
	for _, by := range []string{"rig", "requester"} {
		for i, token := range []Address{testAddr("token"), {}} {
			caseID, owner, operator, beneficiary := testHash("case"), testAddr("payee"), testAddr("rig"), testAddr("requester")
			amount, deadline := []Amount{NewAmount(1), {maxAmount}}[i], []uint64{1_800_000_000, 1<<64 - 1}[i]
			v.addTyped("Verdict", domain, by, map[string]any{"caseId": caseID.String(), "owner": owner.String(), "operator": operator.String(),
				"token": token.String(), "amount": amount.String(), "beneficiary": beneficiary.String(), "deadline": dec(deadline)},
				caseID[:], wordAddr(owner), wordAddr(operator), wordAddr(token), wordAmount(amount), wordAddr(beneficiary), wordUint(deadline))
		}
	}
}

// addTokenMessages: a permit for the escrow with the first and a later nonce, and an
// authorisation for each derived nonce.
func (v *eip712Vectors) addTokenMessages(domain string, escrow Address) {
	payer := testAddr("payer")
	forever := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	for nonce, value := range []*big.Int{big.NewInt(2_500), forever} {
		v.addTyped("Permit", domain, "payer", map[string]any{"owner": payer.String(), "spender": escrow.String(), "value": value.String(),
			"nonce": dec(uint64(nonce)), "deadline": forever.String()},
			wordAddr(payer), wordAddr(escrow), common.BigToHash(value).Bytes(), wordUint(uint64(nonce)), common.BigToHash(forever).Bytes())
	}
	for i, n := range v.Nonces {
		value, after := NewAmount(uint64(i)+1), uint64(i)
		v.addTyped("ReceiveWithAuthorization", domain, "payer", map[string]any{"from": payer.String(), "to": escrow.String(), "value": value.String(),
			"validAfter": dec(after), "validBefore": forever.String(), "nonce": n.Nonce.String()},
			wordAddr(payer), wordAddr(escrow), wordAmount(value), wordUint(after), common.BigToHash(forever).Bytes(), n.Nonce[:])
	}
}

// TestVectorBondsAndNonces holds the derived IDs to go-ethereum's hash.
func TestVectorBondsAndNonces(t *testing.T) {
	var v eip712Vectors
	if err := readStrict(eip712File, &v); err != nil {
		t.Fatal(err)
	}
	for i, b := range v.Bonds {
		if got := abiHash(b.Owner[:], b.Operator[:], b.Token[:], b.Slasher[:]); got != b.ID {
			t.Errorf("bond %d: abi.encode gives %s, the file says %s", i, got, b.ID)
		}
	}
	tag := crypto.Keccak256([]byte("Rerig deposit"))
	for i, n := range v.Nonces {
		var want Hash
		if n.Channel != nil {
			want = abiHash(n.Channel[:], n.Salt[:])
		} else {
			want = abiHash(tag, n.Owner[:], n.Salt[:])
		}
		if n.Nonce != want {
			t.Errorf("nonce %d: abi.encode gives %s, the file says %s", i, want, n.Nonce)
		}
	}
}

// TestSpecPrintsTypes: what a reader of the specification signs is what counts. The
// token's own messages are its standards'.
func TestSpecPrintsTypes(t *testing.T) {
	b, err := os.ReadFile("../SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(strings.Join(strings.Fields(string(b)), " "), ", ", ",")
	for _, typ := range append(slices.Clone(specTypes), contractTypes[0]) {
		if !strings.Contains(text, typ) {
			t.Errorf("SPEC.md does not print %s", typ)
		}
	}
}
