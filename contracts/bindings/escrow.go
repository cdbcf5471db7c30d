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

// Authorization is an auto generated low-level Go binding around an user-defined struct.
type Authorization struct {
	ValidAfter  *big.Int
	ValidBefore *big.Int
	Salt        [32]byte
	R           [32]byte
	Vs          [32]byte
}

// Bond is an auto generated low-level Go binding around an user-defined struct.
type Bond struct {
	Active    *big.Int
	Unbonding *big.Int
	ReleaseAt uint64
}

// Channel is an auto generated low-level Go binding around an user-defined struct.
type Channel struct {
	Funded   *big.Int
	Claimed  *big.Int
	Epoch    uint32
	ClosesAt uint32
}

// Funding is an auto generated low-level Go binding around an user-defined struct.
type Funding struct {
	Payee    common.Address
	Operator common.Address
	Signer   common.Address
	Amount   *big.Int
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
	ABI: "[{\"inputs\":[{\"internalType\":\"uint32\",\"name\":\"grace\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"period\",\"type\":\"uint32\"}],\"stateMutability\":\"nonpayable\",\"type\":\"constructor\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"target\",\"type\":\"address\"}],\"name\":\"AddressEmptyCode\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"closesAt\",\"type\":\"uint32\"}],\"name\":\"AlreadyClosing\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"BadConsent\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint96\",\"name\":\"given\",\"type\":\"uint96\"},{\"internalType\":\"uint96\",\"name\":\"claimed\",\"type\":\"uint96\"},{\"internalType\":\"uint96\",\"name\":\"funded\",\"type\":\"uint96\"}],\"name\":\"BadCumulative\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint32\",\"name\":\"current\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"given\",\"type\":\"uint32\"}],\"name\":\"BadEpoch\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint32\",\"name\":\"grace\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"min\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"max\",\"type\":\"uint32\"}],\"name\":\"BadGrace\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"length\",\"type\":\"uint256\"}],\"name\":\"BadLength\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"to\",\"type\":\"address\"}],\"name\":\"BadRecipient\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"index\",\"type\":\"uint256\"}],\"name\":\"BadSignature\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint32\",\"name\":\"period\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"min\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"max\",\"type\":\"uint32\"}],\"name\":\"BadUnbondPeriod\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"expected\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"sent\",\"type\":\"uint256\"}],\"name\":\"BadValue\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"FailedCall\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"expected\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"received\",\"type\":\"uint256\"}],\"name\":\"InexactTransfer\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"balance\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"needed\",\"type\":\"uint256\"}],\"name\":\"InsufficientBalance\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"bondId\",\"type\":\"bytes32\"},{\"internalType\":\"uint96\",\"name\":\"active\",\"type\":\"uint96\"},{\"internalType\":\"uint96\",\"name\":\"needed\",\"type\":\"uint96\"}],\"name\":\"InsufficientBond\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"InvalidShortString\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"to\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"amount\",\"type\":\"uint256\"}],\"name\":\"NativeTransferFailed\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"}],\"name\":\"NotClosing\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"}],\"name\":\"NotOpen\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"caller\",\"type\":\"address\"}],\"name\":\"NotPayeeOrOperator\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"bondId\",\"type\":\"bytes32\"}],\"name\":\"NothingBonded\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"ReentrancyGuardReentrantCall\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint8\",\"name\":\"bits\",\"type\":\"uint8\"},{\"internalType\":\"uint256\",\"name\":\"value\",\"type\":\"uint256\"}],\"name\":\"SafeCastOverflowedUintDowncast\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"}],\"name\":\"SafeERC20FailedOperation\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"str\",\"type\":\"string\"}],\"name\":\"StringTooLong\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"readyAt\",\"type\":\"uint64\"},{\"internalType\":\"uint256\",\"name\":\"time\",\"type\":\"uint256\"}],\"name\":\"TooEarly\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint256\",\"name\":\"held\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"amount\",\"type\":\"uint256\"}],\"name\":\"TooMuch\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"field\",\"type\":\"string\"}],\"name\":\"ZeroAddress\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"ZeroAmount\",\"type\":\"error\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"bondId\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"BondReleased\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"bondId\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"slasher\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"active\",\"type\":\"uint96\"}],\"name\":\"Bonded\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"claimed\",\"type\":\"uint96\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"refunded\",\"type\":\"uint96\"}],\"name\":\"ChannelClosed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"funded\",\"type\":\"uint96\"}],\"name\":\"ChannelFunded\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"closesAt\",\"type\":\"uint32\"}],\"name\":\"CloseRequested\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint256\",\"name\":\"amount\",\"type\":\"uint256\"}],\"name\":\"Deposited\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[],\"name\":\"EIP712DomainChanged\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"channelId\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"claimed\",\"type\":\"uint96\"}],\"name\":\"Redeemed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"bondId\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"beneficiary\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ref\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"Slashed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"bondId\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"indexed\":false,\"internalType\":\"uint96\",\"name\":\"unbonding\",\"type\":\"uint96\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"releaseAt\",\"type\":\"uint64\"}],\"name\":\"Unbonding\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"to\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint256\",\"name\":\"amount\",\"type\":\"uint256\"}],\"name\":\"Withdrawn\",\"type\":\"event\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"}],\"name\":\"balanceOf\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"slasher\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"bond\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"slasher\",\"type\":\"address\"}],\"name\":\"bondId\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"bondOf\",\"outputs\":[{\"components\":[{\"internalType\":\"uint96\",\"name\":\"active\",\"type\":\"uint96\"},{\"internalType\":\"uint96\",\"name\":\"unbonding\",\"type\":\"uint96\"},{\"internalType\":\"uint64\",\"name\":\"releaseAt\",\"type\":\"uint64\"}],\"internalType\":\"structBond\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"channel\",\"outputs\":[{\"components\":[{\"internalType\":\"uint96\",\"name\":\"funded\",\"type\":\"uint96\"},{\"internalType\":\"uint96\",\"name\":\"claimed\",\"type\":\"uint96\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"closesAt\",\"type\":\"uint32\"}],\"internalType\":\"structChannel\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"}],\"name\":\"channelId\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"components\":[{\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"cumulative\",\"type\":\"uint96\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"internalType\":\"structVoucher\",\"name\":\"voucher\",\"type\":\"tuple\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"closeByPayee\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"paid\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"finalCumulative\",\"type\":\"uint96\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"closeByPayer\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"refunded\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"finalCumulative\",\"type\":\"uint96\"}],\"name\":\"closeDigest\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"closeGrace\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"deposit\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"depositAndFund\",\"outputs\":[],\"stateMutability\":\"payable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"components\":[{\"internalType\":\"uint256\",\"name\":\"validAfter\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"validBefore\",\"type\":\"uint256\"},{\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"internalType\":\"structAuthorization\",\"name\":\"auth\",\"type\":\"tuple\"}],\"name\":\"depositAndFundWithAuthorization\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"}],\"name\":\"depositNative\",\"outputs\":[],\"stateMutability\":\"payable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"}],\"name\":\"depositNonce\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"from\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"components\":[{\"internalType\":\"uint256\",\"name\":\"validAfter\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"validBefore\",\"type\":\"uint256\"},{\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"internalType\":\"structAuthorization\",\"name\":\"auth\",\"type\":\"tuple\"}],\"name\":\"depositWithAuthorization\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"internalType\":\"uint256\",\"name\":\"deadline\",\"type\":\"uint256\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"name\":\"depositWithPermit\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"domainSeparator\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"eip712Domain\",\"outputs\":[{\"internalType\":\"bytes1\",\"name\":\"fields\",\"type\":\"bytes1\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"},{\"internalType\":\"uint256\",\"name\":\"chainId\",\"type\":\"uint256\"},{\"internalType\":\"address\",\"name\":\"verifyingContract\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"},{\"internalType\":\"uint256[]\",\"name\":\"extensions\",\"type\":\"uint256[]\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"finalizeClose\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"refunded\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"fund\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"components\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"internalType\":\"structFunding[]\",\"name\":\"fundings\",\"type\":\"tuple[]\"}],\"name\":\"fundMany\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes[]\",\"name\":\"data\",\"type\":\"bytes[]\"}],\"name\":\"multicall\",\"outputs\":[{\"internalType\":\"bytes[]\",\"name\":\"results\",\"type\":\"bytes[]\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"}],\"name\":\"openNonce\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"components\":[{\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"cumulative\",\"type\":\"uint96\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"internalType\":\"structVoucher\",\"name\":\"voucher\",\"type\":\"tuple\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"redeem\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"paid\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"components\":[{\"internalType\":\"address\",\"name\":\"payer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"cumulative\",\"type\":\"uint96\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"vs\",\"type\":\"bytes32\"}],\"internalType\":\"structVoucher[]\",\"name\":\"vouchers\",\"type\":\"tuple[]\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"redeemMany\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"paid\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"bytes\",\"name\":\"records\",\"type\":\"bytes\"},{\"internalType\":\"bool\",\"name\":\"payout\",\"type\":\"bool\"}],\"name\":\"redeemPacked\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"paid\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"slasher\",\"type\":\"address\"}],\"name\":\"releaseBond\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"released\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"payee\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"signer\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"}],\"name\":\"requestClose\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"},{\"internalType\":\"address\",\"name\":\"beneficiary\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"ref\",\"type\":\"bytes32\"}],\"name\":\"slash\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"slashed\",\"type\":\"uint256\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"slasher\",\"type\":\"address\"},{\"internalType\":\"uint96\",\"name\":\"amount\",\"type\":\"uint96\"}],\"name\":\"unbond\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"unbondPeriod\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"epoch\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"cumulative\",\"type\":\"uint96\"}],\"name\":\"voucherDigest\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"token\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"to\",\"type\":\"address\"},{\"internalType\":\"uint256\",\"name\":\"amount\",\"type\":\"uint256\"}],\"name\":\"withdraw\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"}]",
	ID:  "Escrow",
	Bin: "0x6101a0806040523461020657604081614afc8038038091610020828561020a565b8339810103126102065761003f602061003883610241565b9201610241565b60405161004d60408261020a565b60058152602081019064526572696760d81b82526040519161007060408461020a565b600183526020830191603160f81b835261008981610252565b6101205261009684610252565b61014052519020918260e05251902080610100524660a0526040519060208201927f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f8452604083015260608201524660808201523060a082015260a081526100ff60c08261020a565b5190206080523060c05263ffffffff8116603c811080156101fa575b6101dc57506101605263ffffffff8116603c811080156101d0575b6101b257506101805260405161483e90816102be823960805181614362015260a05181614419015260c05181614333015260e051816143b1015261010051816143d701526101205181611ef901526101405181611f230152610160518181816101ca01526122b901526101805181818161207101526127a00152f35b630cd19fc160e01b5f52600452603c60245262278d0060445260645ffd5b5062278d008111610136565b630153215d60e11b5f52600452603c6024526276a70060445260645ffd5b506276a700811161011b565b5f80fd5b601f909101601f19168101906001600160401b0382119082101761022d57604052565b634e487b7160e01b5f52604160045260245ffd5b519063ffffffff8216820361020657565b601f81511161027d57602081519101516020821061026e571790565b5f198260200360031b1b161790565b604460209160405192839163305a27a960e01b83528160048401528051918291826024860152018484015e5f828201840152601f01601f19168101030190fdfe60806040526004361015610011575f80fd5b5f5f3560e01c8063010d31a6146130d957806303b0544f14612e635780630dca351c14612d415780630fb585ba14612c9357806326119a4b14612b7d5780632fc486a614612b6457806333bb7f9114612a1f57806347bcf3e7146127c45780635c915e43146127665780635cb1a9aa1461247e578063672613b5146121ee5780636e4d5961146121a85780637a6848901461218e5780637fece7701461203757806383435ec814611ff757806384b0196e14611ec15780638999be6614611c9c5780638cc80b6314611ac8578063a20fcf3d146115fe578063aaec6f5514611269578063ac9650d814610ff8578063b5f9451814610f94578063b7d9c80e14610ec3578063cc6bfd8a14610c71578063d7dfdeae14610b60578063d9caed12146108ef578063e3ea08c4146108bd578063e8bb12151461087c578063eb92025e1461069c578063f11d6f7e1461052a578063f18f4e6f146102ab578063f698da251461026a578063f7888aec146101f15763fc0c5ff114610190575f80fd5b346101ee57807ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee57602060405163ffffffff7f0000000000000000000000000000000000000000000000000000000000000000168152f35b80fd5b50346101ee5760407ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee5773ffffffffffffffffffffffffffffffffffffffff60406102406130f5565b928261024a613118565b9416815260026020522091165f52602052602060405f2054604051908152f35b50346101ee57807ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee5760206102a361431c565b604051908152f35b50346101ee576102ba366133bc565b6102c59291926138f7565b6bffffffffffffffffffffffff811680156105025773ffffffffffffffffffffffffffffffffffffffff85169485156104a35773ffffffffffffffffffffffffffffffffffffffff8516948515610445578461032c926103268533846141ed565b33613619565b9283875260036020526040872092835461035a6bffffffffffffffffffffffff8083169260601c1682613667565b6bffffffffffffffffffffffff6103718683613667565b116104115750916103a673ffffffffffffffffffffffffffffffffffffffff926bffffffffffffffffffffffff969594613739565b938585167fffffffffffffffffffffffffffffffffffffffff00000000000000000000000082541617905560405196875216602086015260408501521660608301527f225f02c74883cb9b28bdb846914c167727e794b0895e0a55cebe9c76f86603a860803393a480f35b8985606492897f85ef986d000000000000000000000000000000000000000000000000000000008452600452602452604452fd5b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600760248201527f736c6173686572000000000000000000000000000000000000000000000000006044820152fd5b6040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600860248201527f6f70657261746f720000000000000000000000000000000000000000000000006044820152606490fd5b6004867f1f2a2005000000000000000000000000000000000000000000000000000000008152fd5b50346101ee57610539366134a7565b93919092946105466138f7565b73ffffffffffffffffffffffffffffffffffffffff83163314158061067c575b6106505761058b828785610579886138c5565b61058560208a016138c5565b9061385a565b63ffffffff6105998261407f565b5460c01c169660408601978063ffffffff6105b38b6138e6565b160361061157509261060c869361060587946bffffffffffffffffffffffff60406105e96105f19c8860209f9c6102a39e613947565b9b8c996138c5565b9483815260048e52205460601c1690613bee565b9083613992565b6139ef565b8363ffffffff6044926106238c6138e6565b907f5d6b77f000000000000000000000000000000000000000000000000000000000845260045216602452fd5b807f3aaae11f000000000000000000000000000000000000000000000000000000006024925233600452fd5b5073ffffffffffffffffffffffffffffffffffffffff8616331415610566565b50346101ee576101007ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee576106d56130f5565b6106dd613118565b906106e661313b565b926106ef61315e565b90608435906bffffffffffffffffffffffff8216948583036108785760e4359687151588036108745784828761072d936107276138f7565b3361385a565b916107378361407f565b54916bffffffffffffffffffffffff8316926bffffffffffffffffffffffff8160601c1693848a10801561086b575b6108375750906107919160c4359161078b8863ffffffff60a4359460c01c16896136a1565b906142c4565b1561080f57506107ce838360209996946bffffffffffffffffffffffff6107bf6107d7966102a39b9961370f565b16998a6107de575b5050613bee565b95869383613992565b33906139ef565b8b7f40c8691ff5fcf515438fb9b3b0323b88d6d509a2c9e05d91fcd89e68c1a4b17791604051908152a2805f6107c7565b807fd711aa380000000000000000000000000000000000000000000000000000000060049252fd5b83606491868c7fdc1ef23b000000000000000000000000000000000000000000000000000000008452600452602452604452fd5b50808a11610766565b8280fd5b5080fd5b50346101ee576108b961088e366132f3565b9361089a9391936138f7565b6108b36bffffffffffffffffffffffff861633866141ed565b33613de5565b5080f35b50346101ee5760206108e76102a36108d4366134a7565b93959180936108e16138f7565b87613947565b9384916139ef565b50346101ee5760607ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee576109276130f5565b61092f613118565b9060443561093b6138f7565b73ffffffffffffffffffffffffffffffffffffffff83169182158015610b57575b610b2b578115610b035773ffffffffffffffffffffffffffffffffffffffff906109878333836141ed565b61098f6138f7565b60017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d169282604051838152857fa4195c37c2947bbe89165f03e320b6903116f0b10d8cfdb522330f7ce6f9fa2460203393a48315610aab5750604051917fa9059cbb00000000000000000000000000000000000000000000000000000000855260045260245260208360448180865af1906001845114821615610a8a575b60405215610a5f57505b807f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d80f35b7f5274afe7000000000000000000000000000000000000000000000000000000008252600452602490fd5b906001811516610aa257823b15153d15161690610a2f565b503d83823e3d90fd5b848080955083819495979382604051610ac56020826135d8565b525af115610ad557509050610a39565b6044927fa5b05eec000000000000000000000000000000000000000000000000000000008352600452602452fd5b6004857f1f2a2005000000000000000000000000000000000000000000000000000000008152fd5b602485847ff66e9048000000000000000000000000000000000000000000000000000000008252600452fd5b5030831461095c565b50346101ee5760407ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee57610b986130f5565b60243567ffffffffffffffff811161087457366023820112156108745780600401359167ffffffffffffffff8311610c6d573660248460071b84010111610c6d57610be16138f7565b8391845b84811015610c5c57600190610c558160071b840185610c1f60848301986bffffffffffffffffffffffff610c188b6138ac565b1690613667565b97610c2c602484016138c5565b92610c4e610c486064610c41604485016138c5565b93016138c5565b926138ac565b9333613de5565b5001610be5565b5050610c6a925033906141ed565b80f35b8380fd5b50346101ee576101207ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee57610caa6130f5565b610cb2613118565b610cba61313b565b9083610cc461327e565b9260a07fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7c36011261087857610d1c6bffffffffffffffffffffffff91610d086138f7565b610d138682896140d0565b60c43590613763565b931692610d276138f7565b60017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d6040517f70a082310000000000000000000000000000000000000000000000000000000081523060048201529273ffffffffffffffffffffffffffffffffffffffff8616602085602481845afa948515610eb8578495610e7d575b50610db36101043561464e565b9092823b15610e79578573ffffffffffffffffffffffffffffffffffffffff936101249360ff8397604051998a9889977fef55bec60000000000000000000000000000000000000000000000000000000089521660048801523060248801528d6044880152608435606488015260a435608488015260a48701521660c485015260e43560e48501526101048401525af18015610e6e57610e59575b5050610a3992614548565b81610e63916135d8565b610c6d57835f610e4e565b6040513d84823e3d90fd5b8580fd5b935093506020833d602011610eb0575b81610e9a602093836135d8565b81010312610eac57869251935f610da6565b5f80fd5b3d9150610e8d565b6040513d86823e3d90fd5b50346101ee5760207ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee5760408160809260608351610f06816135bc565b82815282602082015282858201520152600435815260046020522063ffffffff60405191610f33836135bc565b54816bffffffffffffffffffffffff8216938481526bffffffffffffffffffffffff60208201818560601c16815260606040840193858760c01c168552019460e01c8552604051968752511660208601525116604084015251166060820152f35b50346101ee5760a07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee5760206102a3610fd16130f5565b610fd9613118565b610fe161313b565b610fe961315e565b91610ff2613181565b9361385a565b50346101ee5760207ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee5760043567ffffffffffffffff8111610878573660238201121561087857806004013567ffffffffffffffff8111610874573660248260051b840101116108745790602060405161107882826135d8565b848152818101917fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe081013684376110ae85613842565b936110bc60405195866135d8565b8585527fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe06110e987613842565b01875b81811061125a57505086907fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffbd81360301915b878110156111dd5760248160051b83010135838112156111d95782019060248201359167ffffffffffffffff83116111d55760440182360381136111d557826111b36111b9928d898c6001986040519687958487013784018281018481528e519283915e0101908152037fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe081018352826135d8565b306146db565b6111c3828a6141ac565b526111ce81896141ac565b500161111e565b8a80fd5b8980fd5b83898860405191838301848452825180915260408401948060408360051b870101940192955b8287106112105785850386f35b90919293828061124a837fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc08a600196030186528851613464565b9601920196019592919092611203565b606087820185015283016110ec565b50346101ee5760c07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee576112a16130f5565b906112aa613118565b906112b361313b565b926112bc61327e565b926112c5613181565b906112ce6138f7565b6bffffffffffffffffffffffff8516908115610b035773ffffffffffffffffffffffffffffffffffffffff83169384156115a0578761130e923392613619565b93848152600360205260408120916040519261132984613573565b54916bffffffffffffffffffffffff831684526bffffffffffffffffffffffff8360601c16806020860193818552604087019560c01c8652105f1461158b57506bffffffffffffffffffffffff88805b611383828261370f565b8751841693168311156115845761139a925061370f565b6bffffffffffffffffffffffff6113b1828b613739565b16988915611558576bffffffffffffffffffffffff848180604060209f98978f9b988f906113fc61151a9f9d9a866113f06114899c828096511661370f565b168952828d511661370f565b168a528386511615611550575b815260206003905220965116167fffffffffffffffffffffffffffffffffffffffff000000000000000000000000865416178555511683907fffffffffffffffff000000000000000000000000ffffffffffffffffffffffff77ffffffffffffffffffffffff00000000000000000000000083549260601b169116179055565b5177ffffffffffffffffffffffffffffffffffffffffffffffff7fffffffffffffffff00000000000000000000000000000000000000000000000083549260c01b1691161790559073ffffffffffffffffffffffffffffffffffffffff165f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f5260205260405f20908154019055565b604051918383527fac8022384d2a6b25f3298fb733253f3fcb56c8f3b1108c2c675ea2571d86332c8560a43594a4604051908152f35b818952611409565b6024838a7f27b6ef29000000000000000000000000000000000000000000000000000000008252600452fd5b505061139a565b6bffffffffffffffffffffffff908099611379565b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600b60248201527f62656e65666963696172790000000000000000000000000000000000000000006044820152fd5b50346101ee5760a07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee576116366130f5565b9061163f613118565b9161164861313b565b67ffffffffffffffff60643511610874573660236064350112156108745767ffffffffffffffff6064356004013511610874573660246064356004013560643501011161087457611697613254565b936116a06138f7565b60786064356004013506611a96578360405173ffffffffffffffffffffffffffffffffffffffff6020820193838552836040840152818716606084015216608082015273ffffffffffffffffffffffffffffffffffffffff841660a082015260a0815261170e60c0826135d8565b61180a60226040519260208401937fdafec05637537bb1d28853923abf7c1e27b5bf131530de59b2219f22fdc69d3485528560408201528560608201528560808201526080815261176060a0826135d8565b61176861431c565b60c09560206040519161177c60c0846135d8565b60a080845282840195903687376040519b8c97518091858a015e870190838201908c8252519283915e0101917f1901000000000000000000000000000000000000000000000000000000000000835260028301525180928583015e01858382015203017fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe081018552846135d8565b815b606435600401358110611828576020876102a38a828a8a6139ef565b60248160643501013560601c602085015260388160643501013560601c604085015260a06020850120808452600460205260408420978854906bffffffffffffffffffffffff82169963ffffffff83871c16604c8660643501013560e01c03611a8c576bffffffffffffffffffffffff606084901c8116604c6064358801013560801c909116808d11908d18028c181115611a8c57606435600401358511611a88578360e0890152604c8560643501013560e01c6101008901526bffffffffffffffffffffffff604c8660643501013560801c16610120890152608060c08901206101628901526042610140890120610182890152607c856064350101357f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff81169060ff1c601b016101a28a0152605c866064350101356101c28a0152806101e28a01527f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a160208960806101828d0160015afa60203d141660408b01518a51141691101615611a59576bffffffffffffffffffffffff606084811c8216604c6064358901013560801c8316808f11908f1802909d189c8d039081901b9094019091556040519a168a5201977f40c8691ff5fcf515438fb9b3b0323b88d6d509a2c9e05d91fcd89e68c1a4b17790602090a25b607881018111611a2c5760780161180c565b6024837f4e487b710000000000000000000000000000000000000000000000000000000081526011600452fd5b6024876078877fa1c9731900000000000000000000000000000000000000000000000000000000835204600452fd5b8680fd5b5098505050611a1a565b6024847f1b69790100000000000000000000000000000000000000000000000000000000815260643560040135600452fd5b50346101ee5760607ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee57611b006130f5565b906bffffffffffffffffffffffff611b16613118565b611b31611b21613263565b8092611b2b6138f7565b866140d0565b16611b3a6138f7565b60017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d6040517f70a0823100000000000000000000000000000000000000000000000000000000815230600482015273ffffffffffffffffffffffffffffffffffffffff841693602082602481885afa918215610eb8578492611c68575b506040517f23b872dd000000000000000000000000000000000000000000000000000000008552336004523060245283604452602085606481808a5af1906001865114821615611c47575b6040528460605215611c1b57610a39939450614548565b602484867f5274afe7000000000000000000000000000000000000000000000000000000008252600452fd5b906001811516611c5f57863b15153d15161690611c04565b503d85823e3d90fd5b9091506020813d602011611c94575b81611c84602093836135d8565b81010312610eac5751905f611bb9565b3d9150611c77565b50346101ee5760c07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee57611cd46130f5565b906bffffffffffffffffffffffff611cea613118565b611cf5611b21613263565b16611cfe6138f7565b60017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d611d2d60a43561464e565b939073ffffffffffffffffffffffffffffffffffffffff821694853b15611ebd5790849160ff604051927fd505accf000000000000000000000000000000000000000000000000000000008452336004850152306024850152866044850152606435606485015216608483015260843560a483015260c4820152818160e481838a5af1611ea8575b507f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d611de06138f7565b60017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d604051907f70a08231000000000000000000000000000000000000000000000000000000008252306004830152602082602481885afa918215610eb8578492611c6857506040517f23b872dd000000000000000000000000000000000000000000000000000000008552336004523060245283604452602085606481808a5af1906001865114821615611c47576040528460605215611c1b57610a39939450614548565b81611eb2916135d8565b61087457825f611db5565b8480fd5b50346101ee57807ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee57611f9b90611f1d7f0000000000000000000000000000000000000000000000000000000000000000614684565b90611f477f0000000000000000000000000000000000000000000000000000000000000000614684565b906020611fa960405193611f5b83866135d8565b8385525f3681376040519687967f0f00000000000000000000000000000000000000000000000000000000000000885260e08589015260e0880190613464565b908682036040880152613464565b904660608601523060808601528260a086015284820360c08601528080855193848152019401925b828110611fe057505050500390f35b835185528695509381019392810192600101611fd1565b50346101ee5760407ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee5760206102a3602435600435613822565b50346101ee57612053612049366131a4565b92906107276138f7565b61205c8161407f565b805460e01c8061215e575061209763ffffffff7f00000000000000000000000000000000000000000000000000000000000000001642613667565b63ffffffff811161212e5781547bffffffffffffffffffffffffffffffffffffffffffffffffffffffff1660e082901b7fffffffff00000000000000000000000000000000000000000000000000000000161782557fe061cbf286197f3b27a0e317367b039267202a7d4b72520b2fe52f612b33e3f59160409163ffffffff908116915460c01c169082519182526020820152a280f35b7f6dfcc6500000000000000000000000000000000000000000000000000000000084526020600452602452604483fd5b83604491847f11b8a496000000000000000000000000000000000000000000000000000000008352600452602452fd5b50346101ee5760206102a36121a236613299565b916137bf565b50346101ee5760407ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc3601126101ee5760206102a36121e56130f5565b60243590613763565b50346101ee576121fd366133bc565b92916122076138f7565b6bffffffffffffffffffffffff84169283156105025790612229929133613619565b91828452600360205260408420906040519161224483613573565b54906bffffffffffffffffffffffff82169081845260208401916bffffffffffffffffffffffff8460601c168352604085019360c01c845285811061244a57506122af816bffffffffffffffffffffffff6122a381948289511661370f565b16865282845116613739565b16815263ffffffff7f00000000000000000000000000000000000000000000000000000000000000001667ffffffffffffffff42160167ffffffffffffffff811161241d57927f09cce6695f945ba6dd65c85592237f09ffc48cac1823b868822ecf6a8c9887fb94926bffffffffffffffffffffffff67ffffffffffffffff9384606097168352888a526003602052818060408c20955116167fffffffffffffffffffffffffffffffffffffffff0000000000000000000000008554161784555116906123c08284907fffffffffffffffff000000000000000000000000ffffffffffffffffffffffff77ffffffffffffffffffffffff00000000000000000000000083549260601b169116179055565b5191805477ffffffffffffffffffffffffffffffffffffffffffffffff7fffffffffffffffff0000000000000000000000000000000000000000000000008560c01b1691161790556040519384526020840152166040820152a280f35b6024877f4e487b710000000000000000000000000000000000000000000000000000000081526011600452fd5b8786606492897fd537ac68000000000000000000000000000000000000000000000000000000008452600452602452604452fd5b5034610eac576101607ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610eac576124b76130f5565b906124c0613118565b6124c861313b565b926124d161315e565b6124d9613181565b9460a435936bffffffffffffffffffffffff851694858103610eac5760a07fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff3c360112610eac576125276138f7565b73ffffffffffffffffffffffffffffffffffffffff8816948515612707576020946125a59461259b94838a8a7f8752a472e571a816aea92eec8dae9baf628e840f4929fbcc2d155e6233ff68a78f9773ffffffffffffffffffffffffffffffffffffffff169b8c93604051908152a3613de5565b6101043590613822565b916125ae6138f7565b60017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d604051927f70a08231000000000000000000000000000000000000000000000000000000008452306004850152602084602481855afa9384156126c8575f946126d3575b506126236101443561464e565b929093813b15610eac575f61012492819560ff60405198899788967fef55bec600000000000000000000000000000000000000000000000000000000885260048801523060248801528c604488015260c435606488015260e435608488015260a48701521660c4850152843560e48501526101048401525af180156126c8576126b2575b50610a399293614548565b610a3993505f6126c1916135d8565b5f926126a7565b6040513d5f823e3d90fd5b9093506020813d6020116126ff575b816126ef602093836135d8565b81010312610eac5751925f612616565b3d91506126e2565b6040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600560248201527f746f6b656e0000000000000000000000000000000000000000000000000000006044820152606490fd5b34610eac575f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610eac57602060405163ffffffff7f0000000000000000000000000000000000000000000000000000000000000000168152f35b6127cd366132f3565b6127da94939192946138f7565b73ffffffffffffffffffffffffffffffffffffffff8316948515928315612a0c576bffffffffffffffffffffffff835b168034036129dd575061285e92918591604051976bffffffffffffffffffffffff8516988981528a7f8752a472e571a816aea92eec8dae9baf628e840f4929fbcc2d155e6233ff68a760203393a333613de5565b501561286657005b61286e6138f7565b60017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d604051907f70a08231000000000000000000000000000000000000000000000000000000008252306004830152602082602481875afa9182156126c8575f926129a9575b506040517f23b872dd000000000000000000000000000000000000000000000000000000005f5233600452306024528360445260205f60648180895af19060015f5114821615612988575b6040525f6060521561295c576129379350614548565b5f7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d005b837f5274afe7000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b9060018115166129a057853b15153d15161690612921565b503d5f823e3d90fd5b9091506020813d6020116129d5575b816129c5602093836135d8565b81010312610eac575190846128d6565b3d91506129b8565b7f8c54e309000000000000000000000000000000000000000000000000000000005f526004523460245260445ffd5b6bffffffffffffffffffffffff5f61280a565b60207ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610eac57612a516130f5565b612a596138f7565b73ffffffffffffffffffffffffffffffffffffffff8116908115612b06573415612ade5773ffffffffffffffffffffffffffffffffffffffff165f90815260026020908152604080832083805290915290208054340190555f7f8752a472e571a816aea92eec8dae9baf628e840f4929fbcc2d155e6233ff68a76020604051348152a3005b7f1f2a2005000000000000000000000000000000000000000000000000000000005f5260045ffd5b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600560248201527f6f776e65720000000000000000000000000000000000000000000000000000006044820152fd5b34610eac5760206102a3612b7736613299565b916136a1565b34610eac5760a07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610eac57612bb46130f5565b612bbc613118565b612be4612bc761313b565b92612bd061315e565b928391612bdb613254565b956107276138f7565b805f52600460205260405f205460e01c8015612c6757804210612c385750602092612c2f826102a3935f52600486526bffffffffffffffffffffffff60405f205460601c1690613bee565b809333906139ef565b7f839aae0b000000000000000000000000000000000000000000000000000000005f526004524260245260445ffd5b507f713ee726000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b34610eac5760207ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610eac575f60408051612cd081613573565b82815282602082015201526004355f526003602052606060405f2067ffffffffffffffff60405191612d0183613573565b546bffffffffffffffffffffffff80821693848152604060208201918385891c168352019260c01c83526040519485525116602084015251166040820152f35b34610eac5760a07ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610eac57612d786130f5565b612d80613118565b612d8861313b565b906064359067ffffffffffffffff8211610eac5736602383011215610eac5781600401359267ffffffffffffffff8411610eac5736602460c0860285010111610eac57612dd3613254565b92612ddc6138f7565b5f93845b86861015612e5557612e4d600191612e478860c0810287018c612e1d8a8c612e0a604486016138c5565b9384612e18602488016138c5565b61385a565b90612e2a606484016138e6565b612e36608485016138ac565b9160a460c48601359501359361443f565b90613667565b950194612de0565b6102a3602092828a876139ef565b34610eac5760607ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc360112610eac57612e9a6130f5565b612eb8612ea5613118565b9182612eaf61313b565b916103266138f7565b805f52600360205260405f209160405192612ed284613573565b54926bffffffffffffffffffffffff841681526bffffffffffffffffffffffff8460601c16936020820194808652604083019160c01c8252156130ad5767ffffffffffffffff905116804210612c385760206bffffffffffffffffffffffff8686613076878488511660405190612f4882613573565b81528681015f8152612fe08760408401925f8452875f5260038b52818060405f20965116167fffffffffffffffffffffffffffffffffffffffff000000000000000000000000865416178555511683907fffffffffffffffff000000000000000000000000ffffffffffffffffffffffff77ffffffffffffffffffffffff00000000000000000000000083549260601b169116179055565b5177ffffffffffffffffffffffffffffffffffffffffffffffff7fffffffffffffffff00000000000000000000000000000000000000000000000083549260c01b16911617905584845116903373ffffffffffffffffffffffffffffffffffffffff165f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f5260205260405f20908154019055565b7fce34a37418e9def63a52cc62821d657328be2329fb2a3afa9e5cdd8b40e626118484845116604051908152a25116604051908152f35b837f27b6ef29000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b34610eac5760206102a36130ec366131a4565b92919091613619565b6004359073ffffffffffffffffffffffffffffffffffffffff82168203610eac57565b6024359073ffffffffffffffffffffffffffffffffffffffff82168203610eac57565b6044359073ffffffffffffffffffffffffffffffffffffffff82168203610eac57565b6064359073ffffffffffffffffffffffffffffffffffffffff82168203610eac57565b6084359073ffffffffffffffffffffffffffffffffffffffff82168203610eac57565b7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc6080910112610eac5760043573ffffffffffffffffffffffffffffffffffffffff81168103610eac579060243573ffffffffffffffffffffffffffffffffffffffff81168103610eac579060443573ffffffffffffffffffffffffffffffffffffffff81168103610eac579060643573ffffffffffffffffffffffffffffffffffffffff81168103610eac5790565b608435908115158203610eac57565b604435906bffffffffffffffffffffffff82168203610eac57565b606435906bffffffffffffffffffffffff82168203610eac57565b7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc6060910112610eac576004359060243563ffffffff81168103610eac57906044356bffffffffffffffffffffffff81168103610eac5790565b7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc60a0910112610eac5760043573ffffffffffffffffffffffffffffffffffffffff81168103610eac579060243573ffffffffffffffffffffffffffffffffffffffff81168103610eac579060443573ffffffffffffffffffffffffffffffffffffffff81168103610eac579060643573ffffffffffffffffffffffffffffffffffffffff81168103610eac57906084356bffffffffffffffffffffffff81168103610eac5790565b7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc6080910112610eac5760043573ffffffffffffffffffffffffffffffffffffffff81168103610eac579060243573ffffffffffffffffffffffffffffffffffffffff81168103610eac579060443573ffffffffffffffffffffffffffffffffffffffff81168103610eac57906064356bffffffffffffffffffffffff81168103610eac5790565b907fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f602080948051918291828752018686015e5f8582860101520116010190565b906101407ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc830112610eac5760043573ffffffffffffffffffffffffffffffffffffffff81168103610eac579160243573ffffffffffffffffffffffffffffffffffffffff81168103610eac579160443573ffffffffffffffffffffffffffffffffffffffff81168103610eac577fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff9c60c091930112610eac57606490610124358015158103610eac5790565b6060810190811067ffffffffffffffff82111761358f57604052565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52604160045260245ffd5b6080810190811067ffffffffffffffff82111761358f57604052565b90601f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0910116810190811067ffffffffffffffff82111761358f57604052565b9273ffffffffffffffffffffffffffffffffffffffff80929381604051958160208801981688521660408601521660608401521660808201526080815261366160a0826135d8565b51902090565b9190820180921161367457565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b906bffffffffffffffffffffffff61370c9363ffffffff6040519360208501957fd8f13bfff04b80e51ae6ec8ad7f42f25d27154762b7d9648318fda762f1292f6875260408601521660608401521660808201526080815261370460a0826135d8565b519020613da4565b90565b906bffffffffffffffffffffffff809116911603906bffffffffffffffffffffffff821161367457565b906bffffffffffffffffffffffff809116911601906bffffffffffffffffffffffff821161367457565b906040519073ffffffffffffffffffffffffffffffffffffffff60208301937fb42ebddc4d63383692ba57cb1bad413b909b085aceed6f9049b9d5a18c71b48e85521660408301526060820152606081526136616080826135d8565b906bffffffffffffffffffffffff61370c9363ffffffff6040519360208501957fdafec05637537bb1d28853923abf7c1e27b5bf131530de59b2219f22fdc69d34875260408601521660608401521660808201526080815261370460a0826135d8565b9060405190602082019283526040820152604081526136616060826135d8565b67ffffffffffffffff811161358f5760051b60200190565b93909273ffffffffffffffffffffffffffffffffffffffff929083809281604051978160208a019a168a521660408801521660608601521660808401521660a082015260a0815261366160c0826135d8565b356bffffffffffffffffffffffff81168103610eac5790565b3573ffffffffffffffffffffffffffffffffffffffff81168103610eac5790565b3563ffffffff81168103610eac5790565b7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005c61391f57565b7f3ee5aeb5000000000000000000000000000000000000000000000000000000005f5260045ffd5b6139685f9361370c959361395d602086016138c5565b9384612e18876138c5565b90613975604084016138e6565b613981606085016138ac565b91608060a08601359501359361443f565b919081156139ea576139e8929073ffffffffffffffffffffffffffffffffffffffff165f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f5260205260405f20908154019055565b565b505050565b9091928315613be857613a4c57906139e892919073ffffffffffffffffffffffffffffffffffffffff165f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f5260205260405f20908154019055565b73ffffffffffffffffffffffffffffffffffffffff90613a6a6138f7565b60017f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d169173ffffffffffffffffffffffffffffffffffffffff8216918280857fa4195c37c2947bbe89165f03e320b6903116f0b10d8cfdb522330f7ce6f9fa246020604051878152a48315613b935750604051917fa9059cbb000000000000000000000000000000000000000000000000000000005f5260045260245260205f60448180865af19060015f5114821615613b7b575b60405215613b5057505b5f7f9b779b17422d0df92223018b32b4d1fa46e071723d6817e2486d003becc55f005d565b7f5274afe7000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b9060018115166129a057823b15153d15161690613b21565b8193505f808093819382604051613bab6020826135d8565b525af115613bba575050613b2b565b7fa5b05eec000000000000000000000000000000000000000000000000000000005f5260045260245260445ffd5b50505050565b805f52600460205260405f205463ffffffff613c18846bffffffffffffffffffffffff841661370f565b9160c01c1692600184019063ffffffff8211613674577f5984579cfe1864d919dd1b162d4efd401edf704b7ce3f103bd5ed31fb3dd0758926bffffffffffffffffffffffff8092613d8c60609563ffffffff8960405192613c78846135bc565b5f8452613d1a87602086015f81528560408801941684528c8701945f86525f526004602052818060405f20985116167fffffffffffffffffffffffffffffffffffffffff000000000000000000000000885416178755511685907fffffffffffffffff000000000000000000000000ffffffffffffffffffffffff77ffffffffffffffffffffffff00000000000000000000000083549260601b169116179055565b518354915177ffffffffffffffffffffffffffffffffffffffffffffffff90921660c09190911b7bffffffff0000000000000000000000000000000000000000000000001617911660e01b7fffffffff0000000000000000000000000000000000000000000000000000000016179055565b6040519788521660208701521693846040820152a290565b604290613daf61431c565b90604051917f19010000000000000000000000000000000000000000000000000000000000008352600283015260228201522090565b91909395946bffffffffffffffffffffffff8116908115612ade5773ffffffffffffffffffffffffffffffffffffffff86169586156140215773ffffffffffffffffffffffffffffffffffffffff84169586156104a35773ffffffffffffffffffffffffffffffffffffffff8116948515613fc357613e66928b928861385a565b97885f52600460205260405f20938454926bffffffffffffffffffffffff8416806bffffffffffffffffffffffff036bffffffffffffffffffffffff8111613674576bffffffffffffffffffffffff168611613f8f579463ffffffff73ffffffffffffffffffffffffffffffffffffffff95868e9a966bffffffffffffffffffffffff96613f187f2213fd90c1f259728b1ecd5e18fe9ef0a0d32a1f927019c630c8e7309bbface59c9760c09c613739565b968888167fffffffffffffffffffffffffffffffffffffffff0000000000000000000000008254161781557bffffffffffffffffffffffffffffffffffffffffffffffffffffffff815416905560206040519e8f90815201521660408c0152871c1660608a015260808901521660a08701521693a4565b85908c7f85ef986d000000000000000000000000000000000000000000000000000000005f5260045260245260445260645ffd5b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600660248201527f7369676e657200000000000000000000000000000000000000000000000000006044820152fd5b60646040517feac0d38900000000000000000000000000000000000000000000000000000000815260206004820152600560248201527f70617965650000000000000000000000000000000000000000000000000000006044820152fd5b90815f52600460205260405f20916bffffffffffffffffffffffff835416156140a55750565b7f068e1080000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b919073ffffffffffffffffffffffffffffffffffffffff8316918215612707576bffffffffffffffffffffffff169273ffffffffffffffffffffffffffffffffffffffff8216938415612b06578015612ade57614196817f8752a472e571a816aea92eec8dae9baf628e840f4929fbcc2d155e6233ff68a7946020949073ffffffffffffffffffffffffffffffffffffffff165f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f5260205260405f20908154019055565b604051908152a3565b9190820391821161367457565b80518210156141c05760209160051b010190565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b919073ffffffffffffffffffffffffffffffffffffffff1691825f52600260205260405f2073ffffffffffffffffffffffffffffffffffffffff82165f5260205260405f20549282841061426c575f52600260205273ffffffffffffffffffffffffffffffffffffffff60405f2091165f5260205260405f2091039055565b828473ffffffffffffffffffffffffffffffffffffffff608494604051947f861da4bd000000000000000000000000000000000000000000000000000000008652600486015216602484015260448301526064820152fd5b926143139073ffffffffffffffffffffffffffffffffffffffff93849360ff601b7f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff851694821c0116906147a2565b50501691161490565b73ffffffffffffffffffffffffffffffffffffffff7f000000000000000000000000000000000000000000000000000000000000000016301480614416575b15614384577f000000000000000000000000000000000000000000000000000000000000000090565b60405160208101907f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f82527f000000000000000000000000000000000000000000000000000000000000000060408201527f000000000000000000000000000000000000000000000000000000000000000060608201524660808201523060a082015260a0815261366160c0826135d8565b507f0000000000000000000000000000000000000000000000000000000000000000461461435b565b949695909693929193855f52600460205260405f20938454986bffffffffffffffffffffffff8a60601c16946bffffffffffffffffffffffff8b166bffffffffffffffffffffffff821681808210911802189763ffffffff8c60c01c1663ffffffff8216036145395786891115614539576144c19493929161078b918b6137bf565b1561450e5750916020917f40c8691ff5fcf515438fb9b3b0323b88d6d509a2c9e05d91fcd89e68c1a4b177938203968760601b0190556bffffffffffffffffffffffff60405191168152a2565b7fa1c97319000000000000000000000000000000000000000000000000000000005f5260045260245ffd5b505f9a50505050505050505050565b6040517f70a0823100000000000000000000000000000000000000000000000000000000815230600482015273ffffffffffffffffffffffffffffffffffffffff919091169291602082602481875afa9182156126c8575f9261461a575b50808210808015614607575b6145bd575050505050565b156145f85750505f915b7f495a9962000000000000000000000000000000000000000000000000000000005f5260045260245260445260645ffd5b6146019161419f565b916145c7565b5083614613838561419f565b14156145b2565b9091506020813d602011614646575b81614636602093836135d8565b81010312610eac5751905f6145a6565b3d9150614629565b90601b8260ff1c0160ff811161367457917f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff1690565b60ff811690601f82116146b357604051916146a06040846135d8565b6020808452838101919036833783525290565b7fb3512b0c000000000000000000000000000000000000000000000000000000005f5260045ffd5b905f8091602081519101845af4808061478f575b1561470f5750506040513d81523d5f602083013e60203d82010160405290565b156147565773ffffffffffffffffffffffffffffffffffffffff907f9996b315000000000000000000000000000000000000000000000000000000005f521660045260245ffd5b3d15614767576040513d5f823e3d90fd5b7fd6bda275000000000000000000000000000000000000000000000000000000005f5260045ffd5b503d1515806146ef5750813b15156146ef565b91907f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a08411614826579160209360809260ff5f9560405194855216868401526040830152606082015282805260015afa156126c8575f5173ffffffffffffffffffffffffffffffffffffffff81161561481c57905f905f90565b505f906001905f90565b5050505f916003919056fea164736f6c6343000825000a",
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
// Solidity: constructor(uint32 grace, uint32 period) returns()
func (escrow *Escrow) PackConstructor(grace uint32, period uint32) []byte {
	enc, err := escrow.abi.Pack("", grace, period)
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

// PackBond is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf18f4e6f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function bond(address operator, address token, address slasher, uint96 amount) returns()
func (escrow *Escrow) PackBond(operator common.Address, token common.Address, slasher common.Address, amount *big.Int) []byte {
	enc, err := escrow.abi.Pack("bond", operator, token, slasher, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBond is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf18f4e6f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function bond(address operator, address token, address slasher, uint96 amount) returns()
func (escrow *Escrow) TryPackBond(operator common.Address, token common.Address, slasher common.Address, amount *big.Int) ([]byte, error) {
	return escrow.abi.Pack("bond", operator, token, slasher, amount)
}

// PackBondId is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x010d31a6.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function bondId(address owner, address operator, address token, address slasher) pure returns(bytes32)
func (escrow *Escrow) PackBondId(owner common.Address, operator common.Address, token common.Address, slasher common.Address) []byte {
	enc, err := escrow.abi.Pack("bondId", owner, operator, token, slasher)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBondId is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x010d31a6.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function bondId(address owner, address operator, address token, address slasher) pure returns(bytes32)
func (escrow *Escrow) TryPackBondId(owner common.Address, operator common.Address, token common.Address, slasher common.Address) ([]byte, error) {
	return escrow.abi.Pack("bondId", owner, operator, token, slasher)
}

// UnpackBondId is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x010d31a6.
//
// Solidity: function bondId(address owner, address operator, address token, address slasher) pure returns(bytes32)
func (escrow *Escrow) UnpackBondId(data []byte) ([32]byte, error) {
	out, err := escrow.abi.Unpack("bondId", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackBondOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0fb585ba.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function bondOf(bytes32 id) view returns((uint96,uint96,uint64))
func (escrow *Escrow) PackBondOf(id [32]byte) []byte {
	enc, err := escrow.abi.Pack("bondOf", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBondOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0fb585ba.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function bondOf(bytes32 id) view returns((uint96,uint96,uint64))
func (escrow *Escrow) TryPackBondOf(id [32]byte) ([]byte, error) {
	return escrow.abi.Pack("bondOf", id)
}

// UnpackBondOf is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x0fb585ba.
//
// Solidity: function bondOf(bytes32 id) view returns((uint96,uint96,uint64))
func (escrow *Escrow) UnpackBondOf(data []byte) (Bond, error) {
	out, err := escrow.abi.Unpack("bondOf", data)
	if err != nil {
		return *new(Bond), err
	}
	out0 := *abi.ConvertType(out[0], new(Bond)).(*Bond)
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

// PackDepositAndFundWithAuthorization is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5cb1a9aa.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function depositAndFundWithAuthorization(address payer, address payee, address operator, address signer, address token, uint96 amount, (uint256,uint256,bytes32,bytes32,bytes32) auth) returns()
func (escrow *Escrow) PackDepositAndFundWithAuthorization(payer common.Address, payee common.Address, operator common.Address, signer common.Address, token common.Address, amount *big.Int, auth Authorization) []byte {
	enc, err := escrow.abi.Pack("depositAndFundWithAuthorization", payer, payee, operator, signer, token, amount, auth)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDepositAndFundWithAuthorization is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5cb1a9aa.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function depositAndFundWithAuthorization(address payer, address payee, address operator, address signer, address token, uint96 amount, (uint256,uint256,bytes32,bytes32,bytes32) auth) returns()
func (escrow *Escrow) TryPackDepositAndFundWithAuthorization(payer common.Address, payee common.Address, operator common.Address, signer common.Address, token common.Address, amount *big.Int, auth Authorization) ([]byte, error) {
	return escrow.abi.Pack("depositAndFundWithAuthorization", payer, payee, operator, signer, token, amount, auth)
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

// PackDepositNonce is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6e4d5961.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function depositNonce(address owner, bytes32 salt) pure returns(bytes32)
func (escrow *Escrow) PackDepositNonce(owner common.Address, salt [32]byte) []byte {
	enc, err := escrow.abi.Pack("depositNonce", owner, salt)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDepositNonce is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6e4d5961.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function depositNonce(address owner, bytes32 salt) pure returns(bytes32)
func (escrow *Escrow) TryPackDepositNonce(owner common.Address, salt [32]byte) ([]byte, error) {
	return escrow.abi.Pack("depositNonce", owner, salt)
}

// UnpackDepositNonce is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x6e4d5961.
//
// Solidity: function depositNonce(address owner, bytes32 salt) pure returns(bytes32)
func (escrow *Escrow) UnpackDepositNonce(data []byte) ([32]byte, error) {
	out, err := escrow.abi.Unpack("depositNonce", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackDepositWithAuthorization is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcc6bfd8a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function depositWithAuthorization(address token, address from, address owner, uint96 amount, (uint256,uint256,bytes32,bytes32,bytes32) auth) returns()
func (escrow *Escrow) PackDepositWithAuthorization(token common.Address, from common.Address, owner common.Address, amount *big.Int, auth Authorization) []byte {
	enc, err := escrow.abi.Pack("depositWithAuthorization", token, from, owner, amount, auth)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDepositWithAuthorization is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcc6bfd8a.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function depositWithAuthorization(address token, address from, address owner, uint96 amount, (uint256,uint256,bytes32,bytes32,bytes32) auth) returns()
func (escrow *Escrow) TryPackDepositWithAuthorization(token common.Address, from common.Address, owner common.Address, amount *big.Int, auth Authorization) ([]byte, error) {
	return escrow.abi.Pack("depositWithAuthorization", token, from, owner, amount, auth)
}

// PackDepositWithPermit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8999be66.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function depositWithPermit(address token, address owner, uint96 amount, uint256 deadline, bytes32 r, bytes32 vs) returns()
func (escrow *Escrow) PackDepositWithPermit(token common.Address, owner common.Address, amount *big.Int, deadline *big.Int, r [32]byte, vs [32]byte) []byte {
	enc, err := escrow.abi.Pack("depositWithPermit", token, owner, amount, deadline, r, vs)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDepositWithPermit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8999be66.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function depositWithPermit(address token, address owner, uint96 amount, uint256 deadline, bytes32 r, bytes32 vs) returns()
func (escrow *Escrow) TryPackDepositWithPermit(token common.Address, owner common.Address, amount *big.Int, deadline *big.Int, r [32]byte, vs [32]byte) ([]byte, error) {
	return escrow.abi.Pack("depositWithPermit", token, owner, amount, deadline, r, vs)
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

// PackFundMany is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd7dfdeae.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function fundMany(address token, (address,address,address,uint96)[] fundings) returns()
func (escrow *Escrow) PackFundMany(token common.Address, fundings []Funding) []byte {
	enc, err := escrow.abi.Pack("fundMany", token, fundings)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFundMany is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd7dfdeae.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function fundMany(address token, (address,address,address,uint96)[] fundings) returns()
func (escrow *Escrow) TryPackFundMany(token common.Address, fundings []Funding) ([]byte, error) {
	return escrow.abi.Pack("fundMany", token, fundings)
}

// PackMulticall is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xac9650d8.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function multicall(bytes[] data) returns(bytes[] results)
func (escrow *Escrow) PackMulticall(data [][]byte) []byte {
	enc, err := escrow.abi.Pack("multicall", data)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMulticall is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xac9650d8.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function multicall(bytes[] data) returns(bytes[] results)
func (escrow *Escrow) TryPackMulticall(data [][]byte) ([]byte, error) {
	return escrow.abi.Pack("multicall", data)
}

// UnpackMulticall is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xac9650d8.
//
// Solidity: function multicall(bytes[] data) returns(bytes[] results)
func (escrow *Escrow) UnpackMulticall(data []byte) ([][]byte, error) {
	out, err := escrow.abi.Unpack("multicall", data)
	if err != nil {
		return *new([][]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([][]byte)).(*[][]byte)
	return out0, nil
}

// PackOpenNonce is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x83435ec8.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function openNonce(bytes32 id, bytes32 salt) pure returns(bytes32)
func (escrow *Escrow) PackOpenNonce(id [32]byte, salt [32]byte) []byte {
	enc, err := escrow.abi.Pack("openNonce", id, salt)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackOpenNonce is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x83435ec8.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function openNonce(bytes32 id, bytes32 salt) pure returns(bytes32)
func (escrow *Escrow) TryPackOpenNonce(id [32]byte, salt [32]byte) ([]byte, error) {
	return escrow.abi.Pack("openNonce", id, salt)
}

// UnpackOpenNonce is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x83435ec8.
//
// Solidity: function openNonce(bytes32 id, bytes32 salt) pure returns(bytes32)
func (escrow *Escrow) UnpackOpenNonce(data []byte) ([32]byte, error) {
	out, err := escrow.abi.Unpack("openNonce", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
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

// PackRedeemPacked is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa20fcf3d.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function redeemPacked(address payee, address operator, address token, bytes records, bool payout) returns(uint256 paid)
func (escrow *Escrow) PackRedeemPacked(payee common.Address, operator common.Address, token common.Address, records []byte, payout bool) []byte {
	enc, err := escrow.abi.Pack("redeemPacked", payee, operator, token, records, payout)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRedeemPacked is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa20fcf3d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function redeemPacked(address payee, address operator, address token, bytes records, bool payout) returns(uint256 paid)
func (escrow *Escrow) TryPackRedeemPacked(payee common.Address, operator common.Address, token common.Address, records []byte, payout bool) ([]byte, error) {
	return escrow.abi.Pack("redeemPacked", payee, operator, token, records, payout)
}

// UnpackRedeemPacked is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa20fcf3d.
//
// Solidity: function redeemPacked(address payee, address operator, address token, bytes records, bool payout) returns(uint256 paid)
func (escrow *Escrow) UnpackRedeemPacked(data []byte) (*big.Int, error) {
	out, err := escrow.abi.Unpack("redeemPacked", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackReleaseBond is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x03b0544f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function releaseBond(address operator, address token, address slasher) returns(uint256 released)
func (escrow *Escrow) PackReleaseBond(operator common.Address, token common.Address, slasher common.Address) []byte {
	enc, err := escrow.abi.Pack("releaseBond", operator, token, slasher)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackReleaseBond is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x03b0544f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function releaseBond(address operator, address token, address slasher) returns(uint256 released)
func (escrow *Escrow) TryPackReleaseBond(operator common.Address, token common.Address, slasher common.Address) ([]byte, error) {
	return escrow.abi.Pack("releaseBond", operator, token, slasher)
}

// UnpackReleaseBond is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x03b0544f.
//
// Solidity: function releaseBond(address operator, address token, address slasher) returns(uint256 released)
func (escrow *Escrow) UnpackReleaseBond(data []byte) (*big.Int, error) {
	out, err := escrow.abi.Unpack("releaseBond", data)
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

// PackSlash is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xaaec6f55.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function slash(address owner, address operator, address token, uint96 amount, address beneficiary, bytes32 ref) returns(uint256 slashed)
func (escrow *Escrow) PackSlash(owner common.Address, operator common.Address, token common.Address, amount *big.Int, beneficiary common.Address, ref [32]byte) []byte {
	enc, err := escrow.abi.Pack("slash", owner, operator, token, amount, beneficiary, ref)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSlash is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xaaec6f55.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function slash(address owner, address operator, address token, uint96 amount, address beneficiary, bytes32 ref) returns(uint256 slashed)
func (escrow *Escrow) TryPackSlash(owner common.Address, operator common.Address, token common.Address, amount *big.Int, beneficiary common.Address, ref [32]byte) ([]byte, error) {
	return escrow.abi.Pack("slash", owner, operator, token, amount, beneficiary, ref)
}

// UnpackSlash is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xaaec6f55.
//
// Solidity: function slash(address owner, address operator, address token, uint96 amount, address beneficiary, bytes32 ref) returns(uint256 slashed)
func (escrow *Escrow) UnpackSlash(data []byte) (*big.Int, error) {
	out, err := escrow.abi.Unpack("slash", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackUnbond is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x672613b5.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function unbond(address operator, address token, address slasher, uint96 amount) returns()
func (escrow *Escrow) PackUnbond(operator common.Address, token common.Address, slasher common.Address, amount *big.Int) []byte {
	enc, err := escrow.abi.Pack("unbond", operator, token, slasher, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackUnbond is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x672613b5.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function unbond(address operator, address token, address slasher, uint96 amount) returns()
func (escrow *Escrow) TryPackUnbond(operator common.Address, token common.Address, slasher common.Address, amount *big.Int) ([]byte, error) {
	return escrow.abi.Pack("unbond", operator, token, slasher, amount)
}

// PackUnbondPeriod is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfc0c5ff1.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function unbondPeriod() view returns(uint32)
func (escrow *Escrow) PackUnbondPeriod() []byte {
	enc, err := escrow.abi.Pack("unbondPeriod")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackUnbondPeriod is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfc0c5ff1.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function unbondPeriod() view returns(uint32)
func (escrow *Escrow) TryPackUnbondPeriod() ([]byte, error) {
	return escrow.abi.Pack("unbondPeriod")
}

// UnpackUnbondPeriod is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xfc0c5ff1.
//
// Solidity: function unbondPeriod() view returns(uint32)
func (escrow *Escrow) UnpackUnbondPeriod(data []byte) (uint32, error) {
	out, err := escrow.abi.Unpack("unbondPeriod", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
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

// EscrowBondReleased represents a BondReleased event raised by the Escrow contract.
type EscrowBondReleased struct {
	BondId [32]byte
	Amount *big.Int
	Raw    *types.Log // Blockchain specific contextual infos
}

const EscrowBondReleasedEventName = "BondReleased"

// ContractEventName returns the user-defined event name.
func (EscrowBondReleased) ContractEventName() string {
	return EscrowBondReleasedEventName
}

// UnpackBondReleasedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event BondReleased(bytes32 indexed bondId, uint96 amount)
func (escrow *Escrow) UnpackBondReleasedEvent(log *types.Log) (*EscrowBondReleased, error) {
	event := "BondReleased"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowBondReleased)
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

// EscrowBonded represents a Bonded event raised by the Escrow contract.
type EscrowBonded struct {
	BondId   [32]byte
	Owner    common.Address
	Operator common.Address
	Slasher  common.Address
	Token    common.Address
	Amount   *big.Int
	Active   *big.Int
	Raw      *types.Log // Blockchain specific contextual infos
}

const EscrowBondedEventName = "Bonded"

// ContractEventName returns the user-defined event name.
func (EscrowBonded) ContractEventName() string {
	return EscrowBondedEventName
}

// UnpackBondedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Bonded(bytes32 indexed bondId, address indexed owner, address indexed operator, address slasher, address token, uint96 amount, uint96 active)
func (escrow *Escrow) UnpackBondedEvent(log *types.Log) (*EscrowBonded, error) {
	event := "Bonded"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowBonded)
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

// EscrowSlashed represents a Slashed event raised by the Escrow contract.
type EscrowSlashed struct {
	BondId      [32]byte
	Beneficiary common.Address
	Ref         [32]byte
	Amount      *big.Int
	Raw         *types.Log // Blockchain specific contextual infos
}

const EscrowSlashedEventName = "Slashed"

// ContractEventName returns the user-defined event name.
func (EscrowSlashed) ContractEventName() string {
	return EscrowSlashedEventName
}

// UnpackSlashedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Slashed(bytes32 indexed bondId, address indexed beneficiary, bytes32 indexed ref, uint96 amount)
func (escrow *Escrow) UnpackSlashedEvent(log *types.Log) (*EscrowSlashed, error) {
	event := "Slashed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowSlashed)
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

// EscrowUnbonding represents a Unbonding event raised by the Escrow contract.
type EscrowUnbonding struct {
	BondId    [32]byte
	Amount    *big.Int
	Unbonding *big.Int
	ReleaseAt uint64
	Raw       *types.Log // Blockchain specific contextual infos
}

const EscrowUnbondingEventName = "Unbonding"

// ContractEventName returns the user-defined event name.
func (EscrowUnbonding) ContractEventName() string {
	return EscrowUnbondingEventName
}

// UnpackUnbondingEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Unbonding(bytes32 indexed bondId, uint96 amount, uint96 unbonding, uint64 releaseAt)
func (escrow *Escrow) UnpackUnbondingEvent(log *types.Log) (*EscrowUnbonding, error) {
	event := "Unbonding"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != escrow.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(EscrowUnbonding)
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
	if bytes.Equal(raw[:4], escrow.abi.Errors["AddressEmptyCode"].ID.Bytes()[:4]) {
		return escrow.UnpackAddressEmptyCodeError(raw[4:])
	}
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
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadLength"].ID.Bytes()[:4]) {
		return escrow.UnpackBadLengthError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadRecipient"].ID.Bytes()[:4]) {
		return escrow.UnpackBadRecipientError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadSignature"].ID.Bytes()[:4]) {
		return escrow.UnpackBadSignatureError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadUnbondPeriod"].ID.Bytes()[:4]) {
		return escrow.UnpackBadUnbondPeriodError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["BadValue"].ID.Bytes()[:4]) {
		return escrow.UnpackBadValueError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["FailedCall"].ID.Bytes()[:4]) {
		return escrow.UnpackFailedCallError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["InexactTransfer"].ID.Bytes()[:4]) {
		return escrow.UnpackInexactTransferError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["InsufficientBalance"].ID.Bytes()[:4]) {
		return escrow.UnpackInsufficientBalanceError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["InsufficientBond"].ID.Bytes()[:4]) {
		return escrow.UnpackInsufficientBondError(raw[4:])
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
	if bytes.Equal(raw[:4], escrow.abi.Errors["NothingBonded"].ID.Bytes()[:4]) {
		return escrow.UnpackNothingBondedError(raw[4:])
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
	if bytes.Equal(raw[:4], escrow.abi.Errors["TooMuch"].ID.Bytes()[:4]) {
		return escrow.UnpackTooMuchError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["ZeroAddress"].ID.Bytes()[:4]) {
		return escrow.UnpackZeroAddressError(raw[4:])
	}
	if bytes.Equal(raw[:4], escrow.abi.Errors["ZeroAmount"].ID.Bytes()[:4]) {
		return escrow.UnpackZeroAmountError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// EscrowAddressEmptyCode represents a AddressEmptyCode error raised by the Escrow contract.
type EscrowAddressEmptyCode struct {
	Target common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AddressEmptyCode(address target)
func EscrowAddressEmptyCodeErrorID() common.Hash {
	return common.HexToHash("0x9996b315c842ff135b8fc4a08ad5df1c344efbc03d2687aecc0678050d2aac89")
}

// UnpackAddressEmptyCodeError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AddressEmptyCode(address target)
func (escrow *Escrow) UnpackAddressEmptyCodeError(raw []byte) (*EscrowAddressEmptyCode, error) {
	out := new(EscrowAddressEmptyCode)
	if err := escrow.abi.UnpackIntoInterface(out, "AddressEmptyCode", raw); err != nil {
		return nil, err
	}
	return out, nil
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

// EscrowBadLength represents a BadLength error raised by the Escrow contract.
type EscrowBadLength struct {
	Length *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadLength(uint256 length)
func EscrowBadLengthErrorID() common.Hash {
	return common.HexToHash("0x1b6979012f947c08ee4d65f5a78b14e83bb235e34788f4e52e494dba87c60026")
}

// UnpackBadLengthError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadLength(uint256 length)
func (escrow *Escrow) UnpackBadLengthError(raw []byte) (*EscrowBadLength, error) {
	out := new(EscrowBadLength)
	if err := escrow.abi.UnpackIntoInterface(out, "BadLength", raw); err != nil {
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

// EscrowBadUnbondPeriod represents a BadUnbondPeriod error raised by the Escrow contract.
type EscrowBadUnbondPeriod struct {
	Period uint32
	Min    uint32
	Max    uint32
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error BadUnbondPeriod(uint32 period, uint32 min, uint32 max)
func EscrowBadUnbondPeriodErrorID() common.Hash {
	return common.HexToHash("0x02a642bad92b21754d58c009c7554bf16eb5f3e101168efdf5349e649ee55a06")
}

// UnpackBadUnbondPeriodError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error BadUnbondPeriod(uint32 period, uint32 min, uint32 max)
func (escrow *Escrow) UnpackBadUnbondPeriodError(raw []byte) (*EscrowBadUnbondPeriod, error) {
	out := new(EscrowBadUnbondPeriod)
	if err := escrow.abi.UnpackIntoInterface(out, "BadUnbondPeriod", raw); err != nil {
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

// EscrowFailedCall represents a FailedCall error raised by the Escrow contract.
type EscrowFailedCall struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error FailedCall()
func EscrowFailedCallErrorID() common.Hash {
	return common.HexToHash("0xd6bda27508c0fb6d8a39b4b122878dab26f731a7d4e4abe711dd3731899052a4")
}

// UnpackFailedCallError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error FailedCall()
func (escrow *Escrow) UnpackFailedCallError(raw []byte) (*EscrowFailedCall, error) {
	out := new(EscrowFailedCall)
	if err := escrow.abi.UnpackIntoInterface(out, "FailedCall", raw); err != nil {
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

// EscrowInsufficientBond represents a InsufficientBond error raised by the Escrow contract.
type EscrowInsufficientBond struct {
	BondId [32]byte
	Active *big.Int
	Needed *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error InsufficientBond(bytes32 bondId, uint96 active, uint96 needed)
func EscrowInsufficientBondErrorID() common.Hash {
	return common.HexToHash("0xd537ac68e1e53673eff063bfba3b8e67b946b7dd56d0360f53fa6f19a3bb647e")
}

// UnpackInsufficientBondError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error InsufficientBond(bytes32 bondId, uint96 active, uint96 needed)
func (escrow *Escrow) UnpackInsufficientBondError(raw []byte) (*EscrowInsufficientBond, error) {
	out := new(EscrowInsufficientBond)
	if err := escrow.abi.UnpackIntoInterface(out, "InsufficientBond", raw); err != nil {
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

// EscrowNothingBonded represents a NothingBonded error raised by the Escrow contract.
type EscrowNothingBonded struct {
	BondId [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NothingBonded(bytes32 bondId)
func EscrowNothingBondedErrorID() common.Hash {
	return common.HexToHash("0x27b6ef2990b25544216c811100f313b421498549e1e887c3cf49cf23c2467c07")
}

// UnpackNothingBondedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NothingBonded(bytes32 bondId)
func (escrow *Escrow) UnpackNothingBondedError(raw []byte) (*EscrowNothingBonded, error) {
	out := new(EscrowNothingBonded)
	if err := escrow.abi.UnpackIntoInterface(out, "NothingBonded", raw); err != nil {
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
	ReadyAt uint64
	Time    *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error TooEarly(uint64 readyAt, uint256 time)
func EscrowTooEarlyErrorID() common.Hash {
	return common.HexToHash("0x839aae0b6e6b5877e54c4b2eb63a99b9f345f102f653181c166590f7058dda69")
}

// UnpackTooEarlyError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error TooEarly(uint64 readyAt, uint256 time)
func (escrow *Escrow) UnpackTooEarlyError(raw []byte) (*EscrowTooEarly, error) {
	out := new(EscrowTooEarly)
	if err := escrow.abi.UnpackIntoInterface(out, "TooEarly", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// EscrowTooMuch represents a TooMuch error raised by the Escrow contract.
type EscrowTooMuch struct {
	Id     [32]byte
	Held   *big.Int
	Amount *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error TooMuch(bytes32 id, uint256 held, uint256 amount)
func EscrowTooMuchErrorID() common.Hash {
	return common.HexToHash("0x85ef986dedea0ef7f446348c5efb7dc80ff4d5a6a150a75cb43d88afe0cc884e")
}

// UnpackTooMuchError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error TooMuch(bytes32 id, uint256 held, uint256 amount)
func (escrow *Escrow) UnpackTooMuchError(raw []byte) (*EscrowTooMuch, error) {
	out := new(EscrowTooMuch)
	if err := escrow.abi.UnpackIntoInterface(out, "TooMuch", raw); err != nil {
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
