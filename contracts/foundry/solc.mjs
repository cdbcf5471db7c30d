#!/usr/bin/env node
// The pinned compiler of ../package.json behind the two options that forge uses of a native one.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const solc = createRequire(new URL("../package.json", import.meta.url))("solc");

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
} else {
  process.stderr.write("usage: solc.mjs --version | --standard-json\n");
  process.exit(2);
}
