// Typed messages to the contracts, signed by anvil's accounts in viem.
import { parseSignature, signatureToCompactSignature } from "viem";
import { account } from "./anvil.js";
import { types } from "./vectors.js";

// sign returns the halves r and vs (EIP-2098) of a message's signature. The domain is what the contract says it is.
export async function sign(chain, index, contract, primaryType, message) {
  const call = { ...contract, functionName: "eip712Domain" };
  const [, name, version, chainId, verifyingContract] = await chain.client.readContract(call);
  const domain = { name, version, chainId, verifyingContract };
  const signature = await account(index).signTypedData({ domain, types, primaryType, message });
  const { r, yParityAndS: vs } = signatureToCompactSignature(parseSignature(signature));
  return { r, vs };
}
