// The built command, as its users run it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const program = process.env.RERIG ?? new URL("../../build/rerig", import.meta.url).pathname;

// A Home is a user's machine: data directories, and a network profile that points at a chain.
export class Home {
  #dir = mkdtempSync(join(tmpdir(), "rerig-"));
  #running = new Set();

  constructor() {
    process.once("exit", () => this.#kill()); // should the test end before it cleans up
  }

  #kill() {
    for (const out of this.#running) out.child.kill("SIGKILL");
  }

  // profile writes the network profile that every command here uses.
  profile({ url, chainId, escrow, token, bootstrap = [] }) {
    const text = `name = "anvil"
rpc = ["${url}"]
chain_id = ${chainId}
escrow = "${escrow}"
token = "${token}"
token_symbol = "tUSDC"
token_decimals = 6
local = true
bootstrap = ${JSON.stringify(bootstrap)}
`;
    writeFileSync(join(this.#dir, "anvil.toml"), text);
  }

  #spawn(node, args) {
    const env = { PATH: process.env.PATH, HOME: this.#dir, NO_COLOR: "1" };
    const words = typeof args === "string" ? args.split(" ") : args;
    const dashes = words.indexOf("--"); // what comes after them belongs to the job
    const ours = dashes < 0 ? words.length : dashes;
    const where = ["--network", join(this.#dir, "anvil.toml"), "--data-dir", join(this.#dir, node)];
    const all = [...words.slice(0, ours), ...where, ...words.slice(ours)];
    const child = spawn(program, all, { env, stdio: ["ignore", "pipe", "pipe"] });
    const out = { child, stdout: "", stderr: "" };
    child.stdout.on("data", (data) => (out.stdout += data));
    child.stderr.on("data", (data) => (out.stderr += data));
    out.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    this.#running.add(out);
    out.ended.finally(() => this.#running.delete(out)).catch(() => {});
    return out;
  }

  // run returns what a command printed; a failure is an error with what it said. Arguments are one text, or a list.
  async run(node, args) {
    const out = this.#spawn(node, args);
    const code = await out.ended;
    if (code !== 0) throw new Error(`rerig ${args} ended with ${code}: ${out.stderr}`);
    return out.stdout;
  }

  // killedWhen starts a command and kills it, with SIGKILL, once f is true.
  async killedWhen(node, args, f) {
    const out = this.#spawn(node, args);
    while (this.#running.has(out) && !(await f())) await pause(20);
    if (!this.#running.has(out)) throw new Error(`rerig ${args} ended by itself: ${out.stderr}`);
    out.child.kill("SIGKILL");
    await out.ended;
  }

  // json is run for commands that print JSON.
  async json(node, args) {
    return JSON.parse(await this.run(node, `${args} -o json`));
  }

  // up starts a node and returns once it tells that it serves, with what it told.
  async up(node, args) {
    const out = this.#spawn(node, `up ${args} -o json`);
    const info = await new Promise((resolve, reject) => {
      out.ended.then((code) => reject(new Error(`rerig up ended with ${code}: ${out.stderr}`)), reject);
      out.child.stdout.on("data", () => {
        try {
          resolve(JSON.parse(out.stdout));
        } catch {
          // the rest of it is still to come
        }
      });
    });
    return { info, told: () => out.stderr, stop: () => (out.child.kill("SIGINT"), out.ended) };
  }

  // remove ends what still runs and deletes everything.
  async remove() {
    this.#kill();
    await Promise.all([...this.#running].map((out) => out.ended));
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
