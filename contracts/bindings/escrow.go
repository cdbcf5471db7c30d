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

// Channel is an auto generated low-level Go binding around an user-defined struct.
type Channel struct {
	Funded   *big.Int
	Claimed  *big.Int
	Epoch    uint32
	ClosesAt uint32
}

// Voucher is an auto generated low-level Go binding around an user-defined struct.
type Voucher struct {
	Payer      common.Address
	Signer     common.Address
	Epoch      uint32
	Cumulative *big.Int
	R          [32]byte
	Vs         [32]byte
}

// EscrowMetaData contains all meta data concerning the Escrow contract.
var EscrowMetaData = bind.MetaData{
	ABI: "[{\"inputs\":[{\"internalType\":\"uint32\",\"name\":\"grace\",\"type\":\"uint32\"}],\"stateMutability\":\"nonpayable\",\"type\":\"constructor\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"closesAt\",\"type\":\"uint32\"}],\"name\":\"AlreadyClosing\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"BadConsent\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint96\",\"name\":\"given\",\"type\":\"uint96\"},{\"internalType\":\"uint96\",\"name\":\"claimed\",\"type\":\"uint96\"},{\"internalType\":\"uint96\",\"name\":\"funded\",\"type\":\"uint96\"}],\"name\":\"BadCumulative\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint32\",\"name\":\"current\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"given\",\"type\":\"uint32\"}],\"name\":\"BadEpoch\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint32\",\"name\":\"grace\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"min\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"max\",\"type\":\"uint32\"}],\"name\":\"BadGrace\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"to\",\"type\":\"address\"}],\"name\":\"BadRecipient\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"index\",\"type\":\"uint256\"}],\"name\":\"BadSignature\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"expected\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"sent\",\"type\":\"uint256\"}],\"name\":\"BadValue\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"expected\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"received\",\"type\":\"uint256\"}],\"name\":\"InexactTransfer\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"balance\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"needed\",\"type\":\"uint256\"}],\"name\":\"InsufficientBalance\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"InvalidShortString\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"to\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"amount\",\"type\":\"uint256\"}],\"name\":\"NativeTransferFailed\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"}],\"name\":\"NotClosing\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"}],\"name\":\"NotOpen\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"caller\",\"type\":\"address\"}],\"name\":\"NotPayeeOrOperator\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"ReentrancyGuardReentrantCall\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint8\",\"name\":\"bits\",\"type\":\"uint8\"},{\"internalType\":\"uint256\",\"name\":\"value\",\"type\":\"uint256\"}],\"name\":\"SafeCastOverflowedUintDowncast\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"}],\"name\":\"SafeERC20FailedOperation\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"str\",\"type\":\"string\"}],\"name\":\"StringTooLong\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint32\",\"name\":\"closesAt\",\"type\":\"uint32\"},{\"internalType\":\"uint256\",\"name\":\"time\",\"type\":\"uint256\"}],\"name\":\"TooEarly\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"field\",\"type\":\"string\"}],\"name\":\"ZeroAddress\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"ZeroAmount\",\"type\":\"error\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"claimed\",\"type\":\"uint96\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"refunded\",\"type\":\"uint96\"}],\"name\":\"ChannelClosed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"funded\",\"type\":\"uint96\"}],\"name\":\"ChannelFunded\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"closesAt\",\"type\":\"uint32\"}],\"name\":\"CloseRequested\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint256\",\"name\":\"amount\",\"type\":\"uint256\"}],\"name\":\"Deposited\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[],\"name\":\"EIP712DomainChanged\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"claimed\",\"type\":\"uint96\"}],\"name\":\"Redeemed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"to\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint256\",\"name\":\"amount\",\"type\":\"uint256\"}],\"name\":\"Withdrawn\",\"type\":\"event\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"}],\"name\":\"balanceOf\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"channel\",\"outputs\":[{\"components\":[{\"internalType\":\"uint96\",\"name\":\"funded\",\"type\":\"uint96\"},{\"internalType\":\"uint96\",\"name\":\"claimed\",\"type\":\"uint96\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"closesAt\",\"type\":\"uint32\"}],\"internalType\":\"structChannel\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"}],\"name\":\"channelId\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"components\":[{\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"cumulative\",\"type\":\"uint96\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"internalType\":\"structVoucher\",\"name\":\"voucher\",\"type\":\"tuple\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"closeByPayee\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"paid\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"finalCumulative\",\"type\":\"uint96\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"closeByPayer\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"refunded\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"finalCumulative\",\"type\":\"uint96\"}],\"name\":\"closeDigest\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"closeGrace\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"deposit\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"depositAndFund\",\"outputs\":[],\"stateMutability\":\"payable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"}],\"name\":\"depositNative\",\"outputs\":[],\"stateMutability\":\"payable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"domainSeparator\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"eip712Domain\",\"outputs\":[{\"internalType\":\"bytes1\",\"name\":\"fields\",\"type\":\"bytes1\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"},{\"internalType\":\"uint256\",\"name\":\"chainId\",\"type\":\"uint256\"},{\"internalType\":\"address\",\"name\":\"verifyingContract\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"},{\"internalType\":\"uint256[]\",\"name\":\"extensions\",\"type\":\"uint256[]\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"finalizeClose\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"refunded\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"fund\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"components\":[{\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"cumulative\",\"type\":\"uint96\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"internalType\":\"structVoucher\",\"name\":\"voucher\",\"type\":\"tuple\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"redeem\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"paid\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"components\":[{\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"cumulative\",\"type\":\"uint96\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"internalType\":\"structVoucher[]\",\"name\":\"vouchers\",\"type\":\"tuple[]\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"redeemMany\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"paid\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"}],\"name\":\"requestClose\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"cumulative\",\"type\":\"uint96\"}],\"name\":\"voucherDigest\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"to\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"amount\",\"type\":\"uint256\"}],\"name\":\"withdraw\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"}]",
	ID:  "Escrow",
	Bin: "0x61018080604052346101a3576020816128bc803803809161002082856101a7565b8339810103126101a3575163ffffffff81168082036101a3576040516100476040826101a7565b60058152602081019064526572696760d81b82526040519161006a6040846101a7565b600183526020830191603160f81b8352610083816101de565b61012052610090846101de565b61014052519020918260e05251902080610100524660a0526040519060208201927f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f8452604083015260608201524660808201523060a082015260a081526100f960c0826101a7565b5190206080523060c052603c81108015610197575b610179575061016052604051612672908161024a8239608051816124a2015260a05181612559015260c05181612473015260e051816124f101526101005181612517015261012051816109d701526101405181610a00015261016051818181610b4d0152610cde0152f35b630cd19fc160e01b5f52600452603c60245262278d0060445260645ffd5b5062278d00811161010e565b5f80fd5b601f909101601f19168101906001600160401b038211908210176101ca57604052565b634e487b7160e01b5f52604160045260245ffd5b601f8151116102095760208151910151602082106101fa571790565b5f198260200360031b1b161790565b604460209160405192839163305a27a960e01b83528160048401528051918291826024860152018484015e5f828201840152601f01601f19168101030190fdfe60806040526004361015610011575f80fd5b5f3560e01c80630dca351c1461101257806326119a4b14610efc5780632fc486a614610ee357806333bb7f9114610e1457806347bcf3e714610d025780635c915e4314610ca45780637a68489014610c8b5780637fece77014610ad357806384b0196e146109a15780638cc80b63146107ed578063b5f9451814610770578063b7d9c80e1461069e578063d9caed12146105b6578063e3ea08c414610585578063e8bb121514610525578063eb92025e14610354578063f11d6f7e146101ba578063f698da251461017a5763f7888aec146100ea575f80fd5b346101765760407ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610176576101216110f1565b73ffffffffffffffffffffffffffffffffffffffff61013e611114565b91165f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f52602052602060405f2054604051908152f35b5f80fd5b34610176575f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101765760206101b261245c565b604051908152f35b34610176576101c8366112f2565b929390916101d4611607565b73ffffffffffffffffffffffffffffffffffffffff821633141580610334575b61030857610219818684610207876115d5565b610213602089016115d5565b90611553565b63ffffffff6102278261212b565b5460c01c169560408501968063ffffffff6102418a6115f6565b16036102c957602061026e61029e898989896102998a61029261026686858e88611694565b9889966115d5565b91805f5260038b526bffffffffffffffffffffffff60405f205460601c1690611a9a565b90836119cf565b611a2b565b5f7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d604051908152f35b63ffffffff906102d8896115f6565b907f5d6b77f0000000000000000000000000000000000000000000000000000000005f526004521660245260445ffd5b7f3aaae11f000000000000000000000000000000000000000000000000000000005f523360045260245ffd5b5073ffffffffffffffffffffffffffffffffffffffff85163314156101f4565b34610176576101007ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101765761038c6110f1565b610394611114565b9061039d611137565b906103a661115a565b91608435916bffffffffffffffffffffffff8316938484036101765760e435928315158403610176578187846103e4936103de611607565b33611553565b6103ed8161212b565b54966bffffffffffffffffffffffff8816976bffffffffffffffffffffffff8160601c1698898910801561051c575b6104e95750906104479160c435916104418963ffffffff60a4359460c01c1687611482565b906123c0565b156104c1576104808582610489936bffffffffffffffffffffffff61047160209c61029e9b6115ab565b16998a610490575b5050611a9a565b958693836119cf565b3390611a2b565b8b7f40c8691ff5fcf515438fb9b3b0323b88d6d509a2c9e05d91fcd89e68c1a4b17791604051908152a2808b610479565b7fd711aa38000000000000000000000000000000000000000000000000000000005f5260045ffd5b89897fdc1ef23b000000000000000000000000000000000000000000000000000000005f5260045260245260445260645ffd5b5080891161041c565b3461017657610560610536366111e6565b93610542939193611607565b61055b6bffffffffffffffffffffffff8616338661217c565b611c91565b5f7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d005b346101765760206105ae61029e61059b366112f2565b93959180936105a8611607565b87611694565b938491611a2b565b346101765760607ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610176576105ed6110f1565b6105f5611114565b60443590610601611607565b73ffffffffffffffffffffffffffffffffffffffff811680158015610695575b61066a57508115610642576105609261063b83338361217c565b3390612253565b7f1f2a2005000000000000000000000000000000000000000000000000000000005f5260045ffd5b7ff66e9048000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b50308114610621565b346101765760207ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610176575f60606040516106dc816113f8565b82815282602082015282604082015201526004355f526003602052608060405f2063ffffffff6040519161070f836113f8565b54816bffffffffffffffffffffffff8216938481526bffffffffffffffffffffffff60208201818560601c16815260606040840193858760c01c168552019460e01c8552604051968752511660208601525116604084015251166060820152f35b346101765760a07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610176576107a76110f1565b6107af611114565b906107b8611137565b6107c061115a565b6084359173ffffffffffffffffffffffffffffffffffffffff83168303610176576020946101b294611553565b346101765760607ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610176576108246110f1565b61082c611114565b90604435906bffffffffffffffffffffffff82168092036101765761084f611607565b73ffffffffffffffffffffffffffffffffffffffff81169283156109435773ffffffffffffffffffffffffffffffffffffffff1680156108e55782156106425761056093815f52600260205260405f20815f5260205260405f206108b48582546113be565b90557f8752a472e571a816aea92eec8dae9baf628e840f4929fbcc2d155e6233ff68a76020604051868152a3611f33565b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600560248201527f6f776e65720000000000000000000000000000000000000000000000000000006044820152fd5b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600560248201527f746f6b656e0000000000000000000000000000000000000000000000000000006044820152fd5b34610176575f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc36011261017657610a776109fb7f000000000000000000000000000000000000000000000000000000000000000061257f565b610a247f000000000000000000000000000000000000000000000000000000000000000061257f565b6020610a8560405192610a378385611441565b5f84525f3681376040519586957f0f00000000000000000000000000000000000000000000000000000000000000875260e08588015260e08701906112af565b9085820360408701526112af565b4660608501523060808501525f60a085015283810360c08501528180845192838152019301915f5b828110610abc57505050500390f35b835185528695509381019392810192600101610aad565b346101765760807ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc36011261017657610b2f610b0d6110f1565b610b15611114565b610b1d611137565b91610b2661115a565b926103de611607565b610b388161212b565b805460e01c80610c5c5750610b7363ffffffff7f000000000000000000000000000000000000000000000000000000000000000016426113be565b63ffffffff8111610c2c5781547bffffffffffffffffffffffffffffffffffffffffffffffffffffffff1660e082901b7fffffffff00000000000000000000000000000000000000000000000000000000161782557fe061cbf286197f3b27a0e317367b039267202a7d4b72520b2fe52f612b33e3f59160409163ffffffff908116915460c01c169082519182526020820152a25f7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d005b7f6dfcc650000000000000000000000000000000000000000000000000000000005f52602060045260245260445ffd5b827f11b8a496000000000000000000000000000000000000000000000000000000005f5260045260245260445ffd5b346101765760206101b2610c9e3661118c565b916114f0565b34610176575f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc36011261017657602060405163ffffffff7f0000000000000000000000000000000000000000000000000000000000000000168152f35b610d0b366111e6565b909391610d16611607565b73ffffffffffffffffffffffffffffffffffffffff8516938415938415610e01576bffffffffffffffffffffffff845b16803403610dd25750918691610d9894936040516bffffffffffffffffffffffff8616988982527f8752a472e571a816aea92eec8dae9baf628e840f4929fbcc2d155e6233ff68a760203393a3611c91565b15610dc2575f7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d005b610dcb91611f33565b8080610560565b7f8c54e309000000000000000000000000000000000000000000000000000000005f526004523460245260445ffd5b6bffffffffffffffffffffffff5f610d46565b60207ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101765773ffffffffffffffffffffffffffffffffffffffff610e5b6110f1565b610e63611607565b1680156108e557341561064257805f52600260205260405f205f805260205260405f20610e913482546113be565b90555f7f8752a472e571a816aea92eec8dae9baf628e840f4929fbcc2d155e6233ff68a76020604051348152a35f7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d005b346101765760206101b2610ef63661118c565b91611482565b346101765760a07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc36011261017657610f336110f1565b610f3b611114565b610f63610f46611137565b92610f4f61115a565b928391610f5a61117d565b956103de611607565b805f52600360205260405f205460e01c8015610fe657804210610fb75750602092610fae8261029e935f52600386526bffffffffffffffffffffffff60405f205460601c1690611a9a565b80933390611a2b565b7fc7b5e1b8000000000000000000000000000000000000000000000000000000005f526004524260245260445ffd5b507f713ee726000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b346101765760a07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610176576110496110f1565b611051611114565b9061105a611137565b906064359167ffffffffffffffff831161017657366023840112156101765782600401359367ffffffffffffffff85116101765736602460c0870286010111610176576110a561117d565b936110ae611607565b5f94855b878710156110e3576110db6001916110d589602460c0820288010189898c61186d565b906113be565b9601956110b2565b61029e602092828888611a2b565b6004359073ffffffffffffffffffffffffffffffffffffffff8216820361017657565b6024359073ffffffffffffffffffffffffffffffffffffffff8216820361017657565b6044359073ffffffffffffffffffffffffffffffffffffffff8216820361017657565b6064359073ffffffffffffffffffffffffffffffffffffffff8216820361017657565b60843590811515820361017657565b7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc6060910112610176576004359060243563ffffffff8116810361017657906044356bffffffffffffffffffffffff811681036101765790565b7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc60a09101126101765760043573ffffffffffffffffffffffffffffffffffffffff81168103610176579060243573ffffffffffffffffffffffffffffffffffffffff81168103610176579060443573ffffffffffffffffffffffffffffffffffffffff81168103610176579060643573ffffffffffffffffffffffffffffffffffffffff8116810361017657906084356bffffffffffffffffffffffff811681036101765790565b907fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f602080948051918291828752018686015e5f8582860101520116010190565b906101407ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc8301126101765760043573ffffffffffffffffffffffffffffffffffffffff81168103610176579160243573ffffffffffffffffffffffffffffffffffffffff81168103610176579160443573ffffffffffffffffffffffffffffffffffffffff81168103610176577fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff9c60c091930112610176576064906101243580151581036101765790565b919082018092116113cb57565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b6080810190811067ffffffffffffffff82111761141457604052565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52604160045260245ffd5b90601f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0910116810190811067ffffffffffffffff82111761141457604052565b906bffffffffffffffffffffffff6114ed9363ffffffff6040519360208501957fd8f13bfff04b80e51ae6ec8ad7f42f25d27154762b7d9648318fda762f1292f687526040860152166060840152166080820152608081526114e560a082611441565b519020611c50565b90565b906bffffffffffffffffffffffff6114ed9363ffffffff6040519360208501957fdafec05637537bb1d28853923abf7c1e27b5bf131530de59b2219f22fdc69d3487526040860152166060840152166080820152608081526114e560a082611441565b93909273ffffffffffffffffffffffffffffffffffffffff929083809281604051978160208a019a168a521660408801521660608601521660808401521660a082015260a081526115a560c082611441565b51902090565b906bffffffffffffffffffffffff809116911603906bffffffffffffffffffffffff82116113cb57565b3573ffffffffffffffffffffffffffffffffffffffff811681036101765790565b3563ffffffff811681036101765790565b7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005c6116535760017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d565b7f3ee5aeb5000000000000000000000000000000000000000000000000000000005f5260045ffd5b356bffffffffffffffffffffffff811681036101765790565b916116b4919493946116a5866115d5565b936020870194610213866115d5565b90815f52600360205260405f20938454906bffffffffffffffffffffffff821663ffffffff6bffffffffffffffffffffffff8460601c169360c01c166060830191806bffffffffffffffffffffffff61170c8561167b565b161015611867575061171d8261167b565b945b8163ffffffff611731604087016115f6565b161480159061184f575b6118435761177193929161175a611754611761936115d5565b9361167b565b90886114f0565b608060a0840135930135916123c0565b156118175781611800816bffffffffffffffffffffffff6117b56020957f40c8691ff5fcf515438fb9b3b0323b88d6d509a2c9e05d91fcd89e68c1a4b177976115ab565b1697907fffffffffffffffff000000000000000000000000ffffffffffffffffffffffff77ffffffffffffffffffffffff00000000000000000000000083549260601b169116179055565b6bffffffffffffffffffffffff60405191168152a2565b7fa1c97319000000000000000000000000000000000000000000000000000000005f525f60045260245ffd5b505f9750505050505050565b50846bffffffffffffffffffffffff8716111561173b565b9461171f565b9161188d9195949561187e856115d5565b936020860194610213866115d5565b91825f52600360205260405f20948554916bffffffffffffffffffffffff831663ffffffff6bffffffffffffffffffffffff8560601c169460c01c166060830191806bffffffffffffffffffffffff6118e58561167b565b1610156119c957506118f68261167b565b955b8163ffffffff61190a604087016115f6565b16148015906119b1575b6119a45761193493929161192d611754611761936115d5565b90896114f0565b15611979575081611800816bffffffffffffffffffffffff6117b56020957f40c8691ff5fcf515438fb9b3b0323b88d6d509a2c9e05d91fcd89e68c1a4b177976115ab565b7fa1c97319000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b505f985050505050505050565b50856bffffffffffffffffffffffff88161115611914565b956118f8565b908215611a265773ffffffffffffffffffffffffffffffffffffffff165f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f52602052611a2260405f209182546113be565b9055565b505050565b9091928315611a945715611a47579080611a459392612253565b565b9073ffffffffffffffffffffffffffffffffffffffff165f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f52602052611a2260405f209182546113be565b50505050565b805f52600360205260405f205463ffffffff611ac4846bffffffffffffffffffffffff84166115ab565b9160c01c1692600184019063ffffffff82116113cb577f5984579cfe1864d919dd1b162d4efd401edf704b7ce3f103bd5ed31fb3dd0758926bffffffffffffffffffffffff8092611c3860609563ffffffff8960405192611b24846113f8565b5f8452611bc687602086015f81528560408801941684528c8701945f86525f526003602052818060405f20985116167fffffffffffffffffffffffffffffffffffffffff000000000000000000000000885416178755511685907fffffffffffffffff000000000000000000000000ffffffffffffffffffffffff77ffffffffffffffffffffffff00000000000000000000000083549260601b169116179055565b518354915177ffffffffffffffffffffffffffffffffffffffffffffffff90921660c09190911b7bffffffff0000000000000000000000000000000000000000000000001617911660e01b7fffffffff0000000000000000000000000000000000000000000000000000000016179055565b6040519788521660208701521693846040820152a290565b604290611c5b61245c565b90604051917f19010000000000000000000000000000000000000000000000000000000000008352600283015260228201522090565b936bffffffffffffffffffffffff9093919293169182156106425773ffffffffffffffffffffffffffffffffffffffff8516948515611ed55773ffffffffffffffffffffffffffffffffffffffff8216948515611e775773ffffffffffffffffffffffffffffffffffffffff8116928315611e1957611d1292859233611553565b92835f52600360205260405f2091816bffffffffffffffffffffffff84541601926bffffffffffffffffffffffff84116113cb576bffffffffffffffffffffffff9463ffffffff73ffffffffffffffffffffffffffffffffffffffff928787167fffffffffffffffffffffffffffffffffffffffff000000000000000000000000825416178155805460e01c611df2575b5460c01c16926040519889526020890152166040870152606086015260808501521660a08301527f2213fd90c1f259728b1ecd5e18fe9ef0a0d32a1f927019c630c8e7309bbface560c03393a4565b7bffffffffffffffffffffffffffffffffffffffffffffffffffffffff8154168155611da3565b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600660248201527f7369676e657200000000000000000000000000000000000000000000000000006044820152fd5b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600860248201527f6f70657261746f720000000000000000000000000000000000000000000000006044820152fd5b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600560248201527f70617965650000000000000000000000000000000000000000000000000000006044820152fd5b73ffffffffffffffffffffffffffffffffffffffff1690604051917f70a08231000000000000000000000000000000000000000000000000000000008352306004840152602083602481845afa9283156120a1575f936120f7575b50604051927f23b872dd000000000000000000000000000000000000000000000000000000005f5233600452306024528260445260205f60648180865af160015f51148116156120d8575b846040525f606052156120ac577f70a08231000000000000000000000000000000000000000000000000000000008452306004850152602084602481855afa9384156120a1575f9461206d575b5083039283116113cb5781830361203c57505050565b7f495a9962000000000000000000000000000000000000000000000000000000005f5260045260245260445260645ffd5b9093506020813d602011612099575b8161208960209383611441565b810103126101765751925f612026565b3d915061207c565b6040513d5f823e3d90fd5b507f5274afe7000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b60018115166120ee57823b15153d151616611fd9565b843d5f823e3d90fd5b9092506020813d602011612123575b8161211360209383611441565b810103126101765751915f611f8e565b3d9150612106565b90815f52600360205260405f20916bffffffffffffffffffffffff835416156121515750565b7f068e1080000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b919073ffffffffffffffffffffffffffffffffffffffff1691825f52600260205260405f2073ffffffffffffffffffffffffffffffffffffffff82165f5260205260405f2054928284106121fb575f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f5260205260405f2091039055565b828473ffffffffffffffffffffffffffffffffffffffff608494604051947f861da4bd000000000000000000000000000000000000000000000000000000008652600486015216602484015260448301526064820152fd5b73ffffffffffffffffffffffffffffffffffffffff9093919293169273ffffffffffffffffffffffffffffffffffffffff81168093857fa4195c37c2947bbe89165f03e320b6903116f0b10d8cfdb522330f7ce6f9fa24602073ffffffffffffffffffffffffffffffffffffffff604051948886521693a4831561236e5750604051917fa9059cbb000000000000000000000000000000000000000000000000000000005f5260045260245260205f60448180865af19060015f511482161561234d575b604052156123225750565b7f5274afe7000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b90600181151661236557823b15153d15161690612317565b503d5f823e3d90fd5b8193505f808093819382604051612386602082611441565b525af115612392575050565b7fa5b05eec000000000000000000000000000000000000000000000000000000005f5260045260245260445ffd5b9290916123f99260ff601b7f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff851694821c0116906125d6565b50600481101561242f5715918261240f57505090565b73ffffffffffffffffffffffffffffffffffffffff919250811691161490565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd5b73ffffffffffffffffffffffffffffffffffffffff7f000000000000000000000000000000000000000000000000000000000000000016301480612556575b156124c4577f000000000000000000000000000000000000000000000000000000000000000090565b60405160208101907f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f82527f000000000000000000000000000000000000000000000000000000000000000060408201527f000000000000000000000000000000000000000000000000000000000000000060608201524660808201523060a082015260a081526115a560c082611441565b507f0000000000000000000000000000000000000000000000000000000000000000461461249b565b60ff811690601f82116125ae576040519161259b604084611441565b6020808452838101919036833783525290565b7fb3512b0c000000000000000000000000000000000000000000000000000000005f5260045ffd5b91907f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0841161265a579160209360809260ff5f9560405194855216868401526040830152606082015282805260015afa156120a1575f5173ffffffffffffffffffffffffffffffffffffffff81161561265057905f905f90565b505f906001905f90565b5050505f916003919056fea164736f6c6343000825000a",
}

