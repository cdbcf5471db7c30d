// A chain of a foreign implementation: anvil 1.7.1, on loopback, for one test file.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createPublicClient, createTestClient, createWalletClient, http } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { foundry } from "viem/chains";

const bundled = new URL("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil", import.meta.url).pathname;
const mnemonic = "test test test test test test test test test test test junk"; // anvil's own, known to everybody

// account is one of anvil's ten, each with 10,000 coins.
export const account = (index) => mnemonicToAccount(mnemonic, { addressIndex: index });

// startAnvil returns a running chain and how to end it.
export async function startAnvil() {
  const program = process.env.ANVIL ?? bundled;
  if (!existsSync(program)) throw new Error(`${program}: no anvil for this platform; set ANVIL to the path of anvil 1.7.1`);
  const child = spawn(program, ["--host", "127.0.0.1", "--port", "0", "--hardfork", "osaka"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.once("exit", () => child.kill()); // should the test end before it stops it
  const exited = new Promise((resolve) => child.once("close", resolve));
  const url = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`anvil ended with ${code}`)));
    createInterface(child.stdout).on("line", (line) => {
      const found = line.match(/Listening on (\S+)/);
      if (found) resolve(`http://${found[1]}`);
    });
  });
  return { url, stop: () => (child.kill(), exited), ...clients(url) };
}

function clients(url) {
  const transport = http(url);
  const options = { chain: foundry, transport, pollingInterval: 50 };
  return {
    client: createPublicClient(options),
    control: createTestClient({ ...options, mode: "anvil" }),
    wallet: (index) => createWalletClient({ ...options, account: account(index) }),
  };
}

// artifact is a contract as it is checked in.
export function artifact(name) {
  return JSON.parse(readFileSync(new URL(`../artifacts/${name}.json`, import.meta.url), "utf8"));
}

// deploy puts an artifact on the chain and returns its address and ABI.
export async function deploy(chain, { abi, bytecode }, args) {
  const hash = await chain.wallet(0).deployContract({ abi, bytecode, args });
  const { contractAddress } = await chain.client.waitForTransactionReceipt({ hash });
  return { address: contractAddress.toLowerCase(), abi };
}

// send calls a contract as one of anvil's accounts and waits; a revert is an error.
export async function send(chain, index, call) {
  const hash = await chain.wallet(index).writeContract(call);
  const receipt = await chain.client.waitForTransactionReceipt({ hash });
  if (receipt.status !== "success") throw new Error(`${call.functionName} reverted`);
  return receipt;
}
