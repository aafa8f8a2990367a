// The official clients' Messages and Responses APIs against SmolLM2 in a separate server process.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { CODEX_TOOLS } from "../support/codex.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";

let server: ServerProcess;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  const limits = ["--max-model-len", "2048", "--num-gpu-blocks-override", "300"];
  server = await startServer(["--served-model-name", "smol", ...limits], { PAGODA_API_KEY: "k" });
  openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "k", maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: server.url, apiKey: "k", maxRetries: 0 });
}, 60_000);
afterAll(() => server.process.kill());

const ask = [{ role: "user" as const, content: "What is the capital of France?" }];
const long = "All work and no play makes Jack a dull boy. ".repeat(400);
/** The client's types for this model lack the temperature, which the server accepts. */
const greedy = { temperature: 0 } as object;

const textOf = ({ content }: Anthropic.Message) =>
  content.map((block) => (block.type === "text" ? block.text : "")).join("");

describe("the Anthropic client with SmolLM2", () => {
  const request = { model: "claude-sonnet-4-6", max_tokens: 24, messages: ask, ...greedy };

  test("gets an answer, streamed or not", async () => {
    const whole = await anthropic.messages.create(request);
    expect(textOf(whole)).not.toBe("");
    const streamed = await anthropic.messages.stream(request).finalMessage();
    expect(textOf(streamed)).toBe(textOf(whole));
    expect(streamed.usage.cache_read_input_tokens).toBeGreaterThan(0);
  });

  test("counts the same prompt tokens as the message itself", async () => {
    const { input_tokens } = await anthropic.messages.countTokens({ model: "smol", messages: ask });
    const { usage } = await anthropic.messages.create({ ...request, max_tokens: 1 });
    expect(usage.input_tokens + (usage.cache_read_input_tokens ?? 0)).toBe(input_tokens);
  });

  test("stops at a stop sequence", async () => {
    const [first = "", second = ""] = textOf(await anthropic.messages.create(request)).split(" ");
    const stopped = await anthropic.messages.create({ ...request, stop_sequences: [second] });
    expect([stopped.stop_reason, stopped.stop_sequence]).toEqual(["stop_sequence", second]);
    expect(textOf(stopped)).toBe(`${first} `);
  });

  test("continues an answer prefilled by the client", async () => {
    const begun = [...ask, { role: "assistant" as const, content: "The capital of France is" }];
    const message = await anthropic.messages.create({ ...request, messages: begun });
    expect(textOf(message).trimStart()).toStartWith("Paris");
  });

  test("gets an overlong-conversation error from an engine in another process", async () => {
    const messages = [{ role: "user" as const, content: long }];
    const failure = await anthropic.messages.create({ ...request, messages }).catch(String);
    expect(failure).toMatch(/prompt is too long: \d+ tokens > 2048 maximum/);
  });
});

describe("the OpenAI client's responses with SmolLM2", () => {
  const request = { model: "smol", input: ask, max_output_tokens: 24, temperature: 0 };

  test("gets an answer, streamed or not", async () => {
    const whole = await openai.responses.create(request);
    expect(whole.output_text).not.toBe("");
    const streamed = await openai.responses.stream(request).finalResponse();
    expect(streamed.output_text).toBe(whole.output_text);
    expect(streamed.usage?.input_tokens_details.cached_tokens).toBeGreaterThan(0);
  });

  test("continues the conversation", async () => {
    const first = await openai.responses.create({ ...request, input: "My name is Ada." });
    const previous_response_id = first.id;
    const second = await openai.responses.create({
      ...{ ...request, input: "What is my name?", previous_response_id },
    });
    const used = first.usage?.total_tokens ?? 0;
    expect(second.usage?.input_tokens).toBeGreaterThan(used);
    expect(second.usage?.input_tokens_details.cached_tokens).toBeGreaterThanOrEqual(used - 16);
  });

  test("parses an answer that fits a schema", async () => {
    const schema = {
      type: "object",
      properties: { city: { type: "string", maxLength: 20 }, isCapital: { type: "boolean" } },
      required: ["city", "isCapital"],
      additionalProperties: false,
    };
    const format = { type: "json_schema" as const, name: "city", strict: true, schema };
    const response = await openai.responses.create({
      ...{ ...request, max_output_tokens: 64, text: { format } },
    });
    expect(response.status).toBe("completed");
    expect(JSON.parse(response.output_text)).toEqual({
      ...{ city: expect.any(String), isCapital: expect.any(Boolean) },
    });
  });

  test("can run in the background", async () => {
    const { id } = await openai.responses.create({ ...request, background: true });
    let response = await openai.responses.retrieve(id);
    while (response.status === "queued" || response.status === "in_progress") {
      response = await openai.responses.retrieve(id);
    }
    expect(response.output_text).toBe((await openai.responses.create(request)).output_text);
  });

  test("gets an error for an overlong conversation and can have it truncated", async () => {
    const failure = await openai.responses.create({ ...request, input: long }).catch(String);
    expect(failure).toContain("This model's maximum context length is 2048 tokens.");
    const input = [{ role: "user" as const, content: long }, ...ask];
    const { output_text } = await openai.responses.create({
      ...request,
      input,
      truncation: "auto",
    });
    expect(output_text).toBe((await openai.responses.create(request)).output_text);
  });
});

