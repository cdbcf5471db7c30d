// The vectors that Go, Solidity and this directory are held to (SPEC §11).
import { readFileSync } from "node:fs";

export const vectors = JSON.parse(readFileSync(new URL("../../protocol/testdata/eip712.json", import.meta.url), "utf8"));

// types are the typed structures of every message, by name.
export const types = vectors.types;
