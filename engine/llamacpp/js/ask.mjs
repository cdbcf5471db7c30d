// Answers one list of questions, JSON on standard input, about what the real
// llama.cpp makes of models: {"tasks": [{"kind", "model", ...}]}. The answers are a
// list in the same order on standard output.
import {getLlama} from "node-llama-cpp";
import {readFileSync} from "node:fs";

const {tasks} = JSON.parse(readFileSync(0, "utf8"));
const llama = await getLlama({gpu: false, build: "never", progressLogs: false, logLevel: "error"});
const bindings = llama._bindings;
let loaded = {path: "", model: null};

async function open(path) {
  if (loaded.path !== path) {
    await loaded.model?.dispose();
    loaded = {path, model: await llama.loadModel({modelPath: path, gpuLayers: 0})};
  }
  return loaded.model;
}

// A context of one thread, for one text.
async function begin(model, size) {
  const context = new bindings.AddonContext(model._model, {
    contextSize: Math.max(256, size), batchSize: Math.max(256, size), sequences: 1, flashAttention: false, threads: 1, embeddings: false,
  });
  if (!await context.init()) throw new Error("llama.cpp made no context");
  return context;
}

// Reads tokens at a position and returns where the scores of the wanted ones are.
async function read(context, position, tokens, wanted) {
  context.initBatch(tokens.length);
  const at = context.addToBatch(0, position, Uint32Array.from(tokens), Uint32Array.from(wanted));
  await context.decodeBatch();
  return at;
}

function greedy(model) {
  const sampler = new bindings.AddonSampler(model._model);
  sampler.applyConfig({temperature: 0});
  return sampler;
}

const answers = {
  // The tokens of each text, without BOS.
  async tokenize({model: path, texts, special}) {
    const model = await open(path);
    return texts.map((text) => [...model._model.tokenize(text, !!special)]);
  },
  // For each text the tokens that follow it greedily, and the scores of every token
  // of the vocabulary at every position from the end of the prompt on.
  async follow({model: path, prompts, length}) {
    const model = await open(path), out = [];
    for (const prompt of prompts) {
      const context = await begin(model, prompt.length + length), sampler = greedy(model);
      const tokens = [], scores = [];
      for (let next = prompt, position = 0; tokens.length < length; ) {
        const [at] = await read(context, position, next, [next.length - 1]);
        position += next.length;
        const [token, , , pairs] = await context.sampleToken(at, sampler, false, false, true, false);
        const row = new Float32Array(pairs.length / 2);
        for (let i = 0; i < pairs.length; i += 2) row[pairs[i]] = pairs[i + 1];
        tokens.push(token);
        scores.push(Buffer.from(row.buffer).toString("base64"));
        next = [token];
      }
      out.push({tokens, scores});
      await context.dispose();
    }
    return out;
  },
  // Seconds of processor time for reading the prompt and picking a token, and for
  // each of the tokens that follow.
  async time({model: path, prompts: [prompt], length, repeat}) {
    const model = await open(path), out = [];
    const context = await begin(model, prompt.length + length), sampler = greedy(model);
    const used = () => { const {user, system} = process.cpuUsage(); return (user + system) / 1e6; };
    for (let run = 0; run < repeat; run++) {
      context.disposeSequence(0);
      let start = used(), position = prompt.length;
      let [at] = await read(context, 0, prompt, [prompt.length - 1]);
      let token = await context.sampleToken(at, sampler);
      const first = used() - start;
      start = used();
      for (let i = 0; i < length; i++) {
        [at] = await read(context, position++, [token], [0]);
        token = await context.sampleToken(at, sampler);
      }
      out.push({prompt: first, token: (used() - start) / length});
    }
    await context.dispose();
    return out;
  },
  // What a chat template makes of a conversation.
  async render({template, messages, names}) {
    return new bindings.AddonJinjaRenderer(template).render({messages, add_generation_prompt: true, ...names});
  },
};

const out = [];
for (const task of tasks) out.push(await answers[task.kind](task));
const text = JSON.stringify({release: llama.llamaCppRelease.release, system: llama.systemInfo, answers: out});
process.stdout.write(text, () => process.exit(0));
