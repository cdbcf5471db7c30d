// Code generated via abigen V2 - DO NOT EDIT.
// This file is a generated binding and any manual changes will be lost.

package bindings

import (
	"bytes"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Reference imports to suppress errors if they are not otherwise used.
var (
	_ = bytes.Equal
	_ = errors.New
	_ = big.NewInt
	_ = common.Big1
	_ = types.BloomLookup
	_ = abi.ConvertType
)

// Signature is an auto generated low-level Go binding around an user-defined struct.
type Signature struct {
	R  [32]byte
	Vs [32]byte
}

// Verdict is an auto generated low-level Go binding around an user-defined struct.
type Verdict struct {
	CaseId      [32]byte
	Owner       common.Address
	Operator    common.Address
	Token       common.Address
	Amount      *big.Int
	Beneficiary common.Address
	Deadline    uint64
}

// CommitteeArbiterMetaData contains all meta data concerning the CommitteeArbiter contract.
var CommitteeArbiterMetaData = bind.MetaData{
	ABI: "[{\"inputs\":[{\"internalType\":\"contractIEscrow\",\"name\":\"escrow_\",\"type\":\"address\"},{\"internalType\":\"address[]\",\"name\":\"members\",\"type\":\"address[]\"},{\"internalType\":\"uint256\",\"name\":\"threshold_\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"constructor\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"caseId\",\"type\":\"bytes32\"}],\"name\":\"AlreadyDecided\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"given\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"threshold\",\"type\":\"uint256\"}],\"name\":\"BadCount\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"escrow\",\"type\":\"address\"}],\"name\":\"BadEscrow\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"index\",\"type\":\"uint256\"}],\"name\":\"BadMember\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"index\",\"type\":\"uint256\"}],\"name\":\"BadSigner\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"threshold\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"members\",\"type\":\"uint256\"}],\"name\":\"BadThreshold\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"deadline\",\"type\":\"uint64\"},{\"internalType\":\"uint256\",\"name\":\"time\",\"type\":\"uint256\"}],\"name\":\"Expired\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"InvalidShortString\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"str\",\"type\":\"string\"}],\"name\":\"StringTooLong\",\"type\":\"error\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"caseId\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint256\",\"name\":\"slashed\",\"type\":\"uint256\"}],\"name\":\"Decided\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[],\"name\":\"EIP712DomainChanged\",\"type\":\"event\"},{\"inputs\":[],\"name\":\"domainSeparator\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"escrow\",\"outputs\":[{\"internalType\":\"contractIEscrow\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"caseId\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"internalType\":\"address\",\"name\":\"beneficiary\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"deadline\",\"type\":\"uint64\"}],\"internalType\":\"structVerdict\",\"name\":\"verdict\",\"type\":\"tuple\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"internalType\":\"structSignature[]\",\"name\":\"signatures\",\"type\":\"tuple[]\"}],\"name\":\"execute\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"slashed\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"caseId\",\"type\":\"bytes32\"}],\"name\":\"isDecided\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"key\",\"type\":\"address\"}],\"name\":\"isMember\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"memberCount\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"threshold\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"caseId\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"internalType\":\"address\",\"name\":\"beneficiary\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"deadline\",\"type\":\"uint64\"}],\"internalType\":\"structVerdict\",\"name\":\"verdict\",\"type\":\"tuple\"}],\"name\":\"verdictDigest\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"}]",
	ID:  "CommitteeArbiter",
	Bin: "0x6101c08060405234610300576110f3803803809161001d8285610318565b83398101606082820312610300578151916001600160a01b038316908184036103005760208101516001600160401b03811161030057810183601f82011215610300578051936001600160401b038511610304578460051b91604051956100876020850188610318565b865260208087019382010191821161030057602001915b8183106102e05750505060400151906040516100bb604082610318565b600d815260208101906c2932b934b39020b93134ba32b960991b8252604051916100e6604084610318565b600183526020830191603160f81b83526100ff81610363565b6101205261010c84610363565b61014052519020918260e05251902080610100524660a0526040519060208201927f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f8452604083015260608201524660808201523060a082015260a0815261017560c082610318565b5190206080523060c052803b156102ce5750801580156102c4575b80156102b9575b6102a1575f90815b8351831015610214576001600160a01b036101ba848661033b565b51166001600160a01b0390911610156102015760016001600160a01b036101e1848661033b565b511692835f52600260205260405f208260ff19825416179055019161019f565b5063ccabba7360e01b5f5260045260245ffd5b8382866101605261018052516101a052604051610d2490816103cf823960805181610b4e015260a05181610c0b015260c05181610b1f015260e05181610b9d01526101005181610bc3015261012051816107000152610140518161072901526101605181818161010d01526103a9015261018051818181610235015261083101526101a051816108870152f35b90519063b8f1f4df60e01b5f5260045260245260445ffd5b506040825111610197565b5081518111610190565b6310b3ccbf60e11b5f5260045260245ffd5b82516001600160a01b03811681036103005781526020928301920161009e565b5f80fd5b634e487b7160e01b5f52604160045260245ffd5b601f909101601f19168101906001600160401b0382119082101761030457604052565b805182101561034f5760209160051b010190565b634e487b7160e01b5f52603260045260245ffd5b601f81511161038e57602081519101516020821061037f571790565b5f198260200360031b1b161790565b604460209160405192839163305a27a960e01b83528160048401528051918291826024860152018484015e5f828201840152601f01601f19168101030190fdfe6080806040526004361015610012575f80fd5b5f3560e01c90816311aee380146108545750806342cde4e8146107fc57806384b0196e146106ca578063a1a18e6014610691578063a230c52414610626578063beed68101461017e578063d19e81e414610131578063e2fdcc17146100c35763f698da251461007f575f80fd5b346100bf575f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126100bf5760206100b7610b08565b604051908152f35b5f80fd5b346100bf575f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126100bf57602060405173ffffffffffffffffffffffffffffffffffffffff7f0000000000000000000000000000000000000000000000000000000000000000168152f35b346100bf5760207ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126100bf576004355f526003602052602060ff60405f2054166040519015158152f35b346100bf577ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360161010081126100bf5760e0136100bf5760e43567ffffffffffffffff81116100bf57366023820112156100bf57806004013567ffffffffffffffff81116100bf576024820191602436918360061b0101116100bf5767ffffffffffffffff61020c610ab4565b1642116105e55760043591825f52600360205260ff60405f2054166105b95761023361095b565b7f000000000000000000000000000000000000000000000000000000000000000080840361058a57505f91825b84841061044e5785805f52600360205260405f2060017fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff008254161790556024359073ffffffffffffffffffffffffffffffffffffffff8216918281036100bf575060443573ffffffffffffffffffffffffffffffffffffffff8116908181036100bf575060643573ffffffffffffffffffffffffffffffffffffffff8116908181036100bf5750608435906bffffffffffffffffffffffff82168092036100bf5760a4359273ffffffffffffffffffffffffffffffffffffffff8416938481036100bf5750604051957faaec6f55000000000000000000000000000000000000000000000000000000008752600487015260248601526044850152606484015260848301528060a483015260208260c4815f73ffffffffffffffffffffffffffffffffffffffff7f0000000000000000000000000000000000000000000000000000000000000000165af1908115610443575f9161040e575b602092507f4436cfa7bea0ea3d868b7deb3e3de83bb13b5a48e6e01d76be7ec75e79ead55983604051848152a2604051908152f35b90506020823d60201161043b575b81610429602093836108ed565b810103126100bf5760209151906103d9565b3d915061041c565b6040513d5f823e3d90fd5b61049f61045c858785610acb565b35602061046a878987610acb565b01359060ff601b7f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff841693821c011686610c88565b50600481939293101561055d571590811591610526575b5080156104f9575b6104cd57600190930192610260565b837f9c34e8ba000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b5073ffffffffffffffffffffffffffffffffffffffff81165f52600260205260ff60405f205416156104be565b73ffffffffffffffffffffffffffffffffffffffff91501673ffffffffffffffffffffffffffffffffffffffff82161115876104b6565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd5b837f61298561000000000000000000000000000000000000000000000000000000005f5260045260245260445ffd5b827f807cb697000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b67ffffffffffffffff6105f6610ab4565b7f91cc37bc000000000000000000000000000000000000000000000000000000005f52166004524260245260445ffd5b346100bf5760207ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126100bf5760043573ffffffffffffffffffffffffffffffffffffffff81168091036100bf575f526002602052602060ff60405f2054166040519015158152f35b346100bf5760e07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126100bf5760206100b761095b565b346100bf575f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126100bf576107a06107247f0000000000000000000000000000000000000000000000000000000000000000610c31565b61074d7f0000000000000000000000000000000000000000000000000000000000000000610c31565b60206107ae6040519261076083856108ed565b5f84525f3681376040519586957f0f00000000000000000000000000000000000000000000000000000000000000875260e08588015260e08701906108aa565b9085820360408701526108aa565b4660608501523060808501525f60a085015283810360c08501528180845192838152019301915f5b8281106107e557505050500390f35b8351855286955093810193928101926001016107d6565b346100bf575f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126100bf5760206040517f00000000000000000000000000000000000000000000000000000000000000008152f35b346100bf575f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126100bf576020907f00000000000000000000000000000000000000000000000000000000000000008152f35b907fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f602080948051918291828752018686015e5f8582860101520116010190565b90601f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0910116810190811067ffffffffffffffff82111761092e57604052565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52604160045260245ffd5b604051602081017f4868d85a318baffb555bef67445744ac9caa94028ab0a4194224bfd0f04349178152600435604083015260243573ffffffffffffffffffffffffffffffffffffffff81168091036100bf57606083015260443573ffffffffffffffffffffffffffffffffffffffff81168091036100bf57608083015260643573ffffffffffffffffffffffffffffffffffffffff81168091036100bf5760a08301526084356bffffffffffffffffffffffff81168091036100bf5760c083015260a43573ffffffffffffffffffffffffffffffffffffffff81168091036100bf5760e083015260c4359167ffffffffffffffff83168093036100bf576042926101008201526101008152610a73610120826108ed565b519020610a7e610b08565b90604051917f19010000000000000000000000000000000000000000000000000000000000008352600283015260228201522090565b60c43567ffffffffffffffff811681036100bf5790565b9190811015610adb5760061b0190565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b73ffffffffffffffffffffffffffffffffffffffff7f000000000000000000000000000000000000000000000000000000000000000016301480610c08575b15610b70577f000000000000000000000000000000000000000000000000000000000000000090565b60405160208101907f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f82527f000000000000000000000000000000000000000000000000000000000000000060408201527f000000000000000000000000000000000000000000000000000000000000000060608201524660808201523060a082015260a08152610c0260c0826108ed565b51902090565b507f00000000000000000000000000000000000000000000000000000000000000004614610b47565b60ff811690601f8211610c605760405191610c4d6040846108ed565b6020808452838101919036833783525290565b7fb3512b0c000000000000000000000000000000000000000000000000000000005f5260045ffd5b91907f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a08411610d0c579160209360809260ff5f9560405194855216868401526040830152606082015282805260015afa15610443575f5173ffffffffffffffffffffffffffffffffffffffff811615610d0257905f905f90565b505f906001905f90565b5050505f916003919056fea164736f6c6343000825000a",
}