const WEATHER = {
  type: "object" as const,
  properties: { city: { type: "string", maxLength: 12 } },
  required: ["city"],
  additionalProperties: false,
};

describe("a tool that must be called", () => {
  const calls = [{ type: "function_call", name: "weather" }];
  const inputOf = (text: string) => JSON.parse(text) as { city: string };

  test.each(["any", "tool"] as const)("is called through Anthropic's API (%s)", async (type) => {
    const request = {
      ...{ model: "smol", max_tokens: 60, messages: ask },
      tools: [{ name: "weather", description: "Weather of a city", input_schema: WEATHER }],
      tool_choice:
        // A model this small would call it again and again.
        type === "any" ? { type, disable_parallel_tool_use: true } : { type, name: "weather" },
    };
    const whole = await anthropic.messages.create(request);
    const streamed = await anthropic.messages.stream(request).finalMessage();
    for (const { content, stop_reason } of [whole, streamed]) {
      expect(stop_reason).toBe("tool_use");
      expect(content).toMatchObject([
        { type: "tool_use", name: "weather", input: { city: expect.any(String) } },
      ]);
    }
  });

  test.each(["required", "named"])("is called through OpenAI's API (%s)", async (choice) => {
    const named = { type: "function" as const, name: "weather" };
    const request = {
      ...{ model: "smol", max_output_tokens: 60, input: ask },
      tools: [{ ...named, strict: true, parameters: WEATHER }],
      parallel_tool_calls: false,
      tool_choice: choice === "required" ? ("required" as const) : named,
    };
    const whole = await openai.responses.create(request);
    const streamed = await openai.responses.stream(request).finalResponse();
    for (const { output } of [whole, streamed]) {
      expect(output).toMatchObject(calls);
      const [call] = output;
      if (call?.type === "function_call") {
        expect(inputOf(call.arguments)).toEqual({ city: expect.any(String) });
      }
    }
  });
});

describe("a custom tool with a grammar", () => {
  const tools = CODEX_TOOLS as unknown as OpenAI.Responses.Tool[];
  const request = { model: "smol", max_output_tokens: 80, input: "Create a file." };
  const line =
    /^(\*\*\* (Begin Patch|End Patch|End of File|(Add|Delete|Update) File: .+|Move to: .+)|@@.*|[-+ ].*)$/;

  test.each([0, 1, 2, 3])("has an input that matches the grammar (seed %d)", async (seed) => {
    const tool_choice = { type: "custom" as const, name: "apply_patch" };
    const sampled = { ...request, tools, tool_choice, temperature: 1 + seed / 2 };
    const stream = openai.responses.stream(sampled);
    const { output } = await stream.finalResponse();
    const [call] = output;
    if (call?.type !== "custom_tool_call") throw new Error(JSON.stringify(output));
    const [first, ...rest] = call.input.split("\n");
    expect(first).toBe("*** Begin Patch");
    const whole = rest.slice(0, -1);
    expect([call.input, whole.filter((text) => !line.test(text))]).toEqual([call.input, []]);
  });

  test("does not have to be called", async () => {
    const { output } = await openai.responses.create({ ...request, tools });
    expect(output.length).toBeGreaterThan(0);
  });
});
