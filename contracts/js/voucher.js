// Checks and redeems a voucher with viem and nothing of Rerig. docs/clients.md shows this file; `held` is one entry of
// what `rerig wallet vouchers -o json` prints.
import { compactSignatureToSignature, concat, encodeAbiParameters, encodePacked, isAddressEqual, keccak256 } from "viem";
import { parseAbi, parseAbiParameters, parseCompactSignature, recoverTypedDataAddress } from "viem";

const abi = parseAbi([
  "struct Voucher { address payer; address signer; uint32 epoch; uint96 cumulative; bytes32 r; bytes32 vs; }",
  "error BadSignature(uint256 index)",
  "error BadLength(uint256 length)",
  "function redeem(address payee, address operator, address token, Voucher voucher, bool payout) returns (uint256 paid)",
  "function redeemPacked(address payee, address operator, address token, bytes records, bool payout) returns (uint256 paid)",
]);
const types = {
  Voucher: [
    { name: "channelId", type: "bytes32" },
    { name: "epoch", type: "uint32" },
    { name: "cumulative", type: "uint96" },
  ],
};

// verify is true if the channel's signer signed this voucher for this channel, chain and escrow.
export async function verify({ domain, channel, voucher, signature }) {
  const { payer, signer, payee, operator, token } = channel;
  const addresses = parseAbiParameters("address, address, address, address, address");
  const channelId = keccak256(encodeAbiParameters(addresses, [payer, signer, payee, operator, token]));
  const recovered = await recoverTypedDataAddress({
    domain: { name: "Rerig", version: "1", chainId: domain.chain_id, verifyingContract: domain.escrow },
    types,
    primaryType: "Voucher",
    message: { channelId, epoch: voucher.epoch, cumulative: BigInt(voucher.cumulative) },
    signature: compactSignatureToSignature(parseCompactSignature(signature)),
  });
  return voucher.channel === channelId && isAddressEqual(recovered, signer);
}

// redeem is the call that pays the channel's payee; any account may send it. With payout false the escrow credits the
// payee's account instead of paying out.
export function redeem({ domain, channel, voucher, signature }, payout) {
  const { r, yParityAndS: vs } = parseCompactSignature(signature);
  const { payer, signer, payee, operator, token } = channel;
  const { epoch, cumulative } = voucher;
  const args = [payee, operator, token, { payer, signer, epoch, cumulative: BigInt(cumulative), r, vs }, payout];
  return { address: domain.escrow, abi, functionName: "redeem", args };
}

// redeemPacked is one call for many vouchers of one payee, operator and token, with less calldata.
export function redeemPacked(list, payout) {
  const { domain, channel } = list[0];
  const args = [channel.payee, channel.operator, channel.token, concat(list.map(pack)), payout];
  return { address: domain.escrow, abi, functionName: "redeemPacked", args };
}

// pack is a voucher's record of 120 bytes.
function pack({ channel: { payer, signer }, voucher: { epoch, cumulative }, signature }) {
  const { r, yParityAndS: vs } = parseCompactSignature(signature);
  const fields = ["address", "address", "uint32", "uint96", "bytes32", "bytes32"];
  return encodePacked(fields, [payer, signer, epoch, BigInt(cumulative), r, vs]);
}
