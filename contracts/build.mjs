// Compiles src/ and test/sol/ with the pinned compiler.
//
//   node build.mjs --out DIR
//
// writes DIR/artifacts/<Contract>.json for every contract of src/, DIR/test/artifacts/<Contract>.json for those of
// test/sol/, and DIR/out/<Contract>.{abi,bin} for abigen. The same sources give the same bytes anywhere: sources are
// named by their path from here, and the metadata hash (which would change with a comment) is left out.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));

const settings = {
  viaIR: true,
  optimizer: { enabled: true, runs: 1_000_000 },
  evmVersion: "prague",
  metadata: { bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
};

function sources(dir) {
  const names = readdirSync(join(here, dir)).filter((name) => name.endsWith(".sol")).sort();
  return Object.fromEntries(
    names.map((name) => [`${dir}/${name}`, { content: readFileSync(join(here, dir, name), "utf8") }]),
  );
}

function findImport(path) {
  try {
    return { contents: readFileSync(join(here, "node_modules", path), "utf8") };
  } catch (err) {
    return { error: err.message };
  }
}

function compile() {
  const input = { language: "Solidity", sources: { ...sources("src"), ...sources("test/sol") }, settings };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
  // 2394 reminds users of transient storage to clear it, which OpenZeppelin's guard does.
  const problems = (output.errors ?? []).filter(({ errorCode }) => errorCode !== "2394");
  for (const problem of problems) process.stderr.write(problem.formattedMessage + "\n");
  // A warning is a failure too: whoever reads the next build's output should find it empty.
  if (problems.length > 0) process.exit(1);
  return output.contracts;
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const { values } = parseArgs({ options: { out: { type: "string" } } });
if (!values.out) {
  process.stderr.write("usage: node build.mjs --out DIR\n");
  process.exit(2);
}

const contracts = compile();
for (const dir of ["artifacts", "test/artifacts", "out"]) {
  rmSync(join(values.out, dir), { recursive: true, force: true });
}
for (const [source, found] of Object.entries(contracts)) {
  const dir = source.startsWith("src/") ? "artifacts" : source.startsWith("test/sol/") ? "test/artifacts" : null;
  if (dir === null) continue;
  for (const [name, { abi, evm }] of Object.entries(found)) {
    const bytecode = evm.bytecode.object;
    if (bytecode === "") continue; // an interface
    const artifact = {
      contractName: name,
      sourceName: source,
      compiler: solc.version(),
      abi,
      bytecode: "0x" + bytecode,
      deployedBytecode: "0x" + evm.deployedBytecode.object,
    };
    write(join(values.out, dir, `${name}.json`), JSON.stringify(artifact, null, 2) + "\n");
    // abigen names the answer of eip712Domain after the function alone, so one contract of the Go package has it.
    const bound = abi.filter((entry) => name === "Escrow" || entry.name !== "eip712Domain");
    write(join(values.out, "out", `${name}.abi`), JSON.stringify(bound));
    write(join(values.out, "out", `${name}.bin`), bytecode);
  }
}
