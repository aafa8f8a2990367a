// The real OpenAI client with tools: each tool choice, with and without streaming, and the loop that runs the
// tools. The model is a fake that calls a tool if the conversation has no tool result yet.

import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { makeApp } from "../support/fake-engine.ts";

const ARGUMENTS = '{"city": "Rome"}';
const CALL = `<tool_call>\n{"name": "get_weather", "arguments": ${ARGUMENTS}}\n</tool_call>`;
const ANSWER = `<think>\nHm.\n</think>\n\nLet me see.\n${CALL}\n${CALL}`;
const tool = {
  type: "function" as const,
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const base = {
  model: "tiny",
  messages: [{ role: "user" as const, content: "What is the weather in Rome?" }],
  tools: [tool],
};

function clientOf(answer: string) {
  const { app } = makeApp({
    model: { answer, stepDelayMs: 1 },
    chatFormat: { toolParser: "hermes", reasoningParser: "qwen3" },
  });
  const fetch = async (url: string | URL | Request, init?: RequestInit) =>
    app.handle(new Request(url as string, init));
  return new OpenAI({ baseURL: "http://localhost/v1", apiKey: "unused", maxRetries: 0, fetch });
}

describe("the openai client", () => {
  const named = { type: "function", function: { name: "get_weather" } } as const;

  test.each([["auto"], ["required"], [named]] as const)(
    "reads calls with tool_choice %j",
    async (choice) => {
      const client = clientOf(ANSWER);
      const completion = await client.chat.completions.create({ ...base, tool_choice: choice });
      const [{ message, finish_reason } = { message: null }] = completion.choices;
      const calls = message?.tool_calls ?? [];
      expect(calls.map((call) => call.type === "function" && call.function)).toEqual(
        Array(choice === named ? 1 : 2).fill({ name: "get_weather", arguments: ARGUMENTS }),
      );
      expect(finish_reason).toBe(choice === named ? "stop" : "tool_calls");
    },
  );

  test("leaves calls in the text with tool_choice none", async () => {
    const completion = await clientOf(CALL).chat.completions.create({
      ...base,
      tool_choice: "none",
    });
    expect(completion.choices[0]?.message.content).toBe(CALL);
  });

  test("assembles a streamed message", async () => {
    const stream = clientOf(ANSWER).chat.completions.stream({ ...base });
    let text = "";
    const done: string[] = [];
    stream.on("content", (delta) => {
      text += delta;
    });
    stream.on("tool_calls.function.arguments.done", ({ arguments: json }) => done.push(json));
    const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0] ?? {};
    expect(text).toBe("Let me see.");
    expect(done).toEqual([ARGUMENTS, ARGUMENTS]);
    expect(message?.tool_calls).toHaveLength(2);
    expect(finish_reason).toBe("tool_calls");
  });

  test("runs the tools and sends their results", async () => {
    const client = clientOf(CALL);
    const asked: unknown[] = [];
    const runner = client.chat.completions.runTools(
      {
        ...base,
        tools: [
          {
            type: "function",
            function: {
              name: "get_weather",
              description: "Weather of a city",
              parameters: tool.function.parameters,
              parse: JSON.parse,
              function: (input: unknown) => {
                asked.push(input);
                return "sunny";
              },
            },
          },
        ],
      },
      { maxChatCompletions: 2 },
    );
    await runner.done();
    expect(asked).toEqual([{ city: "Rome" }, { city: "Rome" }]);
    const roles = runner.messages.map(({ role }) => role);
    expect(roles).toEqual(["user", "assistant", "tool", "assistant", "tool"]);
  });
});
