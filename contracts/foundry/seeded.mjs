// Plants the bugs of bugs.mjs one at a time in a copy of ../src and shows that the forge tests find each of them.
//
//   node seeded.mjs [--all] [--jobs N] [text of some bugs' names]
//
// The suite is forge's: every test and fuzz test, and the run of all eleven invariants together, with a fixed seed and
// fewer cases than `make foundry`. A bug is done with the first test that finds it; --all runs the rest too and shows
// them. It exits with 1 if a bug survives or can no longer be planted, or if the contracts as they are fail. Nothing in
// ../src is touched: each copy is compiled in memory and handed over by the environment.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { bugs } from "./bugs.mjs";

const contracts = fileURLToPath(new URL("..", import.meta.url));
const library = "@openzeppelin/contracts/";
const forge = join(contracts, "foundry/node_modules/.bin/forge");
const cases = {
  FOUNDRY_FUZZ_RUNS: "16",
  FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT: "0",
};
const suite = ["test", "--json", "--fuzz-seed", "0x7265726967", "--match-test", "^test|^invariant_AllTogether"];

// What the optimizer does matters to gas alone, and a bug's gas to nobody.
const settings = {
  optimizer: { enabled: false },
  evmVersion: "prague",
  metadata: { bytecodeHash: "none" },
  outputSelection: { "*": { Escrow: ["evm.bytecode.object"], CommitteeArbiter: ["evm.bytecode.object"] } },
};

/** The sources with one bug in them. */
function plant({ bug, file, from, to, both = [] }) {
  const dir = join(contracts, "src");
  const sources = Object.fromEntries(
    readdirSync(dir).map((name) => [`src/${name}`, { content: readFileSync(join(dir, name), "utf8") }]),
  );
  for (const change of from === undefined ? [] : [{ from, to }, ...both]) {
    const name = change.library ? library + change.library : `src/${change.file ?? file}`;
    const before = sources[name]?.content ?? readFileSync(join(contracts, "node_modules", name), "utf8");
    const parts = before.split(change.from);
    if (parts.length !== 2) {
      throw new Error(`"${bug}" cannot be planted: ${name} has ${parts.length - 1} times ${change.from}`);
    }
    sources[name] = { content: parts.join(change.to) };
  }
  return sources;
}

/** Creation code of each contract, as the tests read it from the environment. */
function compile(solc, bug) {
  const input = { language: "Solidity", sources: plant(bug), settings };
  const found = (path) => ({ contents: readFileSync(join(contracts, "node_modules", path), "utf8") });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: found }));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(`"${bug.bug}" does not compile: ${errors[0].formattedMessage}`);
  const code = {};
  for (const name of ["Escrow", "CommitteeArbiter"]) {
    code[`CODE_${name}`] = "0x" + output.contracts[`src/${name}.sol`][name].evm.bytecode.object;
  }
  return code;
}

/** Names of the tests that fail on this code, and the number of the invariant that is broken. */
function run(code, all) {
  const scratch = mkdtempSync(join(tmpdir(), "seeded-"));
  const env = {
    ...process.env,
    ...cases,
    ...code,
    FOUNDRY_FUZZ_FAILURE_PERSIST_DIR: join(scratch, "fuzz"),
    FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR: join(scratch, "invariant"),
  };
  const options = { cwd: contracts, env, maxBuffer: 1 << 28 };
  return new Promise((resolve, reject) => {
    execFile(forge, all ? suite : [...suite, "--fail-fast"], options, (error, stdout, stderr) => {
      rmSync(scratch, { recursive: true, force: true });
      const line = stdout.split("\n").find((text) => text.startsWith("{"));
      if (!line) return reject(new Error(`forge did not report: ${stderr || error}`));
      const results = Object.values(JSON.parse(line)).flatMap((one) => Object.entries(one.test_results));
      const failed = results.filter(([, { status }]) => status !== "Success");
      if (failed.length > 0 && failed.every(([name]) => name.startsWith("setUp"))) {
        return reject(new Error(`no test ran: ${failed[0][1].reason}`)); // contracts that do nothing find no bug
      }
      resolve({ ran: results.length, failed: failed.map(([name, { reason }]) => ({ name, reason })) });
    });
  });
}

/** How a failure is shown: a test by its name, an invariant by its number. */
function told({ name, reason }) {
  if (!name.startsWith("invariant_")) return name.replace(/^test(Fuzz)?_|\(.*$/g, "");
  const broken = /Breach\((\d+)/.exec(reason ?? "");
  return broken ? `invariant ${broken[1]}` : "a right call fails among the invariants";
}

async function work() {
  const solc = createRequire(join(contracts, "package.json"))("solc");
  parentPort.on("message", async ({ bug, all }) => {
    try {
      const started = Date.now();
      const result = await run(compile(solc, bug), all);
      parentPort.postMessage({ bug, ...result, seconds: (Date.now() - started) / 1000 });
    } catch (error) {
      parentPort.postMessage({ bug, problem: error.message });
    }
  });
}

/** Gives every bug to one of the workers; `report` sees the results as they come. */
function share(bugs, all, jobs, report) {
  const queue = bugs.map((bug) => ({ bug, all }));
  return Promise.all(
    Array.from({ length: Math.min(jobs, queue.length) }, () => {
      const worker = new Worker(new URL(import.meta.url));
      return new Promise((resolve, reject) => {
        const next = () => (queue.length > 0 ? worker.postMessage(queue.shift()) : worker.terminate().then(resolve));
        worker.on("message", (result) => (report(result), next()));
        worker.on("error", reject);
        next();
      });
    }),
  );
}

async function main() {
  const { values, positionals } = parseArgs({ options: { all: { type: "boolean" }, jobs: { type: "string" } }, allowPositionals: true });
  const wanted = bugs.filter(({ bug }) => positionals.every((text) => bug.includes(text)));
  const sound = { bug: "(none: the contracts as they are)" };
  let bad = 0;
  const report = ({ bug, failed = [], ran, seconds, problem }) => {
    const names = failed.map(told);
    const clean = bug.bug === sound.bug;
    const good = clean ? ran > 0 && names.length === 0 : names.length > 0;
    if (problem || !good) bad++;
    const verdict = problem ? "ERROR" : clean ? (good ? "passes" : "FAILS") : good ? "found" : "SURVIVES";
    const by = names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
    console.log(`${verdict.padEnd(9)} ${(seconds?.toFixed(1) ?? "").padStart(5)} s  ${bug.bug}\n${" ".repeat(19)}${problem ?? by}`);
  };
  await share([sound, ...wanted], values.all, Number(values.jobs ?? availableParallelism()), report);
  console.log(`${wanted.length} bugs planted, ${bad === 0 ? "each found" : `${bad} problems`}`);
  process.exitCode = bad === 0 ? 0 : 1;
}

await (isMainThread ? main() : work());
