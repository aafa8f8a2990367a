// The real Anthropic client over a real socket.

import { afterAll, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { startFakeServer } from "../support/fake-server.ts";
import { promptsOf } from "../support/rendered-prompts.ts";
import { until } from "../support/waiting.ts";

const server = await startFakeServer({ model: { stepDelayMs: 5 } }, { apiKeys: ["secret"] });
const client = new Anthropic({ baseURL: server.url, apiKey: "secret", maxRetries: 0 });
const messages = [{ role: "user" as const, content: "hi" }];
const textOf = ({ content }: Anthropic.Message) =>
  content.map((block) => (block.type === "text" ? block.text : "")).join("");
const request = { model: "claude-sonnet-4-6", max_tokens: 5, messages };

afterAll(() => server.stop());

describe("the Anthropic client", () => {
  test("gets a message", async () => {
    const message = await client.messages.create({ ...request, system: "be brief" });
    expect(textOf(message)).toMatch(/^[a-z ]{5}$/);
    expect(message.stop_reason).toBe("max_tokens");
  });

  test("assembles a message from a stream", async () => {
    const seen: string[] = [];
    const stream = client.messages.stream(request);
    stream.on("text", (text) => seen.push(text));
    const streamed = await stream.finalMessage();
    expect(textOf(streamed)).toMatch(/^[a-z ]{5}$/);
    expect(seen.join("")).toBe(textOf(streamed));
    expect(streamed.stop_reason).toBe("max_tokens");
    expect(streamed.usage.output_tokens).toBe(5);
  });

  test("counts tokens", async () => {
    const { input_tokens } = await client.messages.countTokens({ model: "claude-x", messages });
    expect(input_tokens).toBe(21);
  });

  test("sends the whole conversation back with a tool's result, because the server refuses threads", async () => {
    const agents = await startFakeServer({
      chatFormat: { toolParser: "hermes", reasoningParser: null },
    });
    const { runner } = agents;
    const prompts = promptsOf(runner);
    runner.answers('<tool_call>\n{"name": "sky", "arguments": {}}\n</tool_call>');
    const sky = {
      ...{ type: "custom" as const, name: "sky", description: "d" },
      input_schema: { type: "object" as const },
      parse: (input: unknown) => input,
      run: () => {
        runner.answers("It is sunny.");
        return "sunny";
      },
    };
    const anthropic = new Anthropic({ baseURL: agents.url, apiKey: "x", maxRetries: 0 });
    const { content } = await anthropic.beta.messages.toolRunner({
      ...{ ...request, max_tokens: 100 },
      tools: [sky],
    });
    expect(content).toMatchObject([{ type: "text", text: "It is sunny." }]);
    expect(prompts.at(-1)).toBe("user: hi\nassistant: null\ntool: sunny\nassistant: ");
    await agents.stop();
  });

  test("throws its own error classes", async () => {
    const failureOf = (options: object) =>
      client.messages.create({ ...request, ...options }).then(
        () => null,
        (error: unknown) => error,
      );
    expect(await failureOf({ model: "nope" })).toBeInstanceOf(Anthropic.NotFoundError);
    const long = await failureOf({ messages: [{ role: "user", content: "x".repeat(3000) }] });
    expect(long).toBeInstanceOf(Anthropic.BadRequestError);
    expect(String(long)).toContain("prompt is too long: 3019 tokens > 1024 maximum");
    const stranger = new Anthropic({ baseURL: server.url, apiKey: "wrong", maxRetries: 0 });
    const refused = await stranger.messages.create(request).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Anthropic.AuthenticationError);
  });

  test("ends the generation when it aborts a stream", async () => {
    const stream = client.messages.stream({ ...request, max_tokens: 900 });
    stream.on("text", () => stream.abort());
    await stream.done().catch(() => {});
    await until(() => server.engine.numLiveSequences === 0);
  });
});