// CommitteeArbiter is an auto generated Go binding around an Ethereum contract.
type CommitteeArbiter struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *CommitteeArbiter) GetABI() abi.ABI {
	return c.abi
}

// NewCommitteeArbiter creates a new instance of CommitteeArbiter.
func NewCommitteeArbiter() *CommitteeArbiter {
	parsed, err := CommitteeArbiterMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &CommitteeArbiter{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *CommitteeArbiter) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackConstructor is the Go binding used to pack the parameters required for
// contract deployment.
//
// Solidity: constructor(address escrow_, address[] members, uint256 threshold_) returns()
func (committeeArbiter *CommitteeArbiter) PackConstructor(escrow_ common.Address, members []common.Address, threshold_ *big.Int) []byte {
	enc, err := committeeArbiter.abi.Pack("", escrow_, members, threshold_)
	if err != nil {
		panic(err)
	}
	return enc
}

// PackDomainSeparator is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf698da25.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function domainSeparator() view returns(bytes32)
func (committeeArbiter *CommitteeArbiter) PackDomainSeparator() []byte {
	enc, err := committeeArbiter.abi.Pack("domainSeparator")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDomainSeparator is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf698da25.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function domainSeparator() view returns(bytes32)
func (committeeArbiter *CommitteeArbiter) TryPackDomainSeparator() ([]byte, error) {
	return committeeArbiter.abi.Pack("domainSeparator")
}

// UnpackDomainSeparator is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf698da25.
//
// Solidity: function domainSeparator() view returns(bytes32)
func (committeeArbiter *CommitteeArbiter) UnpackDomainSeparator(data []byte) ([32]byte, error) {
	out, err := committeeArbiter.abi.Unpack("domainSeparator", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackEscrow is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe2fdcc17.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function escrow() view returns(address)
func (committeeArbiter *CommitteeArbiter) PackEscrow() []byte {
	enc, err := committeeArbiter.abi.Pack("escrow")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEscrow is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe2fdcc17.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function escrow() view returns(address)
func (committeeArbiter *CommitteeArbiter) TryPackEscrow() ([]byte, error) {
	return committeeArbiter.abi.Pack("escrow")
}

// UnpackEscrow is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xe2fdcc17.
//
// Solidity: function escrow() view returns(address)
func (committeeArbiter *CommitteeArbiter) UnpackEscrow(data []byte) (common.Address, error) {
	out, err := committeeArbiter.abi.Unpack("escrow", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackExecute is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbeed6810.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function execute((bytes32,address,address,address,uint96,address,uint64) verdict, (bytes32,bytes32)[] signatures) returns(uint256 slashed)
func (committeeArbiter *CommitteeArbiter) PackExecute(verdict Verdict, signatures []Signature) []byte {
	enc, err := committeeArbiter.abi.Pack("execute", verdict, signatures)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackExecute is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbeed6810.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function execute((bytes32,address,address,address,uint96,address,uint64) verdict, (bytes32,bytes32)[] signatures) returns(uint256 slashed)
func (committeeArbiter *CommitteeArbiter) TryPackExecute(verdict Verdict, signatures []Signature) ([]byte, error) {
	return committeeArbiter.abi.Pack("execute", verdict, signatures)
}

// UnpackExecute is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xbeed6810.
//
// Solidity: function execute((bytes32,address,address,address,uint96,address,uint64) verdict, (bytes32,bytes32)[] signatures) returns(uint256 slashed)
func (committeeArbiter *CommitteeArbiter) UnpackExecute(data []byte) (*big.Int, error) {
	out, err := committeeArbiter.abi.Unpack("execute", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackIsDecided is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd19e81e4.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function isDecided(bytes32 caseId) view returns(bool)
func (committeeArbiter *CommitteeArbiter) PackIsDecided(caseId [32]byte) []byte {
	enc, err := committeeArbiter.abi.Pack("isDecided", caseId)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIsDecided is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd19e81e4.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function isDecided(bytes32 caseId) view returns(bool)
func (committeeArbiter *CommitteeArbiter) TryPackIsDecided(caseId [32]byte) ([]byte, error) {
	return committeeArbiter.abi.Pack("isDecided", caseId)
}

// UnpackIsDecided is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xd19e81e4.
//
// Solidity: function isDecided(bytes32 caseId) view returns(bool)
func (committeeArbiter *CommitteeArbiter) UnpackIsDecided(data []byte) (bool, error) {
	out, err := committeeArbiter.abi.Unpack("isDecided", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackIsMember is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa230c524.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function isMember(address key) view returns(bool)
func (committeeArbiter *CommitteeArbiter) PackIsMember(key common.Address) []byte {
	enc, err := committeeArbiter.abi.Pack("isMember", key)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIsMember is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa230c524.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function isMember(address key) view returns(bool)
func (committeeArbiter *CommitteeArbiter) TryPackIsMember(key common.Address) ([]byte, error) {
	return committeeArbiter.abi.Pack("isMember", key)
}

// UnpackIsMember is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa230c524.
//
// Solidity: function isMember(address key) view returns(bool)
func (committeeArbiter *CommitteeArbiter) UnpackIsMember(data []byte) (bool, error) {
	out, err := committeeArbiter.abi.Unpack("isMember", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackMemberCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x11aee380.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function memberCount() view returns(uint256)
func (committeeArbiter *CommitteeArbiter) PackMemberCount() []byte {
	enc, err := committeeArbiter.abi.Pack("memberCount")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMemberCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x11aee380.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function memberCount() view returns(uint256)
func (committeeArbiter *CommitteeArbiter) TryPackMemberCount() ([]byte, error) {
	return committeeArbiter.abi.Pack("memberCount")
}

// UnpackMemberCount is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x11aee380.
//
// Solidity: function memberCount() view returns(uint256)
func (committeeArbiter *CommitteeArbiter) UnpackMemberCount(data []byte) (*big.Int, error) {
	out, err := committeeArbiter.abi.Unpack("memberCount", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackThreshold is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x42cde4e8.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function threshold() view returns(uint256)
func (committeeArbiter *CommitteeArbiter) PackThreshold() []byte {
	enc, err := committeeArbiter.abi.Pack("threshold")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackThreshold is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x42cde4e8.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function threshold() view returns(uint256)
func (committeeArbiter *CommitteeArbiter) TryPackThreshold() ([]byte, error) {
	return committeeArbiter.abi.Pack("threshold")
}

// UnpackThreshold is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x42cde4e8.
//
// Solidity: function threshold() view returns(uint256)
func (committeeArbiter *CommitteeArbiter) UnpackThreshold(data []byte) (*big.Int, error) {
	out, err := committeeArbiter.abi.Unpack("threshold", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackVerdictDigest is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa1a18e60.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function verdictDigest((bytes32,address,address,address,uint96,address,uint64) verdict) view returns(bytes32)
func (committeeArbiter *CommitteeArbiter) PackVerdictDigest(verdict Verdict) []byte {
	enc, err := committeeArbiter.abi.Pack("verdictDigest", verdict)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackVerdictDigest is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa1a18e60.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function verdictDigest((bytes32,address,address,address,uint96,address,uint64) verdict) view returns(bytes32)
func (committeeArbiter *CommitteeArbiter) TryPackVerdictDigest(verdict Verdict) ([]byte, error) {
	return committeeArbiter.abi.Pack("verdictDigest", verdict)
}

// UnpackVerdictDigest is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa1a18e60.
//
// Solidity: function verdictDigest((bytes32,address,address,address,uint96,address,uint64) verdict) view returns(bytes32)
func (committeeArbiter *CommitteeArbiter) UnpackVerdictDigest(data []byte) ([32]byte, error) {
	out, err := committeeArbiter.abi.Unpack("verdictDigest", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// CommitteeArbiterDecided represents a Decided event raised by the CommitteeArbiter contract.
type CommitteeArbiterDecided struct {
	CaseId  [32]byte
	Slashed *big.Int
	Raw     *types.Log // Blockchain specific contextual infos
}

const CommitteeArbiterDecidedEventName = "Decided"

// ContractEventName returns the user-defined event name.
func (CommitteeArbiterDecided) ContractEventName() string {
	return CommitteeArbiterDecidedEventName
}

// UnpackDecidedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Decided(bytes32 indexed caseId, uint256 slashed)
func (committeeArbiter *CommitteeArbiter) UnpackDecidedEvent(log *types.Log) (*CommitteeArbiterDecided, error) {
	event := "Decided"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != committeeArbiter.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(CommitteeArbiterDecided)
	if len(log.Data) > 0 {
		if err := committeeArbiter.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range committeeArbiter.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// CommitteeArbiterEIP712DomainChanged represents a EIP712DomainChanged event raised by the CommitteeArbiter contract.
type CommitteeArbiterEIP712DomainChanged struct {
	Raw *types.Log // Blockchain specific contextual infos
}

const CommitteeArbiterEIP712DomainChangedEventName = "EIP712DomainChanged"

// ContractEventName returns the user-defined event name.
func (CommitteeArbiterEIP712DomainChanged) ContractEventName() string {
	return CommitteeArbiterEIP712DomainChangedEventName
}

// UnpackEIP712DomainChangedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event EIP712DomainChanged()
func (committeeArbiter *CommitteeArbiter) UnpackEIP712DomainChangedEvent(log *types.Log) (*CommitteeArbiterEIP712DomainChanged, error) {
	event := "EIP712DomainChanged"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != committeeArbiter.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(CommitteeArbiterEIP712DomainChanged)
	if len(log.Data) > 0 {
		if err := committeeArbiter.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range committeeArbiter.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// UnpackError attempts to decode the provided error data using user-defined
// error definitions.
func (committeeArbiter *CommitteeArbiter) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], committeeArbiter.abi.Errors["AlreadyDecided"].ID.Bytes()[:4]) {
		return committeeArbiter.UnpackAlreadyDecidedError(raw[4:])
	}
	if bytes.Equal(raw[:4], committeeArbiter.abi.Errors["BadCount"].ID.Bytes()[:4]) {
		return committeeArbiter.UnpackBadCountError(raw[4:])
	}
	if bytes.Equal(raw[:4], committeeArbiter.abi.Errors["BadEscrow"].ID.Bytes()[:4]) {
		return committeeArbiter.UnpackBadEscrowError(raw[4:])
	}
	if bytes.Equal(raw[:4], committeeArbiter.abi.Errors["BadMember"].ID.Bytes()[:4]) {
		return committeeArbiter.UnpackBadMemberError(raw[4:])
	}
	if bytes.Equal(raw[:4], committeeArbiter.abi.Errors["BadSigner"].ID.Bytes()[:4]) {
		return committeeArbiter.UnpackBadSignerError(raw[4:])
	}
	if bytes.Equal(raw[:4], committeeArbiter.abi.Errors["BadThreshold"].ID.Bytes()[:4]) {
		return committeeArbiter.UnpackBadThresholdError(raw[4:])
	}
	if bytes.Equal(raw[:4], committeeArbiter.abi.Errors["Expired"].ID.Bytes()[:4]) {
		return committeeArbiter.UnpackExpiredError(raw[4:])
	}
	if bytes.Equal(raw[:4], committeeArbiter.abi.Errors["InvalidShortString"].ID.Bytes()[:4]) {
		return committeeArbiter.UnpackInvalidShortStringError(raw[4:])
	}
	if bytes.Equal(raw[:4], committeeArbiter.abi.Errors["StringTooLong"].ID.Bytes()[:4]) {
		return committeeArbiter.UnpackStringTooLongError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// CommitteeArbiterAlreadyDecided represents a AlreadyDecided error raised by the CommitteeArbiter contract.
type CommitteeArbiterAlreadyDecided struct {
	CaseId [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyDecided(bytes32 caseId)
func CommitteeArbiterAlreadyDecidedErrorID() common.Hash {
	return common.HexToHash("0x807cb697f098dfcc8e61de5df2e09369df6d8864c83ce22de144fcf68434c79e")
}

// UnpackAlreadyDecidedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyDecided(bytes32 caseId)
func (committeeArbiter *CommitteeArbiter) UnpackAlreadyDecidedError(raw []byte) (*CommitteeArbiterAlreadyDecided, error) {
	out := new(CommitteeArbiterAlreadyDecided)
	if err := committeeArbiter.abi.UnpackIntoInterface(out, "AlreadyDecided", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CommitteeArbiterBadCount represents a BadCount error raised by the CommitteeArbiter contract.
type CommitteeArbiterBadCount struct {
	Given     *big.Int
	Threshold *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadCount(uint256 given, uint256 threshold)
func CommitteeArbiterBadCountErrorID() common.Hash {
	return common.HexToHash("0x612985617fa905ddf9ba32607909e43e5656f307c83b5fcda7049647dbff7ac4")
}

// UnpackBadCountError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadCount(uint256 given, uint256 threshold)
func (committeeArbiter *CommitteeArbiter) UnpackBadCountError(raw []byte) (*CommitteeArbiterBadCount, error) {
	out := new(CommitteeArbiterBadCount)
	if err := committeeArbiter.abi.UnpackIntoInterface(out, "BadCount", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CommitteeArbiterBadEscrow represents a BadEscrow error raised by the CommitteeArbiter contract.
type CommitteeArbiterBadEscrow struct {
	Escrow common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadEscrow(address escrow)
func CommitteeArbiterBadEscrowErrorID() common.Hash {
	return common.HexToHash("0x2167997e3232e4eb96d4b241228150f935d03531b74cf85f224a3f18d9af4af2")
}

// UnpackBadEscrowError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadEscrow(address escrow)
func (committeeArbiter *CommitteeArbiter) UnpackBadEscrowError(raw []byte) (*CommitteeArbiterBadEscrow, error) {
	out := new(CommitteeArbiterBadEscrow)
	if err := committeeArbiter.abi.UnpackIntoInterface(out, "BadEscrow", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CommitteeArbiterBadMember represents a BadMember error raised by the CommitteeArbiter contract.
type CommitteeArbiterBadMember struct {
	Index *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadMember(uint256 index)
func CommitteeArbiterBadMemberErrorID() common.Hash {
	return common.HexToHash("0xccabba73b3c919414b28b3470e54c995354ad9355e415799596fbc099c62d86b")
}

// UnpackBadMemberError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadMember(uint256 index)
func (committeeArbiter *CommitteeArbiter) UnpackBadMemberError(raw []byte) (*CommitteeArbiterBadMember, error) {
	out := new(CommitteeArbiterBadMember)
	if err := committeeArbiter.abi.UnpackIntoInterface(out, "BadMember", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CommitteeArbiterBadSigner represents a BadSigner error raised by the CommitteeArbiter contract.
type CommitteeArbiterBadSigner struct {
	Index *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadSigner(uint256 index)
func CommitteeArbiterBadSignerErrorID() common.Hash {
	return common.HexToHash("0x9c34e8ba50af1f6baf6811b2d231a02c4e1b73b43a43c76d9fb4a60c2acd3dfc")
}

// UnpackBadSignerError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadSigner(uint256 index)
func (committeeArbiter *CommitteeArbiter) UnpackBadSignerError(raw []byte) (*CommitteeArbiterBadSigner, error) {
	out := new(CommitteeArbiterBadSigner)
	if err := committeeArbiter.abi.UnpackIntoInterface(out, "BadSigner", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CommitteeArbiterBadThreshold represents a BadThreshold error raised by the CommitteeArbiter contract.
type CommitteeArbiterBadThreshold struct {
	Threshold *big.Int
	Members   *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadThreshold(uint256 threshold, uint256 members)
func CommitteeArbiterBadThresholdErrorID() common.Hash {
	return common.HexToHash("0xb8f1f4dfbff2a4f608cc635a071f50b3cc3109a9eba0d5550608469ccde08e87")
}

// UnpackBadThresholdError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadThreshold(uint256 threshold, uint256 members)
func (committeeArbiter *CommitteeArbiter) UnpackBadThresholdError(raw []byte) (*CommitteeArbiterBadThreshold, error) {
	out := new(CommitteeArbiterBadThreshold)
	if err := committeeArbiter.abi.UnpackIntoInterface(out, "BadThreshold", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CommitteeArbiterExpired represents a Expired error raised by the CommitteeArbiter contract.
type CommitteeArbiterExpired struct {
	Deadline uint64
	Time     *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error Expired(uint64 deadline, uint256 time)
func CommitteeArbiterExpiredErrorID() common.Hash {
	return common.HexToHash("0x91cc37bcaeec164e5bc377adb7e09e2a00c91458581814d0294b11a1ab47958a")
}

// UnpackExpiredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error Expired(uint64 deadline, uint256 time)
func (committeeArbiter *CommitteeArbiter) UnpackExpiredError(raw []byte) (*CommitteeArbiterExpired, error) {
	out := new(CommitteeArbiterExpired)
	if err := committeeArbiter.abi.UnpackIntoInterface(out, "Expired", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CommitteeArbiterInvalidShortString represents a InvalidShortString error raised by the CommitteeArbiter contract.
type CommitteeArbiterInvalidShortString struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidShortString()
func CommitteeArbiterInvalidShortStringErrorID() common.Hash {
	return common.HexToHash("0xb3512b0c6163e5f0bafab72bb631b9d58cd7a731b082f910338aa21c83d5c274")
}

// UnpackInvalidShortStringError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidShortString()
func (committeeArbiter *CommitteeArbiter) UnpackInvalidShortStringError(raw []byte) (*CommitteeArbiterInvalidShortString, error) {
	out := new(CommitteeArbiterInvalidShortString)
	if err := committeeArbiter.abi.UnpackIntoInterface(out, "InvalidShortString", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// CommitteeArbiterStringTooLong represents a StringTooLong error raised by the CommitteeArbiter contract.
type CommitteeArbiterStringTooLong struct {
	Str string
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error StringTooLong(string str)
func CommitteeArbiterStringTooLongErrorID() common.Hash {
	return common.HexToHash("0x305a27a93f8e33b7392df0a0f91d6fc63847395853c45991eec52dbf24d72381")
}

// UnpackStringTooLongError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error StringTooLong(string str)
func (committeeArbiter *CommitteeArbiter) UnpackStringTooLongError(raw []byte) (*CommitteeArbiterStringTooLong, error) {
	out := new(CommitteeArbiterStringTooLong)
	if err := committeeArbiter.abi.UnpackIntoInterface(out, "StringTooLong", raw); err != nil {
		return nil, err
	}
	return out, nil
}
