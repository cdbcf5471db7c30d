import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import OpenAI, { toFile } from "openai";
import { apiKey, baseURL, client, drawing, greedy, model, scripted } from "./check.mjs";

const check = client("openai");
const api = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "A hacker is" }];
const say = (content, more) => api.chat.completions.create({ model, messages: [{ role: "user", content }], ...more });

// sides are the width and height that a PNG's header has.
const sides = (base64) => {
  const png = Buffer.from(base64, "base64");
  assert.equal(png.toString("latin1", 1, 4), "PNG");
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
};

if (drawing) {
  await check("models", async () => {
    const one = await api.models.retrieve(model);
    assert.deepEqual(one.images.sizes, ["64x64", "32x16"]);
    assert.ok(one.images.units > 0 && one.images.n === 2);
  });
  await check("images.generate", async () => {
    const { data, response } = await api.images.generate({ model, prompt: "a red field", n: 2, size: "32x16", response_format: "b64_json" }).withResponse();
    assert.deepEqual(data.data.map((i) => sides(i.b64_json)), [[32, 16], [32, 16]]);
    assert.equal(response.headers.get("x-rerig-cost"), "0.00008 tUSDC");
    const usual = await api.images.generate({ model, prompt: "a red field" });
    assert.deepEqual(usual.data.map((i) => sides(i.b64_json)), [[64, 64]]);
  });
  await check("images.generate refused", async () => {
    const refuses = (param, more) => assert.rejects(api.images.generate({ model, prompt: "a red field", ...more }),
      (e) => e instanceof OpenAI.BadRequestError && e.param === param);
    await refuses("response_format", { response_format: "url" });
    await refuses("size", { size: "1024x1024" });
    await refuses("n", { n: 3 });
    await refuses("prompt", { prompt: "x".repeat(32_001) });
    await assert.rejects(api.images.generate({ model: "dall-e-3", prompt: "a red field" }), OpenAI.NotFoundError);
  });
  await check("images.generate fails", async () => {
    for (const prompt of ["a flood", "a crash"]) {
      await assert.rejects(api.images.generate({ model, prompt }), (e) => e instanceof OpenAI.InternalServerError && e.status === 503);
    }
  });
} else if (!scripted) {
  await check("models", async () => {
    const list = await api.models.list();
    const one = list.data.find((m) => m.id === model);
    assert.ok(one.context_length > 0 && one.rigs.length > 0);
    assert.equal((await api.models.retrieve(model)).id, model);
    await assert.rejects(api.models.retrieve("gpt-9"), OpenAI.NotFoundError);
  });
  await check("chat", async () => {
    const { data, response } = await api.chat.completions
      .create({ model, messages, temperature: 0, max_completion_tokens: 12, n: 2, seed: 1, logprobs: true, top_logprobs: 2 })
      .withResponse();
    assert.equal(data.choices.length, 2);
    assert.ok(data.choices[0].message.content.length > 0);
    assert.equal(data.choices[0].logprobs.content.length, 12);
    assert.equal(data.usage.completion_tokens, 24);
    assert.match(response.headers.get("x-rerig-rig"), /^0x[0-9a-f]{40}$/);
    assert.match(response.headers.get("x-rerig-cost"), /^0\.0000\d+ tUSDC$/);
  });
  await check("stream", async () => {
    const whole = await api.chat.completions.create({ model, messages, temperature: 0, max_tokens: 12 });
    let said = "", usage, ends = 0;
    for await (const chunk of await api.chat.completions.create({
      model, messages, temperature: 0, max_tokens: 12, stream: true, stream_options: { include_usage: true } })) {
      assert.ok(chunk.id && chunk.model);
      said += chunk.choices[0]?.delta.content ?? "";
      ends += chunk.choices[0]?.finish_reason ? 1 : 0;
      usage = chunk.usage ?? usage;
    }
    assert.equal(said, whole.choices[0].message.content);
    assert.equal(ends, 1);
    assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
  });
  await check("stream helper", async () => {
    const stream = api.chat.completions.stream({ model, messages, temperature: 0, max_tokens: 12 });
    assert.ok((await stream.finalContent()).length > 0);
  });
  await check("completions", async () => {
    const whole = await api.completions.create({ model, prompt: "A hacker is", temperature: 0, max_tokens: 12 });
    assert.equal(whole.choices[0].text, greedy);
    const stopped = await api.completions.create({ model, prompt: "A hacker is", temperature: 0, max_tokens: 12, stop: "mailer" });
    assert.equal(stopped.choices[0].text, " available at the ");
    assert.equal(stopped.choices[0].finish_reason, "stop");
  });
  await check("embeddings", async () => {
    const { data } = await api.embeddings.create({ model, input: ["A hacker is", "A hacker was", "kluge"] });
    const dot = (a, b) => a.embedding.reduce((sum, x, i) => sum + x * b.embedding[i], 0);
    assert.ok(Math.abs(dot(data[0], data[0]) - 1) < 1e-4);
    assert.ok(dot(data[0], data[1]) > dot(data[0], data[2]));
  });
  await check("batches", async () => {
    const line = (id, body) => JSON.stringify({ custom_id: id, method: "POST", url: "/v1/completions", body: { model, ...body } });
    const lines = [line("bad", { prompt: "a", max_tokens: -1 })];
    for (let i = 0; i < 5; i++) lines.push(line(`n${i}`, { prompt: "A hacker is", temperature: 0, max_tokens: 12 }));
    const input = await api.files.create({ purpose: "batch", file: await toFile(Buffer.from(lines.join("\n")), "requests.jsonl") });
    let batch = await api.batches.create({ input_file_id: input.id, endpoint: "/v1/completions", completion_window: "24h" });
    for (const end = Date.now() + 60_000; batch.status !== "completed" && Date.now() < end; await pause(100)) {
      batch = await api.batches.retrieve(batch.id);
    }
    assert.deepEqual(batch.request_counts, { total: 6, completed: 5, failed: 1 });
    const answers = (await (await api.files.content(batch.output_file_id)).text()).trim().split("\n").map((l) => JSON.parse(l));
    assert.deepEqual(answers.map((a) => a.custom_id).sort(), ["n0", "n1", "n2", "n3", "n4"]);
    assert.ok(answers.every((a) => a.response.body.choices[0].text === greedy));
    assert.match(await (await api.files.content(batch.error_file_id)).text(), /"custom_id":"bad"/);
    assert.ok((await api.batches.list()).data.some((b) => b.id === batch.id));
    assert.ok((await api.files.delete(input.id)).deleted);
  });
  await check("errors", async () => {
    await assert.rejects(say("hi", { model: "gpt-9" }), (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found");
    await assert.rejects(say("hi", { frobnicate: 1 }), (e) => e instanceof OpenAI.BadRequestError && e.param === "frobnicate");
    await assert.rejects(say("hi", { temperature: 9 }), (e) => e instanceof OpenAI.BadRequestError && e.param === "temperature");
    await assert.rejects(say("hi", { tools: [{ type: "function", function: { name: "f" } }] }), (e) => e.status === 400 && e.param === "tools");
    await assert.rejects(say("word ".repeat(5000)), (e) => e.status === 400 && e.code === "context_length_exceeded");
  });
} else {
  await check("tools", async () => {
    const seen = [];
    const runner = api.chat.completions.runTools({
      model, messages: [{ role: "user", content: "tools" }],
      tools: [{ type: "function", function: { name: "weather", parse: JSON.parse, parameters: { type: "object", properties: { city: { type: "string" } } },
        function: ({ city }) => { seen.push(city); return "rain"; } } }] });
    assert.equal(await runner.finalContent(), "It is rain.");
    assert.deepEqual(seen, ["Oslo"]);
    const final = await api.chat.completions.stream({ model, messages: [{ role: "user", content: "tools" }],
      tools: [{ type: "function", function: { name: "weather", parameters: {} } }] }).finalChatCompletion();
    assert.equal(final.choices[0].message.tool_calls[0].function.arguments, '{"city":"Oslo"}');
    assert.equal(final.choices[0].finish_reason, "tool_calls");
  });
  await check("images", async () => {
    const r = await api.chat.completions.create({ model, messages: [{ role: "user", content: [
      { type: "text", text: "image" }, { type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } }] }] });
    assert.equal(r.choices[0].message.content, "a picture of hi");
  });
  await check("slow stream", async () => {
    let said = "";
    for await (const chunk of await say("slow", { stream: true })) said += chunk.choices[0]?.delta.content ?? "";
    assert.equal(said, "one two three");
  });
  await check("broken stream", async () => {
    let said = "";
    await assert.rejects(async () => {
      for await (const chunk of await say("broken", { stream: true })) said += chunk.choices[0]?.delta.content ?? "";
    }, (e) => e instanceof OpenAI.APIError && e.code === "rig_lost");
    assert.equal(said, "one ");
  });
  await check("stopped stream", async () => {
    const stream = await say("endless", { stream: true });
    for await (const _ of stream) break;
    assert.ok(stream.controller.signal.aborted);
  });
  await check("busy", async () => {
    await assert.rejects(say("busy"), (e) => e instanceof OpenAI.RateLimitError && e.headers.get("retry-after") !== null);
    const patient = new OpenAI({ baseURL, apiKey, maxRetries: 3 });
    const r = await patient.chat.completions.create({ model, messages: [{ role: "user", content: "busy then not" }] });
    assert.equal(r.choices[0].message.content, "here");
  });
}
