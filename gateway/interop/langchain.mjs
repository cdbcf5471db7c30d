import assert from "node:assert/strict";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { apiKey, baseURL, client, greedy, model, scripted } from "./check.mjs";

const check = client("@langchain/openai");
const options = (more) => ({ model, apiKey, maxRetries: 0, configuration: { baseURL }, ...more });
const chat = (more) => new ChatOpenAI(options({ temperature: 0, maxTokens: 12, ...more }));

if (!scripted) {
  await check("chat", async () => {
    const r = await chat().invoke("A hacker is");
    assert.ok(r.content.length > 0);
    assert.equal(r.usage_metadata.output_tokens, 12);
  });
  await check("stream", async () => {
    let said = "";
    for await (const chunk of await chat().stream("A hacker is")) said += chunk.content;
    assert.equal(said, (await chat().invoke("A hacker is")).content);
  });
  await check("completions", async () => {
    assert.equal(await new OpenAI(options({ temperature: 0, maxTokens: 12 })).invoke("A hacker is"), greedy);
  });
  await check("embeddings", async () => {
    const vectors = await new OpenAIEmbeddings(options()).embedDocuments(["A hacker is", "kluge"]);
    assert.equal(vectors.length, 2);
    assert.ok(vectors[0].length > 0);
  });
  await check("batches", async () => {
    const list = await chat().batch(["A hacker is", "A hacker is", "A hacker is"]);
    assert.equal(new Set(list.map((r) => r.content)).size, 1);
  });
  await check("errors", async () => {
    await assert.rejects(chat({ model: "gpt-9" }).invoke("hi"), (e) => e.status === 404);
    await assert.rejects(chat({ temperature: 9 }).invoke("hi"), (e) => e.status === 400);
  });
} else {
  await check("tools", async () => {
    const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
    const asked = new HumanMessage("tools");
    const call = await chat().bindTools(tools).invoke([asked]);
    assert.deepEqual(call.tool_calls[0].args, { city: "Oslo" });
    const last = await chat().bindTools(tools).invoke([asked, call, new ToolMessage({ tool_call_id: call.tool_calls[0].id, content: "rain" })]);
    assert.equal(last.content, "It is rain.");
  });
  await check("images", async () => {
    const r = await chat().invoke([new HumanMessage({ content: [
      { type: "text", text: "image" }, { type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } }] })]);
    assert.equal(r.content, "a picture of hi");
  });
  await check("slow stream", async () => {
    let said = "";
    for await (const chunk of await chat().stream("slow")) said += chunk.content;
    assert.equal(said, "one two three");
  });
  await check("broken stream", async () => {
    let said = "";
    await assert.rejects(async () => {
      for await (const chunk of await chat().stream("broken")) said += chunk.content;
    });
    assert.equal(said, "one ");
  });
  await check("busy", async () => {
    assert.equal((await chat({ maxRetries: 3 }).invoke("busy then not")).content, "here");
  });
}
