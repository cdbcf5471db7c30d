// viem alone, on anvil, against the built command: what a rig was paid is worth its money to any client.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { account, artifact, deploy, send, startAnvil } from "./anvil.js";
import { Home } from "./rerig.js";
import { redeem, verify } from "./voucher.js";

const [deployer, payee, stranger] = [0, 1, 2];
const erc20 = artifact("artifacts/TestUSD").abi;
const { abi } = artifact("artifacts/Escrow");
let chain, escrow, token, home;

before(async () => {
  chain = await startAnvil();
  escrow = await deploy(chain, artifact("artifacts/Escrow"), [3600]);
  token = await deploy(chain, artifact("artifacts/TestUSD"), []);
  home = new Home();
  home.profile({ url: chain.url, chainId: await chain.client.getChainId(), escrow, token });
});
after(async () => {
  await home?.remove();
  await chain?.stop();
});

const tokens = (owner) => chain.client.readContract({ address: token, abi: erc20, functionName: "balanceOf", args: [owner] });
const channel = (id) => chain.client.readContract({ address: escrow, abi, functionName: "channel", args: [id] });

// endow gives a node's address gas and test dollars.
async function endow(to) {
  const hash = await chain.wallet(deployer).sendTransaction({ to, value: 10n ** 19n });
  await chain.client.waitForTransactionReceipt({ hash });
  await send(chain, deployer, { address: token, abi: erc20, functionName: "mint", args: [to, 1_000_000_000n] });
}

// eventually polls, for as long as a busy machine may need.
async function eventually(what, f) {
  const end = Date.now() + 60_000;
  while (!(await f())) {
    if (Date.now() > end) throw new Error(`waited a minute until ${what}`);
    await pause(100);
  }
}

// startRig starts the rig, which is also the network's index, and points everybody at it.
async function startRig() {
  const rig = await home.up("rig", `--server --price 36/h --payout ${account(payee).address}`);
  home.profile({ url: chain.url, chainId: rig.info.chain.id, escrow, token, bootstrap: rig.info.listen });
  return rig;
}

test("a rig's voucher is worth its money to viem while the rig is stopped", async () => {
  let rig = await startRig();
  const { address: requester } = await home.json("requester", "wallet init");
  await endow(requester);
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
  assert.equal(await tokens(escrow), funded);
  await send(chain, stranger, redeem(held, true));
  assert.equal(await tokens(account(payee).address), cumulative);
  assert.equal(await tokens(escrow), funded - cumulative);
  assert.equal((await channel(held.id)).claimed, cumulative);
  await send(chain, stranger, redeem(held, true));
  assert.equal(await tokens(escrow), funded - cumulative, "a second time pays nothing");

  rig = await startRig();
  await eventually("the rig sees that it was paid", async () => (await home.json("rig", "wallet balance")).owed === "0");
  assert.equal((await home.json("rig", "wallet vouchers"))[0].state.claimed, voucher.cumulative);
  assert.match(await home.run("requester", "run -q lm -- -n 4 --echo again"), /^again/);
  const [next] = await home.json("rig", "wallet vouchers");
  assert.ok(await verify(next));
  assert.equal(next.id, held.id, "the channel serves on");
  await send(chain, stranger, redeem(next, true));
  assert.equal(await tokens(account(payee).address), BigInt(next.voucher.cumulative));
  await rig.stop();
});

test("docs/clients.md shows what ran here", () => {
  const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
  assert.ok(read("../../docs/clients.md").includes("```js\n" + read("voucher.js") + "```"));
});
