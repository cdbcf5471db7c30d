import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { apiKey, baseURL, client, greedy, model, scripted } from "./check.mjs";

const check = client("ai");
const openai = createOpenAI({ baseURL, apiKey });
const chat = openai.chat(model);

if (!scripted) {
  await check("chat", async () => {
    const r = await generateText({ model: chat, prompt: "A hacker is", temperature: 0, maxOutputTokens: 12 });
    assert.ok(r.text.length > 0);
    assert.equal(r.finishReason, "length");
    assert.equal(r.usage.outputTokens, 12);
    assert.ok(r.response.headers["x-rerig-job"]);
  });
  await check("stream", async () => {
    const whole = await generateText({ model: openai.completion(model), prompt: "A hacker is", temperature: 0, maxOutputTokens: 12 });
    const r = streamText({ model: chat, prompt: "A hacker is", temperature: 0, maxOutputTokens: 12 });
    let said = "";
    for await (const delta of r.textStream) said += delta;
    assert.equal(said, (await generateText({ model: chat, prompt: "A hacker is", temperature: 0, maxOutputTokens: 12 })).text);
    assert.equal((await r.usage).outputTokens, 12);
    assert.ok(whole.text.length > 0);
  });
  await check("embeddings", async () => {
    const r = await embedMany({ model: openai.embedding(model), values: ["A hacker is", "kluge"] });
    assert.equal(r.embeddings.length, 2);
    assert.ok(r.usage.tokens > 0);
  });
  await check("errors", async () => {
    await assert.rejects(generateText({ model: openai.chat("gpt-9"), prompt: "hi", maxRetries: 0 }),
      (e) => APICallError.isInstance(e) && e.statusCode === 404 && e.data.error.code === "model_not_found");
    await assert.rejects(generateText({ model: chat, prompt: "hi", temperature: 9, maxRetries: 0 }),
      (e) => APICallError.isInstance(e) && e.statusCode === 400 && e.data.error.param === "temperature");
  });
} else {
  await check("tools", async () => {
    const r = await generateText({ model: chat, prompt: "tools", stopWhen: stepCountIs(3), tools: { weather: tool({
      inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } } }), execute: async ({ city }) => (assert.equal(city, "Oslo"), "rain") }) } });
    assert.equal(r.text, "It is rain.");
  });
  await check("images", async () => {
    const r = await generateText({ model: chat, messages: [{ role: "user", content: [
      { type: "text", text: "image" }, { type: "image", image: Buffer.from("hi"), mediaType: "image/png" }] }] });
    assert.equal(r.text, "a picture of hi");
  });
  await check("slow stream", async () => {
    let said = "";
    for await (const delta of streamText({ model: chat, prompt: "slow" }).textStream) said += delta;
    assert.equal(said, "one two three");
  });
  await check("broken stream", async () => {
    let said = "", failed;
    const r = streamText({ model: chat, prompt: "broken", maxRetries: 0, onError: ({ error }) => { failed = error; } });
    for await (const delta of r.textStream) said += delta;
    assert.equal(said, "one ");
    assert.ok(failed, "nothing tells that it broke");
  });
  await check("busy", async () => {
    const r = await generateText({ model: chat, prompt: "busy then not", maxRetries: 3 });
    assert.equal(r.text, "here");
  });
}