// Escrow is an auto generated Go binding around an Ethereum contract.
type Escrow struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *Escrow) GetABI() abi.ABI {
	return c.abi
}

// NewEscrow creates a new instance of Escrow.
func NewEscrow() *Escrow {
	parsed, err := EscrowMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &Escrow{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *Escrow) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackConstructor is the Go binding used to pack the parameters required for
// contract deployment.
//
// Solidity: constructor(uint32 grace) returns()
func (escrow *Escrow) PackConstructor(grace uint32) []byte {
	enc, err := escrow.abi.Pack("", grace)
	if err != nil {
		panic(err)
	}
	return enc
}

// PackBalanceOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf7888aec.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function balanceOf(address owner, address token) view returns(uint256)
func (escrow *Escrow) PackBalanceOf(owner common.Address, token common.Address) []byte {
	enc, err := escrow.abi.Pack("balanceOf", owner, token)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBalanceOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf7888aec.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function balanceOf(address owner, address token) view returns(uint256)
func (escrow *Escrow) TryPackBalanceOf(owner common.Address, token common.Address) ([]byte, error) {
	return escrow.abi.Pack("balanceOf", owner, token)
}

// UnpackBalanceOf is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf7888aec.
//
// Solidity: function balanceOf(address owner, address token) view returns(uint256)
func (escrow *Escrow) UnpackBalanceOf(data []byte) (*big.Int, error) {
	out, err := escrow.abi.Unpack("balanceOf", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackChannel is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb7d9c80e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function channel(bytes32 id) view returns((uint96,uint96,uint32,uint32))
func (escrow *Escrow) PackChannel(id [32]byte) []byte {
	enc, err := escrow.abi.Pack("channel", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackChannel is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb7d9c80e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function channel(bytes32 id) view returns((uint96,uint96,uint32,uint32))
func (escrow *Escrow) TryPackChannel(id [32]byte) ([]byte, error) {
	return escrow.abi.Pack("channel", id)
}

// UnpackChannel is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xb7d9c80e.
//
// Solidity: function channel(bytes32 id) view returns((uint96,uint96,uint32,uint32))
func (escrow *Escrow) UnpackChannel(data []byte) (Channel, error) {
	out, err := escrow.abi.Unpack("channel", data)
	if err != nil {
		return *new(Channel), err
	}
	out0 := *abi.ConvertType(out[0], new(Channel)).(*Channel)
	return out0, nil
}

// PackChannelId is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb5f94518.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function channelId(address payer, address signer, address payee, address operator, address token) pure returns(bytes32)
func (escrow *Escrow) PackChannelId(payer common.Address, signer common.Address, payee common.Address, operator common.Address, token common.Address) []byte {
	enc, err := escrow.abi.Pack("channelId", payer, signer, payee, operator, token)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackChannelId is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb5f94518.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function channelId(address payer, address signer, address payee, address operator, address token) pure returns(bytes32)
func (escrow *Escrow) TryPackChannelId(payer common.Address, signer common.Address, payee common.Address, operator common.Address, token common.Address) ([]byte, error) {
	return escrow.abi.Pack("channelId", payer, signer, payee, operator, token)
}

// UnpackChannelId is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xb5f94518.
//
// Solidity: function channelId(address payer, address signer, address payee, address operator, address token) pure returns(bytes32)
func (escrow *Escrow) UnpackChannelId(data []byte) ([32]byte, error) {
	out, err := escrow.abi.Unpack("channelId", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackCloseByPayee is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf11d6f7e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function closeByPayee(address payee, address operator, address token, (address,address,uint32,uint96,bytes32,bytes32) voucher, bool payout) returns(uint256 paid)
func (escrow *Escrow) PackCloseByPayee(payee common.Address, operator common.Address, token common.Address, voucher Voucher, payout bool) []byte {
	enc, err := escrow.abi.Pack("closeByPayee", payee, operator, token, voucher, payout)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCloseByPayee is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf11d6f7e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function closeByPayee(address payee, address operator, address token, (address,address,uint32,uint96,bytes32,bytes32) voucher, bool payout) returns(uint256 paid)
func (escrow *Escrow) TryPackCloseByPayee(payee common.Address, operator common.Address, token common.Address, voucher Voucher, payout bool) ([]byte, error) {
	return escrow.abi.Pack("closeByPayee", payee, operator, token, voucher, payout)
}

// UnpackCloseByPayee is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf11d6f7e.
//
// Solidity: function closeByPayee(address payee, address operator, address token, (address,address,uint32,uint96,bytes32,bytes32) voucher, bool payout) returns(uint256 paid)
func (escrow *Escrow) UnpackCloseByPayee(data []byte) (*big.Int, error) {
	out, err := escrow.abi.Unpack("closeByPayee", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackCloseByPayer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xeb92025e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function closeByPayer(address payee, address operator, address signer, address token, uint96 finalCumulative, bytes32 r, bytes32 vs, bool payout) returns(uint256 refunded)
func (escrow *Escrow) PackCloseByPayer(payee common.Address, operator common.Address, signer common.Address, token common.Address, finalCumulative *big.Int, r [32]byte, vs [32]byte, payout bool) []byte {
	enc, err := escrow.abi.Pack("closeByPayer", payee, operator, signer, token, finalCumulative, r, vs, payout)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCloseByPayer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xeb92025e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function closeByPayer(address payee, address operator, address signer, address token, uint96 finalCumulative, bytes32 r, bytes32 vs, bool payout) returns(uint256 refunded)
func (escrow *Escrow) TryPackCloseByPayer(payee common.Address, operator common.Address, signer common.Address, token common.Address, finalCumulative *big.Int, r [32]byte, vs [32]byte, payout bool) ([]byte, error) {
	return escrow.abi.Pack("closeByPayer", payee, operator, signer, token, finalCumulative, r, vs, payout)
}

// UnpackCloseByPayer is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xeb92025e.
//
// Solidity: function closeByPayer(address payee, address operator, address signer, address token, uint96 finalCumulative, bytes32 r, bytes32 vs, bool payout) returns(uint256 refunded)
func (escrow *Escrow) UnpackCloseByPayer(data []byte) (*big.Int, error) {
	out, err := escrow.abi.Unpack("closeByPayer", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackCloseDigest is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2fc486a6.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function closeDigest(bytes32 id, uint32 epoch, uint96 finalCumulative) view returns(bytes32)
func (escrow *Escrow) PackCloseDigest(id [32]byte, epoch uint32, finalCumulative *big.Int) []byte {
	enc, err := escrow.abi.Pack("closeDigest", id, epoch, finalCumulative)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCloseDigest is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2fc486a6.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function closeDigest(bytes32 id, uint32 epoch, uint96 finalCumulative) view returns(bytes32)
func (escrow *Escrow) TryPackCloseDigest(id [32]byte, epoch uint32, finalCumulative *big.Int) ([]byte, error) {
	return escrow.abi.Pack("closeDigest", id, epoch, finalCumulative)
}

// UnpackCloseDigest is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x2fc486a6.
//
// Solidity: function closeDigest(bytes32 id, uint32 epoch, uint96 finalCumulative) view returns(bytes32)
func (escrow *Escrow) UnpackCloseDigest(data []byte) ([32]byte, error) {
	out, err := escrow.abi.Unpack("closeDigest", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackCloseGrace is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5c915e43.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function closeGrace() view returns(uint32)
func (escrow *Escrow) PackCloseGrace() []byte {
	enc, err := escrow.abi.Pack("closeGrace")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCloseGrace is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5c915e43.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function closeGrace() view returns(uint32)
func (escrow *Escrow) TryPackCloseGrace() ([]byte, error) {
	return escrow.abi.Pack("closeGrace")
}

// UnpackCloseGrace is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x5c915e43.
//
// Solidity: function closeGrace() view returns(uint32)
func (escrow *Escrow) UnpackCloseGrace(data []byte) (uint32, error) {
	out, err := escrow.abi.Unpack("closeGrace", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackDeposit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8cc80b63.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function deposit(address token, address owner, uint96 amount) returns()
func (escrow *Escrow) PackDeposit(token common.Address, owner common.Address, amount *big.Int) []byte {
	enc, err := escrow.abi.Pack("deposit", token, owner, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDeposit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8cc80b63.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function deposit(address token, address owner, uint96 amount) returns()
func (escrow *Escrow) TryPackDeposit(token common.Address, owner common.Address, amount *big.Int) ([]byte, error) {
	return escrow.abi.Pack("deposit", token, owner, amount)
}

// PackDepositAndFund is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x47bcf3e7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function depositAndFund(address payee, address operator, address signer, address token, uint96 amount) payable returns()
func (escrow *Escrow) PackDepositAndFund(payee common.Address, operator common.Address, signer common.Address, token common.Address, amount *big.Int) []byte {
	enc, err := escrow.abi.Pack("depositAndFund", payee, operator, signer, token, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDepositAndFund is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x47bcf3e7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function depositAndFund(address payee, address operator, address signer, address token, uint96 amount) payable returns()
func (escrow *Escrow) TryPackDepositAndFund(payee common.Address, operator common.Address, signer common.Address, token common.Address, amount *big.Int) ([]byte, error) {
	return escrow.abi.Pack("depositAndFund", payee, operator, signer, token, amount)
}

// PackDepositNative is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x33bb7f91.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function depositNative(address owner) payable returns()
func (escrow *Escrow) PackDepositNative(owner common.Address) []byte {
	enc, err := escrow.abi.Pack("depositNative", owner)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDepositNative is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x33bb7f91.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function depositNative(address owner) payable returns()
func (escrow *Escrow) TryPackDepositNative(owner common.Address) ([]byte, error) {
	return escrow.abi.Pack("depositNative", owner)
}

// PackDomainSeparator is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf698da25.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function domainSeparator() view returns(bytes32)
func (escrow *Escrow) PackDomainSeparator() []byte {
	enc, err := escrow.abi.Pack("domainSeparator")
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
func (escrow *Escrow) TryPackDomainSeparator() ([]byte, error) {
	return escrow.abi.Pack("domainSeparator")
}

// UnpackDomainSeparator is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf698da25.
//
// Solidity: function domainSeparator() view returns(bytes32)
func (escrow *Escrow) UnpackDomainSeparator(data []byte) ([32]byte, error) {
	out, err := escrow.abi.Unpack("domainSeparator", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackEip712Domain is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x84b0196e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function eip712Domain() view returns(bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)
func (escrow *Escrow) PackEip712Domain() []byte {
	enc, err := escrow.abi.Pack("eip712Domain")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackEip712Domain is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x84b0196e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function eip712Domain() view returns(bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)
func (escrow *Escrow) TryPackEip712Domain() ([]byte, error) {
	return escrow.abi.Pack("eip712Domain")
}

// Eip712DomainOutput serves as a container for the return parameters of contract
// method Eip712Domain.
type Eip712DomainOutput struct {
	Fields            [1]byte
	Name              string
	Version           string
	ChainId           *big.Int
	VerifyingContract common.Address
	Salt              [32]byte
	Extensions        []*big.Int
}

// UnpackEip712Domain is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x84b0196e.
//
// Solidity: function eip712Domain() view returns(bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)
func (escrow *Escrow) UnpackEip712Domain(data []byte) (Eip712DomainOutput, error) {
	out, err := escrow.abi.Unpack("eip712Domain", data)
	outstruct := new(Eip712DomainOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Fields = *abi.ConvertType(out[0], new([1]byte)).(*[1]byte)
	outstruct.Name = *abi.ConvertType(out[1], new(string)).(*string)
	outstruct.Version = *abi.ConvertType(out[2], new(string)).(*string)
	outstruct.ChainId = abi.ConvertType(out[3], new(big.Int)).(*big.Int)
	outstruct.VerifyingContract = *abi.ConvertType(out[4], new(common.Address)).(*common.Address)
	outstruct.Salt = *abi.ConvertType(out[5], new([32]byte)).(*[32]byte)
	outstruct.Extensions = *abi.ConvertType(out[6], new([]*big.Int)).(*[]*big.Int)
	return *outstruct, nil
}

// PackFinalizeClose is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x26119a4b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function finalizeClose(address payee, address operator, address signer, address token, bool payout) returns(uint256 refunded)
func (escrow *Escrow) PackFinalizeClose(payee common.Address, operator common.Address, signer common.Address, token common.Address, payout bool) []byte {
	enc, err := escrow.abi.Pack("finalizeClose", payee, operator, signer, token, payout)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFinalizeClose is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x26119a4b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function finalizeClose(address payee, address operator, address signer, address token, bool payout) returns(uint256 refunded)
func (escrow *Escrow) TryPackFinalizeClose(payee common.Address, operator common.Address, signer common.Address, token common.Address, payout bool) ([]byte, error) {
	return escrow.abi.Pack("finalizeClose", payee, operator, signer, token, payout)
}

// UnpackFinalizeClose is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x26119a4b.
//
// Solidity: function finalizeClose(address payee, address operator, address signer, address token, bool payout) returns(uint256 refunded)
func (escrow *Escrow) UnpackFinalizeClose(data []byte) (*big.Int, error) {
	out, err := escrow.abi.Unpack("finalizeClose", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackFund is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe8bb1215.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function fund(address payee, address operator, address signer, address token, uint96 amount) returns()
func (escrow *Escrow) PackFund(payee common.Address, operator common.Address, signer common.Address, token common.Address, amount *big.Int) []byte {
	enc, err := escrow.abi.Pack("fund", payee, operator, signer, token, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFund is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe8bb1215.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function fund(address payee, address operator, address signer, address token, uint96 amount) returns()
func (escrow *Escrow) TryPackFund(payee common.Address, operator common.Address, signer common.Address, token common.Address, amount *big.Int) ([]byte, error) {
	return escrow.abi.Pack("fund", payee, operator, signer, token, amount)
}

// PackRedeem is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe3ea08c4.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function redeem(address payee, address operator, address token, (address,address,uint32,uint96,bytes32,bytes32) voucher, bool payout) returns(uint256 paid)
func (escrow *Escrow) PackRedeem(payee common.Address, operator common.Address, token common.Address, voucher Voucher, payout bool) []byte {
	enc, err := escrow.abi.Pack("redeem", payee, operator, token, voucher, payout)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRedeem is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe3ea08c4.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function redeem(address payee, address operator, address token, (address,address,uint32,uint96,bytes32,bytes32) voucher, bool payout) returns(uint256 paid)
func (escrow *Escrow) TryPackRedeem(payee common.Address, operator common.Address, token common.Address, voucher Voucher, payout bool) ([]byte, error) {
	return escrow.abi.Pack("redeem", payee, operator, token, voucher, payout)
}

// UnpackRedeem is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xe3ea08c4.
//
// Solidity: function redeem(address payee, address operator, address token, (address,address,uint32,uint96,bytes32,bytes32) voucher, bool payout) returns(uint256 paid)
func (escrow *Escrow) UnpackRedeem(data []byte) (*big.Int, error) {
	out, err := escrow.abi.Unpack("redeem", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackRedeemMany is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0dca351c.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function redeemMany(address payee, address operator, address token, (address,address,uint32,uint96,bytes32,bytes32)[] vouchers, bool payout) returns(uint256 paid)
func (escrow *Escrow) PackRedeemMany(payee common.Address, operator common.Address, token common.Address, vouchers []Voucher, payout bool) []byte {
	enc, err := escrow.abi.Pack("redeemMany", payee, operator, token, vouchers, payout)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRedeemMany is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0dca351c.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function redeemMany(address payee, address operator, address token, (address,address,uint32,uint96,bytes32,bytes32)[] vouchers, bool payout) returns(uint256 paid)
func (escrow *Escrow) TryPackRedeemMany(payee common.Address, operator common.Address, token common.Address, vouchers []Voucher, payout bool) ([]byte, error) {
	return escrow.abi.Pack("redeemMany", payee, operator, token, vouchers, payout)
}

// UnpackRedeemMany is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x0dca351c.
//
// Solidity: function redeemMany(address payee, address operator, address token, (address,address,uint32,uint96,bytes32,bytes32)[] vouchers, bool payout) returns(uint256 paid)
func (escrow *Escrow) UnpackRedeemMany(data []byte) (*big.Int, error) {
	out, err := escrow.abi.Unpack("redeemMany", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackRequestClose is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7fece770.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function requestClose(address payee, address operator, address signer, address token) returns()
func (escrow *Escrow) PackRequestClose(payee common.Address, operator common.Address, signer common.Address, token common.Address) []byte {
	enc, err := escrow.abi.Pack("requestClose", payee, operator, signer, token)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRequestClose is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7fece770.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function requestClose(address payee, address operator, address signer, address token) returns()
func (escrow *Escrow) TryPackRequestClose(payee common.Address, operator common.Address, signer common.Address, token common.Address) ([]byte, error) {
	return escrow.abi.Pack("requestClose", payee, operator, signer, token)
}

// PackVoucherDigest is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7a684890.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function voucherDigest(bytes32 id, uint32 epoch, uint96 cumulative) view returns(bytes32)
func (escrow *Escrow) PackVoucherDigest(id [32]byte, epoch uint32, cumulative *big.Int) []byte {
	enc, err := escrow.abi.Pack("voucherDigest", id, epoch, cumulative)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackVoucherDigest is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7a684890.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function voucherDigest(bytes32 id, uint32 epoch, uint96 cumulative) view returns(bytes32)
func (escrow *Escrow) TryPackVoucherDigest(id [32]byte, epoch uint32, cumulative *big.Int) ([]byte, error) {
	return escrow.abi.Pack("voucherDigest", id, epoch, cumulative)
}

// UnpackVoucherDigest is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x7a684890.
//
// Solidity: function voucherDigest(bytes32 id, uint32 epoch, uint96 cumulative) view returns(bytes32)
func (escrow *Escrow) UnpackVoucherDigest(data []byte) ([32]byte, error) {
	out, err := escrow.abi.Unpack("voucherDigest", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackWithdraw is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd9caed12.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function withdraw(address token, address to, uint256 amount) returns()
func (escrow *Escrow) PackWithdraw(token common.Address, to common.Address, amount *big.Int) []byte {
	enc, err := escrow.abi.Pack("withdraw", token, to, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackWithdraw is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd9caed12.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function withdraw(address token, address to, uint256 amount) returns()
func (escrow *Escrow) TryPackWithdraw(token common.Address, to common.Address, amount *big.Int) ([]byte, error) {
	return escrow.abi.Pack("withdraw", token, to, amount)
}

// EscrowChannelClosed represents a ChannelClosed event raised by the Escrow contract.
type EscrowChannelClosed struct {
	ChannelId [32]byte
	Epoch     uint32
	Claimed   *big.Int
	Refunded  *big.Int
	Raw       *types.Log // Blockchain specific contextual infos
}

const EscrowChannelClosedEventName = "ChannelClosed"

// ContractEventName returns the user-defined event name.
func (EscrowChannelClosed) ContractEventName() string {
	return EscrowChannelClosedEventName
}

// UnpackChannelClosedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event ChannelClosed(bytes32 indexed channelId, uint32 epoch, uint96 claimed, uint96 refunded)
func (escrow *Escrow) UnpackChannelClosedEvent(log *types.Log) (*EscrowChannelClosed, error) {
	event := "ChannelClosed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowChannelClosed)
	if len(log.Data) > 0 {
		if err := escrow.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range escrow.abi.Events[event].Inputs {
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

// EscrowChannelFunded represents a ChannelFunded event raised by the Escrow contract.
type EscrowChannelFunded struct {
	ChannelId [32]byte
	Payer     common.Address
	Payee     common.Address
	Operator  common.Address
	Signer    common.Address
	Token     common.Address
	Epoch     uint32
	Amount    *big.Int
	Funded    *big.Int
	Raw       *types.Log // Blockchain specific contextual infos
}

const EscrowChannelFundedEventName = "ChannelFunded"

// ContractEventName returns the user-defined event name.
func (EscrowChannelFunded) ContractEventName() string {
	return EscrowChannelFundedEventName
}

// UnpackChannelFundedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event ChannelFunded(bytes32 indexed channelId, address indexed payer, address indexed payee, address operator, address signer, address token, uint32 epoch, uint96 amount, uint96 funded)
func (escrow *Escrow) UnpackChannelFundedEvent(log *types.Log) (*EscrowChannelFunded, error) {
	event := "ChannelFunded"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowChannelFunded)
	if len(log.Data) > 0 {
		if err := escrow.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range escrow.abi.Events[event].Inputs {
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

// EscrowCloseRequested represents a CloseRequested event raised by the Escrow contract.
type EscrowCloseRequested struct {
	ChannelId [32]byte
	Epoch     uint32
	ClosesAt  uint32
	Raw       *types.Log // Blockchain specific contextual infos
}

const EscrowCloseRequestedEventName = "CloseRequested"

// ContractEventName returns the user-defined event name.
func (EscrowCloseRequested) ContractEventName() string {
	return EscrowCloseRequestedEventName
}

// UnpackCloseRequestedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event CloseRequested(bytes32 indexed channelId, uint32 epoch, uint32 closesAt)
func (escrow *Escrow) UnpackCloseRequestedEvent(log *types.Log) (*EscrowCloseRequested, error) {
	event := "CloseRequested"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowCloseRequested)
	if len(log.Data) > 0 {
		if err := escrow.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range escrow.abi.Events[event].Inputs {
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

// EscrowDeposited represents a Deposited event raised by the Escrow contract.
type EscrowDeposited struct {
	Token  common.Address
	Owner  common.Address
	Amount *big.Int
	Raw    *types.Log // Blockchain specific contextual infos
}

const EscrowDepositedEventName = "Deposited"

// ContractEventName returns the user-defined event name.
func (EscrowDeposited) ContractEventName() string {
	return EscrowDepositedEventName
}

// UnpackDepositedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Deposited(address indexed token, address indexed owner, uint256 amount)
func (escrow *Escrow) UnpackDepositedEvent(log *types.Log) (*EscrowDeposited, error) {
	event := "Deposited"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowDeposited)
	if len(log.Data) > 0 {
		if err := escrow.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range escrow.abi.Events[event].Inputs {
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

// EscrowEIP712DomainChanged represents a EIP712DomainChanged event raised by the Escrow contract.
type EscrowEIP712DomainChanged struct {
	Raw *types.Log // Blockchain specific contextual infos
}

const EscrowEIP712DomainChangedEventName = "EIP712DomainChanged"

// ContractEventName returns the user-defined event name.
func (EscrowEIP712DomainChanged) ContractEventName() string {
	return EscrowEIP712DomainChangedEventName
}

// UnpackEIP712DomainChangedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event EIP712DomainChanged()
func (escrow *Escrow) UnpackEIP712DomainChangedEvent(log *types.Log) (*EscrowEIP712DomainChanged, error) {
	event := "EIP712DomainChanged"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowEIP712DomainChanged)
	if len(log.Data) > 0 {
		if err := escrow.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range escrow.abi.Events[event].Inputs {
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

// EscrowRedeemed represents a Redeemed event raised by the Escrow contract.
type EscrowRedeemed struct {
	ChannelId [32]byte
	Claimed   *big.Int
	Raw       *types.Log // Blockchain specific contextual infos
}

const EscrowRedeemedEventName = "Redeemed"

// ContractEventName returns the user-defined event name.
func (EscrowRedeemed) ContractEventName() string {
	return EscrowRedeemedEventName
}

// UnpackRedeemedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Redeemed(bytes32 indexed channelId, uint96 claimed)
func (escrow *Escrow) UnpackRedeemedEvent(log *types.Log) (*EscrowRedeemed, error) {
	event := "Redeemed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowRedeemed)
	if len(log.Data) > 0 {
		if err := escrow.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range escrow.abi.Events[event].Inputs {
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

// EscrowWithdrawn represents a Withdrawn event raised by the Escrow contract.
type EscrowWithdrawn struct {
	Token  common.Address
	Owner  common.Address
	To     common.Address
	Amount *big.Int
	Raw    *types.Log // Blockchain specific contextual infos
}

const EscrowWithdrawnEventName = "Withdrawn"

// ContractEventName returns the user-defined event name.
func (EscrowWithdrawn) ContractEventName() string {
	return EscrowWithdrawnEventName
}

// UnpackWithdrawnEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Withdrawn(address indexed token, address indexed owner, address indexed to, uint256 amount)
func (escrow *Escrow) UnpackWithdrawnEvent(log *types.Log) (*EscrowWithdrawn, error) {
	event := "Withdrawn"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowWithdrawn)
	if len(log.Data) > 0 {
		if err := escrow.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range escrow.abi.Events[event].Inputs {
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
func (escrow *Escrow) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], escrow.abi.Errors["AlreadyClosing"].ID.Bytes()[:4]) {
		return escrow.UnpackAlreadyClosingError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadConsent"].ID.Bytes()[:4]) {
		return escrow.UnpackBadConsentError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadCumulative"].ID.Bytes()[:4]) {
		return escrow.UnpackBadCumulativeError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadEpoch"].ID.Bytes()[:4]) {
		return escrow.UnpackBadEpochError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadGrace"].ID.Bytes()[:4]) {
		return escrow.UnpackBadGraceError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadRecipient"].ID.Bytes()[:4]) {
		return escrow.UnpackBadRecipientError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadSignature"].ID.Bytes()[:4]) {
		return escrow.UnpackBadSignatureError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadValue"].ID.Bytes()[:4]) {
		return escrow.UnpackBadValueError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["InexactTransfer"].ID.Bytes()[:4]) {
		return escrow.UnpackInexactTransferError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["InsufficientBalance"].ID.Bytes()[:4]) {
		return escrow.UnpackInsufficientBalanceError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["InvalidShortString"].ID.Bytes()[:4]) {
		return escrow.UnpackInvalidShortStringError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["NativeTransferFailed"].ID.Bytes()[:4]) {
		return escrow.UnpackNativeTransferFailedError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["NotClosing"].ID.Bytes()[:4]) {
		return escrow.UnpackNotClosingError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["NotOpen"].ID.Bytes()[:4]) {
		return escrow.UnpackNotOpenError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["NotPayeeOrOperator"].ID.Bytes()[:4]) {
		return escrow.UnpackNotPayeeOrOperatorError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["ReentrancyGuardReentrantCall"].ID.Bytes()[:4]) {
		return escrow.UnpackReentrancyGuardReentrantCallError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["SafeCastOverflowedUintDowncast"].ID.Bytes()[:4]) {
		return escrow.UnpackSafeCastOverflowedUintDowncastError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["SafeERC20FailedOperation"].ID.Bytes()[:4]) {
		return escrow.UnpackSafeERC20FailedOperationError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["StringTooLong"].ID.Bytes()[:4]) {
		return escrow.UnpackStringTooLongError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["TooEarly"].ID.Bytes()[:4]) {
		return escrow.UnpackTooEarlyError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["ZeroAddress"].ID.Bytes()[:4]) {
		return escrow.UnpackZeroAddressError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["ZeroAmount"].ID.Bytes()[:4]) {
		return escrow.UnpackZeroAmountError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// EscrowAlreadyClosing represents a AlreadyClosing error raised by the Escrow contract.
type EscrowAlreadyClosing struct {
	ChannelId [32]byte
	ClosesAt  uint32
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyClosing(bytes32 channelId, uint32 closesAt)
func EscrowAlreadyClosingErrorID() common.Hash {
	return common.HexToHash("0x11b8a496187dacf6cfe0f858f9d1711f215f043537ea3fb7b2f65ad17efde6e2")
}

// UnpackAlreadyClosingError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyClosing(bytes32 channelId, uint32 closesAt)
func (escrow *Escrow) UnpackAlreadyClosingError(raw []byte) (*EscrowAlreadyClosing, error) {
	out := new(EscrowAlreadyClosing)
	if err := escrow.abi.UnpackIntoInterface(out, "AlreadyClosing", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowBadConsent represents a BadConsent error raised by the Escrow contract.
type EscrowBadConsent struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadConsent()
func EscrowBadConsentErrorID() common.Hash {
	return common.HexToHash("0xd711aa380fce98f240bbae65242f4134935914070c407dc03c859b7824098d11")
}

// UnpackBadConsentError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadConsent()
func (escrow *Escrow) UnpackBadConsentError(raw []byte) (*EscrowBadConsent, error) {
	out := new(EscrowBadConsent)
	if err := escrow.abi.UnpackIntoInterface(out, "BadConsent", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowBadCumulative represents a BadCumulative error raised by the Escrow contract.
type EscrowBadCumulative struct {
	Given   *big.Int
	Claimed *big.Int
	Funded  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadCumulative(uint96 given, uint96 claimed, uint96 funded)
func EscrowBadCumulativeErrorID() common.Hash {
	return common.HexToHash("0xdc1ef23bdbe42513d2ad1c06b2f450d1848fdfbe39bd6e4daa0c338ea0b9db39")
}

// UnpackBadCumulativeError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadCumulative(uint96 given, uint96 claimed, uint96 funded)
func (escrow *Escrow) UnpackBadCumulativeError(raw []byte) (*EscrowBadCumulative, error) {
	out := new(EscrowBadCumulative)
	if err := escrow.abi.UnpackIntoInterface(out, "BadCumulative", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowBadEpoch represents a BadEpoch error raised by the Escrow contract.
type EscrowBadEpoch struct {
	Current uint32
	Given   uint32
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadEpoch(uint32 current, uint32 given)
func EscrowBadEpochErrorID() common.Hash {
	return common.HexToHash("0x5d6b77f06b962660338fac5807d7ad72ef5c5556bcffce3675e629c20f1e874b")
}

// UnpackBadEpochError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadEpoch(uint32 current, uint32 given)
func (escrow *Escrow) UnpackBadEpochError(raw []byte) (*EscrowBadEpoch, error) {
	out := new(EscrowBadEpoch)
	if err := escrow.abi.UnpackIntoInterface(out, "BadEpoch", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowBadGrace represents a BadGrace error raised by the Escrow contract.
type EscrowBadGrace struct {
	Grace uint32
	Min   uint32
	Max   uint32
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadGrace(uint32 grace, uint32 min, uint32 max)
func EscrowBadGraceErrorID() common.Hash {
	return common.HexToHash("0x0cd19fc1bfdf2c34b68723d09fd204a53fb6311277eed77a707cb7703f4e0b94")
}

// UnpackBadGraceError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadGrace(uint32 grace, uint32 min, uint32 max)
func (escrow *Escrow) UnpackBadGraceError(raw []byte) (*EscrowBadGrace, error) {
	out := new(EscrowBadGrace)
	if err := escrow.abi.UnpackIntoInterface(out, "BadGrace", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowBadRecipient represents a BadRecipient error raised by the Escrow contract.
type EscrowBadRecipient struct {
	To common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadRecipient(address to)
func EscrowBadRecipientErrorID() common.Hash {
	return common.HexToHash("0xf66e904851b37b80accff44adee209ff00dc29eeb445bb1edb327e45cf1f9315")
}

// UnpackBadRecipientError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadRecipient(address to)
func (escrow *Escrow) UnpackBadRecipientError(raw []byte) (*EscrowBadRecipient, error) {
	out := new(EscrowBadRecipient)
	if err := escrow.abi.UnpackIntoInterface(out, "BadRecipient", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowBadSignature represents a BadSignature error raised by the Escrow contract.
type EscrowBadSignature struct {
	Index *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadSignature(uint256 index)
func EscrowBadSignatureErrorID() common.Hash {
	return common.HexToHash("0xa1c973190ea39240abfd4da3039e0d94cea4d1e689acfee87f4e7dbabee0f307")
}

// UnpackBadSignatureError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadSignature(uint256 index)
func (escrow *Escrow) UnpackBadSignatureError(raw []byte) (*EscrowBadSignature, error) {
	out := new(EscrowBadSignature)
	if err := escrow.abi.UnpackIntoInterface(out, "BadSignature", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowBadValue represents a BadValue error raised by the Escrow contract.
type EscrowBadValue struct {
	Expected *big.Int
	Sent     *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadValue(uint256 expected, uint256 sent)
func EscrowBadValueErrorID() common.Hash {
	return common.HexToHash("0x8c54e3091117be9621f1d084bb1df95b753eb26f2c0a73717088a736ad3be0cb")
}

// UnpackBadValueError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadValue(uint256 expected, uint256 sent)
func (escrow *Escrow) UnpackBadValueError(raw []byte) (*EscrowBadValue, error) {
	out := new(EscrowBadValue)
	if err := escrow.abi.UnpackIntoInterface(out, "BadValue", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowInexactTransfer represents a InexactTransfer error raised by the Escrow contract.
type EscrowInexactTransfer struct {
	Token    common.Address
	Expected *big.Int
	Received *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InexactTransfer(address token, uint256 expected, uint256 received)
func EscrowInexactTransferErrorID() common.Hash {
	return common.HexToHash("0x495a99629ecb8d0923dbf5e4ef24537394974bb43afd45c431e60fc25ce5c5f4")
}

// UnpackInexactTransferError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InexactTransfer(address token, uint256 expected, uint256 received)
func (escrow *Escrow) UnpackInexactTransferError(raw []byte) (*EscrowInexactTransfer, error) {
	out := new(EscrowInexactTransfer)
	if err := escrow.abi.UnpackIntoInterface(out, "InexactTransfer", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowInsufficientBalance represents a InsufficientBalance error raised by the Escrow contract.
type EscrowInsufficientBalance struct {
	Owner   common.Address
	Token   common.Address
	Balance *big.Int
	Needed  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InsufficientBalance(address owner, address token, uint256 balance, uint256 needed)
func EscrowInsufficientBalanceErrorID() common.Hash {
	return common.HexToHash("0x861da4bdcc034e5b93a243ce140b0af4beebb1b979b0ffe7e141866659c2cfb4")
}

// UnpackInsufficientBalanceError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InsufficientBalance(address owner, address token, uint256 balance, uint256 needed)
func (escrow *Escrow) UnpackInsufficientBalanceError(raw []byte) (*EscrowInsufficientBalance, error) {
	out := new(EscrowInsufficientBalance)
	if err := escrow.abi.UnpackIntoInterface(out, "InsufficientBalance", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowInvalidShortString represents a InvalidShortString error raised by the Escrow contract.
type EscrowInvalidShortString struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InvalidShortString()
func EscrowInvalidShortStringErrorID() common.Hash {
	return common.HexToHash("0xb3512b0c6163e5f0bafab72bb631b9d58cd7a731b082f910338aa21c83d5c274")
}

// UnpackInvalidShortStringError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InvalidShortString()
func (escrow *Escrow) UnpackInvalidShortStringError(raw []byte) (*EscrowInvalidShortString, error) {
	out := new(EscrowInvalidShortString)
	if err := escrow.abi.UnpackIntoInterface(out, "InvalidShortString", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowNativeTransferFailed represents a NativeTransferFailed error raised by the Escrow contract.
type EscrowNativeTransferFailed struct {
	To     common.Address
	Amount *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NativeTransferFailed(address to, uint256 amount)
func EscrowNativeTransferFailedErrorID() common.Hash {
	return common.HexToHash("0xa5b05eec8040da65485bf3ab248b47c42271aa50a9234ed8f116e568dc285cc6")
}

// UnpackNativeTransferFailedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NativeTransferFailed(address to, uint256 amount)
func (escrow *Escrow) UnpackNativeTransferFailedError(raw []byte) (*EscrowNativeTransferFailed, error) {
	out := new(EscrowNativeTransferFailed)
	if err := escrow.abi.UnpackIntoInterface(out, "NativeTransferFailed", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowNotClosing represents a NotClosing error raised by the Escrow contract.
type EscrowNotClosing struct {
	ChannelId [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotClosing(bytes32 channelId)
func EscrowNotClosingErrorID() common.Hash {
	return common.HexToHash("0x713ee72659c214c0e68146c86120abfdf245ed6a70a3b6f44def2d14efc92bb1")
}

// UnpackNotClosingError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotClosing(bytes32 channelId)
func (escrow *Escrow) UnpackNotClosingError(raw []byte) (*EscrowNotClosing, error) {
	out := new(EscrowNotClosing)
	if err := escrow.abi.UnpackIntoInterface(out, "NotClosing", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowNotOpen represents a NotOpen error raised by the Escrow contract.
type EscrowNotOpen struct {
	ChannelId [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotOpen(bytes32 channelId)
func EscrowNotOpenErrorID() common.Hash {
	return common.HexToHash("0x068e10802b011d554519f6ff0484efe47bcb8d455731c4944d4a3b1d5a6f035f")
}

// UnpackNotOpenError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotOpen(bytes32 channelId)
func (escrow *Escrow) UnpackNotOpenError(raw []byte) (*EscrowNotOpen, error) {
	out := new(EscrowNotOpen)
	if err := escrow.abi.UnpackIntoInterface(out, "NotOpen", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowNotPayeeOrOperator represents a NotPayeeOrOperator error raised by the Escrow contract.
type EscrowNotPayeeOrOperator struct {
	Caller common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotPayeeOrOperator(address caller)
func EscrowNotPayeeOrOperatorErrorID() common.Hash {
	return common.HexToHash("0x3aaae11f3d319579f3cbd75547ecac869e59cec2a98af4f52f5da2b68961408b")
}

// UnpackNotPayeeOrOperatorError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotPayeeOrOperator(address caller)
func (escrow *Escrow) UnpackNotPayeeOrOperatorError(raw []byte) (*EscrowNotPayeeOrOperator, error) {
	out := new(EscrowNotPayeeOrOperator)
	if err := escrow.abi.UnpackIntoInterface(out, "NotPayeeOrOperator", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowReentrancyGuardReentrantCall represents a ReentrancyGuardReentrantCall error raised by the Escrow contract.
type EscrowReentrancyGuardReentrantCall struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ReentrancyGuardReentrantCall()
func EscrowReentrancyGuardReentrantCallErrorID() common.Hash {
	return common.HexToHash("0x3ee5aeb571de7fc460830b4d0017439a1ca56fb0bc39062227ade4fe4a24c1ca")
}

// UnpackReentrancyGuardReentrantCallError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ReentrancyGuardReentrantCall()
func (escrow *Escrow) UnpackReentrancyGuardReentrantCallError(raw []byte) (*EscrowReentrancyGuardReentrantCall, error) {
	out := new(EscrowReentrancyGuardReentrantCall)
	if err := escrow.abi.UnpackIntoInterface(out, "ReentrancyGuardReentrantCall", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowSafeCastOverflowedUintDowncast represents a SafeCastOverflowedUintDowncast error raised by the Escrow contract.
type EscrowSafeCastOverflowedUintDowncast struct {
	Bits  uint8
	Value *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value)
func EscrowSafeCastOverflowedUintDowncastErrorID() common.Hash {
	return common.HexToHash("0x6dfcc6503a32754ce7a89698e18201fc5294fd4aad43edefee786f88423b1a12")
}

// UnpackSafeCastOverflowedUintDowncastError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value)
func (escrow *Escrow) UnpackSafeCastOverflowedUintDowncastError(raw []byte) (*EscrowSafeCastOverflowedUintDowncast, error) {
	out := new(EscrowSafeCastOverflowedUintDowncast)
	if err := escrow.abi.UnpackIntoInterface(out, "SafeCastOverflowedUintDowncast", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowSafeERC20FailedOperation represents a SafeERC20FailedOperation error raised by the Escrow contract.
type EscrowSafeERC20FailedOperation struct {
	Token common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SafeERC20FailedOperation(address token)
func EscrowSafeERC20FailedOperationErrorID() common.Hash {
	return common.HexToHash("0x5274afe73c98b4749fc91ffae6b7b574e7842cb2144a159e9377a5f20b32edf9")
}

// UnpackSafeERC20FailedOperationError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SafeERC20FailedOperation(address token)
func (escrow *Escrow) UnpackSafeERC20FailedOperationError(raw []byte) (*EscrowSafeERC20FailedOperation, error) {
	out := new(EscrowSafeERC20FailedOperation)
	if err := escrow.abi.UnpackIntoInterface(out, "SafeERC20FailedOperation", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowStringTooLong represents a StringTooLong error raised by the Escrow contract.
type EscrowStringTooLong struct {
	Str string
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error StringTooLong(string str)
func EscrowStringTooLongErrorID() common.Hash {
	return common.HexToHash("0x305a27a93f8e33b7392df0a0f91d6fc63847395853c45991eec52dbf24d72381")
}

// UnpackStringTooLongError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error StringTooLong(string str)
func (escrow *Escrow) UnpackStringTooLongError(raw []byte) (*EscrowStringTooLong, error) {
	out := new(EscrowStringTooLong)
	if err := escrow.abi.UnpackIntoInterface(out, "StringTooLong", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowTooEarly represents a TooEarly error raised by the Escrow contract.
type EscrowTooEarly struct {
	ClosesAt uint32
	Time     *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error TooEarly(uint32 closesAt, uint256 time)
func EscrowTooEarlyErrorID() common.Hash {
	return common.HexToHash("0xc7b5e1b8879afe305c3a86aea0859bcff6e903e055b1b1ba8bd11737eefe7687")
}

// UnpackTooEarlyError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error TooEarly(uint32 closesAt, uint256 time)
func (escrow *Escrow) UnpackTooEarlyError(raw []byte) (*EscrowTooEarly, error) {
	out := new(EscrowTooEarly)
	if err := escrow.abi.UnpackIntoInterface(out, "TooEarly", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowZeroAddress represents a ZeroAddress error raised by the Escrow contract.
type EscrowZeroAddress struct {
	Field string
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ZeroAddress(string field)
func EscrowZeroAddressErrorID() common.Hash {
	return common.HexToHash("0xeac0d389c49716e00950225b2d061b180e28fb59b99c072d274787c9e3b70914")
}

// UnpackZeroAddressError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ZeroAddress(string field)
func (escrow *Escrow) UnpackZeroAddressError(raw []byte) (*EscrowZeroAddress, error) {
	out := new(EscrowZeroAddress)
	if err := escrow.abi.UnpackIntoInterface(out, "ZeroAddress", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowZeroAmount represents a ZeroAmount error raised by the Escrow contract.
type EscrowZeroAmount struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ZeroAmount()
func EscrowZeroAmountErrorID() common.Hash {
	return common.HexToHash("0x1f2a2005cb66a8e145327e8814e243a0996aec9bfe1e15a495778b1236dbd485")
}

// UnpackZeroAmountError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ZeroAmount()
func (escrow *Escrow) UnpackZeroAmountError(raw []byte) (*EscrowZeroAmount, error) {
	out := new(EscrowZeroAmount)
	if err := escrow.abi.UnpackIntoInterface(out, "ZeroAmount", raw); err != nil {
		return nil, err
	}
	return out, nil
}
