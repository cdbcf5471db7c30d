// Holds viem and ethers to what Go signed: protocol/testdata/eip712.json (SPEC §11). Its entries go into both libraries
// as they are.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AbiCoder, SigningKey, TypedDataEncoder, Wallet, keccak256, verifyTypedData, Signature } from "ethers";
import * as viem from "viem";
import { privateKeyToAccount } from "viem/accounts";

const vectors = JSON.parse(readFileSync(new URL("../../protocol/testdata/eip712.json", import.meta.url), "utf8"));
const keys = new Map(vectors.keys.map((key) => [key.name, key]));

function domain(name) {
  const { chain_id: chainId, escrow: verifyingContract } = vectors.domains[name];
  return { name: "Rerig", version: "1", chainId: BigInt(chainId), verifyingContract };
}

// typed is one vector as each library wants it.
function typed(type, { domain: name, message }) {
  const types = { [type]: vectors.types[type] };
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

test("channel ids", () => {
  const fields = ["payer", "signer", "payee", "operator", "token"];
  for (const channel of vectors.channels) {
    const types = fields.map(() => "address");
    const values = fields.map((field) => channel[field]);
    assert.equal(viem.keccak256(viem.encodeAbiParameters(types.map((type) => ({ type })), values)), channel.id);
    assert.equal(keccak256(AbiCoder.defaultAbiCoder().encode(types, values)), channel.id);
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
