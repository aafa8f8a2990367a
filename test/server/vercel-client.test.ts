// Vercel's AI SDK, which checks every event against a schema, over a real socket: text, and a tool run before
// the answer, through OpenAI's Responses and Chat APIs and Anthropic's Messages API.

import { afterAll, describe, expect, test } from "bun:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, type LanguageModel, stepCountIs, streamText, tool } from "ai";
import { startFakeServer } from "../support/fake-server.ts";

const server = await startFakeServer({
  chatFormat: { toolParser: "hermes", reasoningParser: "qwen3" },
  scheduler: { maxModelLen: 4096, numBlocks: 600 },
});
afterAll(() => server.stop());

const baseURL = `${server.url}/v1`;
const openai = createOpenAI({ baseURL, apiKey: "x" });
const anthropic = createAnthropic({ baseURL, apiKey: "x" });

const MODELS: readonly (readonly [string, LanguageModel])[] = [
  ["OpenAI's responses", openai.responses("tiny")],
  ["OpenAI's chat", openai.chat("tiny")],
  ["Anthropic's messages", anthropic("claude-sonnet-4-6")],
];

const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>';

/** A tool after which the model writes something else. */
const weather = (asked: string[]) =>
  tool({
    description: "Weather of a city",
    inputSchema: jsonSchema<{ city: string }>({
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    }),
    execute: async ({ city }) => {
      asked.push(city);
      server.runner.answers("It is sunny.");
      return { sky: "sunny" };
    },
  });

describe.each(MODELS)("the AI SDK with %s", (_, model) => {
  test("generates text", async () => {
    server.runner.answers("Hello there.");
    const { text, usage } = await generateText({ model, prompt: "hi" });
    expect([text, usage.outputTokens]).toEqual(["Hello there.", 13]);
  });

  test("runs a tool, then responds", async () => {
    const asked: string[] = [];
    server.runner.answers(CALL);
    const { text, steps } = await generateText({
      ...{ model, prompt: "Weather in Rome?", stopWhen: stepCountIs(3) },
      tools: { weather: weather(asked) },
    });
    expect([asked, text, steps.length]).toEqual([["Rome"], "It is sunny.", 2]);
  });

  test("streams text and a tool call", async () => {
    const asked: string[] = [];
    const errors: unknown[] = [];
    server.runner.answers(`I look.\n${CALL}`);
    const result = streamText({
      ...{ model, prompt: "Weather in Rome?", stopWhen: stepCountIs(3) },
      tools: { weather: weather(asked) },
      onError: ({ error }) => errors.push(error),
    });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    expect([errors, asked, text]).toEqual([[], ["Rome"], "I look.It is sunny."]);
  });
});
