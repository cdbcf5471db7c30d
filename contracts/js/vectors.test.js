// Holds viem and ethers to what Go signed: protocol/testdata/eip712.json (SPEC §11). Its entries go into both libraries
// as they are.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AbiCoder, SigningKey, TypedDataEncoder, Wallet, keccak256, verifyTypedData, Signature } from "ethers";
import * as viem from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { types as known, vectors } from "./vectors.js";

const keys = new Map(vectors.keys.map((key) => [key.name, key]));

function domain(key) {
  const { name, version, chain_id: chainId, contract: verifyingContract } = vectors.domains[key];
  return { name, version, chainId: BigInt(chainId), verifyingContract };
}

// typed is one vector as each library wants it.
function typed(type, { domain: name, message }) {
  const types = { [type]: known[type] };
  return { viem: { domain: domain(name), types, primaryType: type, message }, ethers: [domain(name), types, message] };
}

test("keys", () => {
  for (const { name, private: key, public: compressed, address } of vectors.keys) {
    assert.equal(privateKeyToAccount(key).address.toLowerCase(), address, name);
    assert.equal(new Wallet(key).address.toLowerCase(), address, name);
    assert.equal(SigningKey.computePublicKey(key, true), compressed, name);
  }
});

test("domain separators", () => {
  for (const [name, { separator }] of Object.entries(vectors.domains)) {
    assert.equal(viem.domainSeparator({ domain: domain(name) }), separator, name);
    assert.equal(TypedDataEncoder.hashDomain(domain(name)), separator, name);
  }
});

// hashes holds both libraries to keccak256(abi.encode(values)).
function hashes(types, values, want) {
  assert.equal(viem.keccak256(viem.encodeAbiParameters(types.map((type) => ({ type })), values)), want, "viem");
  assert.equal(keccak256(AbiCoder.defaultAbiCoder().encode(types, values)), want, "ethers");
}

test("channel ids", () => {
  assert.ok(vectors.channels.length > 0);
  for (const { payer, signer, payee, operator, token, id } of vectors.channels) {
    hashes(Array(5).fill("address"), [payer, signer, payee, operator, token], id);
  }
});

test("bond ids", () => {
  assert.ok(vectors.bonds.length > 0);
  for (const { owner, operator, token, slasher, id } of vectors.bonds) {
    hashes(Array(4).fill("address"), [owner, operator, token, slasher], id);
  }
});

test("nonces of authorised deposits", () => {
  assert.ok(vectors.nonces.length > 0);
  const tag = viem.keccak256(viem.toHex("Rerig deposit"));
  for (const { owner, channel, salt, nonce } of vectors.nonces) {
    if (channel) hashes(["bytes32", "bytes32"], [channel, salt], nonce);
    else hashes(["bytes32", "address", "bytes32"], [tag, owner, salt], nonce);
  }
});

for (const [type, signed] of Object.entries(vectors.signed)) {
  test(`${type}: ${signed.length} vectors`, async () => {
    for (const [i, vector] of signed.entries()) await check(type, vector, `${type} ${i} by ${vector.by}: `);
  });
}

// check compares digests, both forms of the signature, and who is recovered from it.
async function check(type, vector, what) {
  const data = typed(type, vector);
  assert.equal(viem.hashTypedData(data.viem), vector.digest, what + "viem's digest");
  assert.equal(TypedDataEncoder.hash(...data.ethers), vector.digest, what + "ethers' digest");

  const key = keys.get(vector.by).private;
  const byViem = await privateKeyToAccount(key).signTypedData(data.viem);
  assert.equal(byViem, vector.signature65, what + "viem's r, s, v");
  const compact = viem.signatureToCompactSignature(viem.parseSignature(byViem));
  assert.equal(viem.serializeCompactSignature(compact), vector.signature, what + "viem's EIP-2098");
  const byEthers = await new Wallet(key).signTypedData(...data.ethers);
  assert.equal(byEthers, vector.signature65, what + "ethers' r, s, v");
  assert.equal(Signature.from(byEthers).compactSerialized, vector.signature, what + "ethers' EIP-2098");

  const full = viem.serializeSignature(viem.compactSignatureToSignature(viem.parseCompactSignature(vector.signature)));
  const recovered = await viem.recoverTypedDataAddress({ ...data.viem, signature: full });
  assert.equal(recovered.toLowerCase(), vector.address, what + "viem recovers");
  assert.equal(verifyTypedData(...data.ethers, vector.signature).toLowerCase(), vector.address, what + "ethers recovers");
}
