// viem alone, on anvil, against the built command: what a rig was paid is worth its money to any client.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { keccak256, maxUint256, toHex } from "viem";
import { account, artifact, deploy, send, startAnvil } from "./anvil.js";
import { Home } from "./rerig.js";
import { sign } from "./sign.js";
import { redeem, redeemPacked, verify } from "./voucher.js";

const [deployer, payee, stranger, guestPayer, coldPayer] = [0, 1, 2, 3, 4];
let chain, escrow, token, home, rig;

before(async () => {
  chain = await startAnvil();
  escrow = await deploy(chain, artifact("Escrow"), [3600, 3600]);
  token = await deploy(chain, artifact("TestUSD"), []);
  home = new Home();
  profile([]);
});
after(async () => {
  await home?.remove();
  await chain?.stop();
});

const read = (contract, functionName, ...args) => chain.client.readContract({ ...contract, functionName, args });
const tokens = (owner) => read(token, "balanceOf", owner);
const channel = (id) => read(escrow, "channel", id);

function profile(bootstrap) {
  const { url, client } = chain;
  home.profile({ url, chainId: client.chain.id, escrow: escrow.address, token: token.address, bootstrap });
}

// endow gives a node's address gas and test dollars.
async function endow(to) {
  const hash = await chain.wallet(deployer).sendTransaction({ to, value: 10n ** 19n });
  await chain.client.waitForTransactionReceipt({ hash });
  await send(chain, deployer, { ...token, functionName: "mint", args: [to, 1_000_000_000n] });
}

// eventually polls, for as long as a busy machine may need.
async function eventually(what, f) {
  for (const end = Date.now() + 60_000; !(await f()); await pause(50)) {
    if (Date.now() > end) throw new Error(`waited a minute until ${what}: ${rig.told()}`);
  }
}

// startRig starts the rig, which is also the network's index, and points everybody at it.
async function startRig() {
  const rig = await home.up("rig", `--server --price 36/h --payout ${account(payee).address}`);
  profile(rig.info.listen);
  return rig;
}

test("a rig's voucher is worth its money to viem while the rig is stopped", async () => {
  rig = await startRig();
  const { address: requester } = await home.json("requester", "wallet init");
  await endow(requester);
  const before = await tokens(account(payee).address);
  assert.match(await home.run("requester", "run -q lm -- -n 4 --echo hello"), /^hello/);
  const [held] = await home.json("rig", "wallet vouchers");
  await rig.stop();

  assert.equal(held.channel.signer, requester);
  assert.ok(await verify(held), "viem recovers the signer");
  const { voucher } = held;
  const cumulative = BigInt(voucher.cumulative);
  const forged = { ...held, voucher: { ...voucher, cumulative: String(cumulative + 1n) } };
  assert.ok(!(await verify(forged)), "one unit more is not signed");
  await assert.rejects(send(chain, stranger, redeem(forged, true)), /BadSignature/);

  const { funded } = await channel(held.id);
  assert.ok(cumulative > 0n && cumulative <= funded);
  assert.equal(await tokens(escrow.address), funded);
  await send(chain, stranger, redeem(held, true));
  assert.equal(await tokens(account(payee).address), before + cumulative);
  assert.equal(await tokens(escrow.address), funded - cumulative);
  assert.equal((await channel(held.id)).claimed, cumulative);
  await send(chain, stranger, redeem(held, true));
  assert.equal(await tokens(escrow.address), funded - cumulative, "a second time pays nothing");

  rig = await startRig();
  const collected = await home.json("rig", "wallet collect"); // it has no gas: to try would be an error
  assert.deepEqual(collected.txs ?? [], []);
  assert.equal((await home.json("rig", "wallet balance")).owed, "0");
  assert.equal((await home.json("rig", "wallet vouchers"))[0].state.claimed, voucher.cumulative);
});

