// The official openai client's chats against SmolLM2 in a separate server process: every tool
// choice and parsed answers, whole and streamed.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { type ServerProcess, startServer } from "../support/server-process.ts";

let server: ServerProcess;
let client: OpenAI;

beforeAll(async () => {
  server = await startServer(["--served-model-name", "smol", "--num-gpu-blocks-override", "300"]);
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "k", maxRetries: 0 });
}, 60_000);
afterAll(() => server.process.kill());

const asked = (content: string) => ({
  ...{ model: "smol", temperature: 0, max_tokens: 200 },
  messages: [{ role: "user" as const, content }],
});

const schema = {
  type: "object",
  properties: { city: { type: "string", enum: ["Rome", "Oslo"] } },
  required: ["city"],
  additionalProperties: false,
};

const named = { type: "function" as const, function: { name: "weather" } };
const tools = [
  { ...named, function: { ...named.function, parameters: schema, strict: true as const } },
];

async function bothWays(request: ReturnType<typeof asked>) {
  const whole = await client.chat.completions.create(request);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  return [whole, streamed].map(({ choices }) => choices[0]);
}

describe("the openai client with SmolLM2", () => {
  test.each([
    ["required", "tool_calls"],
    [{ type: "allowed_tools", allowed_tools: { mode: "required", tools: [named] } }, "tool_calls"],
    // As in OpenAI's API and vLLM, a call to a named tool ends with "stop".
    [named, "stop"],
  ])("calls a tool that must be called (choice: %j)", async (tool_choice, finish_reason) => {
    const request = { tools, tool_choice, parallel_tool_calls: false };
    for (const choice of await bothWays({ ...asked("Weather in Rome?"), ...request })) {
      expect(choice).toMatchObject({
        message: { tool_calls: [{ function: { name: "weather" } }] },
        finish_reason,
      } as never);
      const [call] = choice?.message.tool_calls ?? [];
      const text = call?.type === "function" ? call.function.arguments : "";
      expect(["Rome", "Oslo"]).toContain((JSON.parse(text) as { city: string }).city);
    }
  });

  test.each(["none", "auto"])("can answer without a call (choice: %p)", async (tool_choice) => {
    const brief = asked("What is the capital of France? Answer with one word.");
    for (const choice of await bothWays({ ...brief, ...{ tools, tool_choice } })) {
      expect(choice).toMatchObject({
        message: { content: expect.stringMatching(/./) },
        finish_reason: "stop",
      } as never);
    }
  });

  test("parses an answer that fits a schema", async () => {
    const json_schema = { name: "weather", schema, strict: true };
    const response_format = { type: "json_schema" as const, json_schema };
    const request = { ...asked("Weather in Rome?"), response_format };
    const { choices } = await client.chat.completions.parse(request);
    const parsed = choices[0]?.message.parsed ?? null;
    expect([{ city: "Rome" }, { city: "Oslo" }]).toContainEqual(parsed as never);
  });
});
