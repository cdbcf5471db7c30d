// Records what llama.cpp makes of the Jargon model: for each prompt its tokens,
// and the greedy tokens that follow. The test of modules/lm compares with this
// recording. README.md tells how to install node-llama-cpp, outside the checkout.
//
//   node record-llamacpp.mjs MODEL.gguf > ../../modules/lm/testdata/llamacpp.json
import {createHash} from "node:crypto";
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const PROMPTS = ["A hacker is", "kluge:", "The term 'bug' was first used in 1947, na\u00efvely;\n"];
const LENGTH = 48;

const require = createRequire(pathToFileURL(process.cwd() + "/"));
const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")));
const llama = await getLlama({gpu: false, build: "never", progressLogs: false, logLevel: "error"});
const path = process.argv[2];
const model = await llama.loadModel({modelPath: path});
const context = await model.createContext({contextSize: 256, threads: 1, flashAttention: false});
const cases = [];
for (const prompt of PROMPTS) {
  const sequence = context.getSequence();
  const input = [model.tokens.bos, ...model.tokenize(prompt, false)];
  const output = [];
  for await (const token of sequence.evaluate(input, {temperature: 0, yieldEogToken: false})) {
    output.push(token);
    if (output.length === LENGTH) break;
  }
  const text = output.map((t) => model.detokenize([t], false, input)).join("");
  cases.push({prompt, input, output, text});
  sequence.dispose();
}
const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
const release = llama.llamaCppRelease;
console.log(JSON.stringify({"llama.cpp": `${release.repo} ${release.release}`, model: sha256, cases}, null, 1));
process.exit(0);
