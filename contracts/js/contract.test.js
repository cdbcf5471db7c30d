// What wallets sign for the escrow, its arbiter and a token, signed by viem and taken by the contracts on anvil.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { keccak256, maxUint256, toHex } from "viem";
import { account, artifact, deploy, send, startAnvil } from "./anvil.js";
import { sign } from "./sign.js";

const [deployer, owner, rig, relayer] = [0, 1, 2, 3];
const members = [4, 5, 6].sort((a, b) => (BigInt(account(a).address) < BigInt(account(b).address) ? -1 : 1));
const salt = keccak256(toHex("any salt"));
let chain, escrow, token, arbiter;

before(async () => {
  chain = await startAnvil();
  escrow = await deploy(chain, artifact("Escrow"), [3600, 3600]);
  token = await deploy(chain, artifact("TestUSD"), []);
  arbiter = await deploy(chain, artifact("CommitteeArbiter"), [escrow.address, members.map((i) => account(i).address), 2n]);
  await send(chain, deployer, { ...token, functionName: "mint", args: [account(owner).address, 10_000n] });
});
after(() => chain?.stop());

const read = (contract, functionName, ...args) => chain.client.readContract({ ...contract, functionName, args });
const balance = (index) => read(escrow, "balanceOf", account(index).address, token.address);

test("a permit deposits without an approval before it", async () => {
  const spender = { owner: account(owner).address, spender: escrow.address };
  const { r, vs } = await sign(chain, owner, token, "Permit", { ...spender, value: 700n, nonce: 0n, deadline: maxUint256 });
  const args = [token.address, account(owner).address, 700n, maxUint256, r, vs];
  await send(chain, owner, { ...escrow, functionName: "depositWithPermit", args });
  assert.equal(await balance(owner), 700n);
  assert.equal(await read(token, "allowance", ...Object.values(spender)), 0n);
});

test("a relayer deposits into the account that was signed for, and no other", async () => {
  const nonce = await read(escrow, "depositNonce", account(owner).address, salt);
  const times = { validAfter: 0n, validBefore: maxUint256 };
  const message = { from: account(owner).address, to: escrow.address, value: 300n, ...times, nonce };
  const auth = { ...times, salt, ...(await sign(chain, owner, token, "ReceiveWithAuthorization", message)) };
  const into = (index) => ({
    ...escrow,
    functionName: "depositWithAuthorization",
    args: [token.address, account(owner).address, account(index).address, 300n, auth],
  });
  await assert.rejects(send(chain, relayer, into(relayer)));
  await send(chain, relayer, into(owner));
  assert.equal(await balance(owner), 1000n);
  assert.equal(await balance(relayer), 0n);
});

test("two of three members slash a bond", async () => {
  const of = [account(rig).address, token.address, arbiter.address];
  await send(chain, owner, { ...escrow, functionName: "bond", args: [...of, 1000n] });
  const verdict = {
    caseId: salt,
    owner: account(owner).address,
    operator: account(rig).address,
    token: token.address,
    amount: 400n,
    beneficiary: account(relayer).address,
    deadline: 2n ** 64n - 1n,
  };
  const [first, second] = await Promise.all(members.map((index) => sign(chain, index, arbiter, "Verdict", verdict)));
  const call = { ...arbiter, functionName: "execute" };
  const execute = (...signatures) => send(chain, relayer, { ...call, args: [verdict, signatures] });
  await assert.rejects(execute(first, first), /BadSigner/);
  await execute(first, second);
  assert.equal(await balance(relayer), 400n);
  const id = await read(escrow, "bondId", account(owner).address, ...of);
  assert.equal((await read(escrow, "bondOf", id)).active, 600n);
  await assert.rejects(execute(first, second), /AlreadyDecided/);
});
