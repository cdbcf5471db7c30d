// A program for `rerig --signer exec:`, with the key of one of anvil's accounts in viem: it answers one JSON-RPC request
// from standard input, after which nothing of the key is left.
import { text } from "node:stream/consumers";
import { account } from "./anvil.js";

const key = account(Number(process.argv[2]));
const methods = {
  account_list: () => [key.address],
  async account_signTransaction([tx]) {
    const { from, input: data, chainId, nonce, gas, value, ...rest } = tx;
    const numbers = { chainId: Number(chainId), nonce: Number(nonce), gas: BigInt(gas), value: BigInt(value) };
    for (const name of ["maxFeePerGas", "maxPriorityFeePerGas"]) numbers[name] = BigInt(rest[name]);
    return { raw: await key.signTransaction({ type: "eip1559", to: rest.to, data, ...numbers }) };
  },
  account_signTypedData: ([, { domain, types, primaryType, message }]) =>
    key.signTypedData({ domain: { ...domain, chainId: BigInt(domain.chainId) }, types, primaryType, message }),
};
const { id, method, params } = JSON.parse(await text(process.stdin));
const answer = { jsonrpc: "2.0", id };
if (methods[method]) answer.result = await methods[method](params);
else answer.error = { code: -32601, message: `no ${method}` };
console.log(JSON.stringify(answer));
