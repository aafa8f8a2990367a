// Vercel's AI SDK against SmolLM2 in a separate server process: text, a tool that must be called,
// and objects that fit a schema, through each of the APIs.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import {
  generateText,
  jsonSchema,
  type LanguageModel,
  Output,
  streamText,
  type ToolSet,
  tool,
} from "ai";
import { type ServerProcess, startServer } from "../support/server-process.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer(["--served-model-name", "smol", "--num-gpu-blocks-override", "300"]);
}, 60_000);
afterAll(() => server.process.kill());

const openai = () => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: "x" });
const anthropic = () => createAnthropic({ baseURL: `${server.url}/v1`, apiKey: "x" });

const MODELS: readonly (readonly [string, () => LanguageModel])[] = [
  ["OpenAI's responses", () => openai().responses("smol")],
  ["OpenAI's chat", () => openai().chat("smol")],
  ["Anthropic's messages", () => anthropic()("claude-sonnet-4-6")],
];

const city = jsonSchema<{ city: string }>({
  type: "object",
  properties: { city: { type: "string", enum: ["Rome", "Oslo"] } },
  required: ["city"],
  additionalProperties: false,
});

const tools: ToolSet = {
  weather: tool({ description: "Weather of a city", inputSchema: city }),
};

describe.each(MODELS)("the AI SDK with %s", (_, modelOf) => {
  const prompt = "Weather in Rome?";

  test("generates text, streamed and whole", async () => {
    const asked = { model: modelOf(), prompt, temperature: 0, maxOutputTokens: 20 };
    const { text } = await generateText(asked);
    let streamed = "";
    for await (const piece of streamText(asked).textStream) streamed += piece;
    expect([text === "", streamed]).toEqual([false, text]);
  });

  test.each(["required", { type: "tool", toolName: "weather" }] as const)(
    "calls a tool that must be called (choice: %j)",
    async (toolChoice) => {
      const asked = { model: modelOf(), prompt, maxOutputTokens: 200, tools, toolChoice };
      const whole = await generateText(asked);
      const streamed = await streamText(asked).toolCalls;
      for (const [call] of [whole.toolCalls, streamed]) {
        expect(call).toMatchObject({ toolName: "weather", input: { city: expect.any(String) } });
      }
    },
    30_000,
  );

  test.each(["none", "auto"] as const)(
    "can answer without a call (choice: %p)",
    async (toolChoice) => {
      const brief = "What is the capital of France? Answer with one word.";
      const asked = { model: modelOf(), prompt: brief, temperature: 0, tools, toolChoice };
      expect((await generateText({ ...asked, maxOutputTokens: 60 })).text).not.toBe("");
      expect(await streamText({ ...asked, maxOutputTokens: 60 }).text).not.toBe("");
    },
  );

  test("generates an object that fits a schema", async () => {
    const output = Output.object({ schema: city });
    const asked = { model: modelOf(), prompt, maxOutputTokens: 60, output };
    expect(["Rome", "Oslo"]).toContain((await generateText(asked)).output.city);
  });
});