test("a rig works for a channel that viem opened, and is paid with others in one packed call", async () => {
  // The payer has its key in viem. The guest's node has none but its own, which the channel names as its signer.
  const { address: signer } = await home.json("guest", "wallet init");
  const from = account(guestPayer).address;
  await send(chain, deployer, { ...token, functionName: "mint", args: [from, 500_000n] });
  const { address: operator, rig: terms } = rig.info;
  const id = await read(escrow, "channelId", from, signer, terms.payee, operator, token.address);

  // The payer only signs; a stranger relays.
  const salt = keccak256(toHex("once"));
  const nonce = await read(escrow, "openNonce", id, salt);
  const times = { validAfter: 0n, validBefore: maxUint256 };
  const message = { from, to: escrow.address, value: 500_000n, ...times, nonce };
  const auth = { ...times, salt, ...(await sign(chain, guestPayer, token, "ReceiveWithAuthorization", message)) };
  const args = [from, terms.payee, operator, signer, token.address, 500_000n, auth];
  await send(chain, stranger, { ...escrow, functionName: "depositAndFundWithAuthorization", args });
  assert.equal(await tokens(from), 0n);

  // The node cannot ask for a transaction, and need not.
  const payer = `--payer ${from} --signer exec:false`;
  assert.match(await home.run("guest", `run -q ${payer} --budget 0.5 lm -- -n 4 --echo guest`), /^guest/);
  assert.match(await home.run("requester", "run -q lm -- -n 4 --echo again"), /^again/);
  const held = await home.json("rig", "wallet vouchers");
  await rig.stop();
  assert.equal(held.length, 2);
  assert.equal(held.find((v) => v.id === id).channel.signer, signer);
  for (const v of held) assert.ok(await verify(v));

  const before = { payee: await tokens(account(payee).address), escrow: await tokens(escrow.address) };
  const due = held.reduce((sum, { voucher, state }) => sum + BigInt(voucher.cumulative) - BigInt(state.claimed), 0n);
  await send(chain, stranger, redeemPacked(held, true));
  assert.equal(await tokens(account(payee).address), before.payee + due);
  assert.equal(await tokens(escrow.address), before.escrow - due);
});

test("viem's account pays for a job through --signer", async () => {
  rig = await startRig();
  const from = account(coldPayer).address;
  await send(chain, deployer, { ...token, functionName: "mint", args: [from, 1_000_000n] });
  const keyholder = new URL("keyholder.js", import.meta.url).pathname;
  const args = ["run", "-q", "--payer", from, "--signer", `exec:${process.execPath} ${keyholder} ${coldPayer}`];
  assert.match(await home.run("cold", [...args, "lm", "--", "-n", "4", "--echo", "cold"]), /^cold/);
  const held = (await home.json("rig", "wallet vouchers")).find((v) => v.channel.payer === from.toLowerCase());
  await rig.stop();
  assert.ok(await verify(held));
  assert.notEqual(held.channel.signer, held.channel.payer);
  const { funded } = await channel(held.id);
  assert.equal(await tokens(from), 1_000_000n - funded);
});

test("what anvil reorganises away is collected again", async () => {
  rig = await startRig();
  await endow(rig.info.address);
  assert.match(await home.run("requester", "run -q lm -- -n 4 --echo once"), /^once/);
  const before = await tokens(account(payee).address);
  const { txs } = await home.json("rig", "wallet collect");
  assert.deepEqual(txs.map((tx) => tx.status), ["confirmed"]);
  const collected = await tokens(account(payee).address);
  assert.ok(collected > before);
  await chain.control.request({ method: "anvil_reorg", params: [1, []] });
  assert.equal(await tokens(account(payee).address), before, "the transaction is gone");
  await eventually("it is collected again", async () => (await tokens(account(payee).address)) > before);
  assert.equal(await tokens(account(payee).address), collected);
  await rig.stop();
});

test("a transaction under way when the node is killed is mined once", async () => {
  const { address } = await home.json("saver", "wallet init");
  await endow(address);
  await chain.control.setAutomine(false);
  const inPool = async () => (await chain.control.getTxpoolStatus()).pending > 0;
  await home.killedWhen("saver", "wallet deposit 2.5", inPool);
  const saver = await home.up("saver", "--server");
  const { txs } = await home.json("saver", "wallet history");
  assert.deepEqual(txs.map((tx) => tx.status), ["pending"]);
  assert.doesNotMatch(saver.told(), /refuses/, "anvil has it already, which is no refusal");
  await chain.control.setAutomine(true);
  await chain.control.mine({ blocks: 1 });
  const listed = async () => (await home.json("saver", "wallet history")).txs.map((tx) => `${tx.kind} ${tx.status}`);
  await eventually("it is mined", async () => !(await listed()).includes("deposit pending"));
  assert.deepEqual(await listed(), ["deposit confirmed"]);
  await saver.stop();
  assert.equal(await read(escrow, "balanceOf", address, token.address), 2_500_000n);
});

test("docs/clients.md shows what ran here", () => {
  const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
  assert.ok(read("../../docs/clients.md").includes("```js\n" + read("voucher.js") + "```"));
});
