// The official Python clients, openai and anthropic, against SmolLM2 in a separate server process.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CLIENTS_PYTHON, PythonProgram, sayIfPythonIsMissing } from "../support/python-program.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";

sayIfPythonIsMissing(CLIENTS_PYTHON);

const ask = [{ role: "user", content: "Weather in Rome?" }];
/** The client's stream helpers require answers that end on their own. */
const brief = [{ role: "user", content: "What is the capital of France? Answer with one word." }];
const CITY = { city: expect.any(String), is_capital: expect.any(Boolean) };
const WEATHER = {
  type: "object",
  properties: { city: { type: "string", enum: ["Rome", "Oslo"] } },
  required: ["city"],
  additionalProperties: false,
};

describe.skipIf(CLIENTS_PYTHON === null)("with SmolLM2", () => {
  let server: ServerProcess;
  let program: PythonProgram;

  beforeAll(async () => {
    const limits = ["--max-model-len", "2048", "--num-gpu-blocks-override", "300"];
    server = await startServer(["--served-model-name", "smol", ...limits]);
    program = new PythonProgram("python-clients.py", CLIENTS_PYTHON);
  }, 60_000);
  afterAll(async () => {
    await program.stop();
    server.process.kill();
  });

  /** Asks at temperature 0, so two calls get the same answer. */
  const call = (name: string, request: object) =>
    program.ask<object>(server.url, name, { model: "smol", ...request });

  describe("Python's openai client", () => {
    const chat = { messages: ask, temperature: 0, max_tokens: 60 };
    const response = { input: ask, temperature: 0, max_output_tokens: 20 };

    test("chats, whole and streamed", async () => {
      const chat = { messages: brief, temperature: 0, max_tokens: 200 };
      const { choices } = (await call("chat", chat)) as { choices: [{ message: object }] };
      const [{ message }] = choices;
      expect(message).toMatchObject({ content: expect.stringMatching(/./) });
      const { content } = message as { content: string };
      expect(await call("chat_stream", chat)).toMatchObject({ content });
    }, 60_000);

    const weather = { name: "weather", parameters: WEATHER, strict: true };
    const tools = [{ type: "function", function: weather }];

    // As in OpenAI's API and vLLM, a call to a named tool ends with "stop".
    test.each([
      ["required", "tool_calls"],
      [{ type: "function", function: { name: "weather" } }, "stop"],
    ])(
      "calls a tool that must be called, whole and streamed (choice: %j)",
      async (tool_choice, finish_reason) => {
        const choice = { tools, tool_choice, parallel_tool_calls: false };
        const calls = [
          { function: { name: "weather", arguments: expect.stringMatching(/Rome|Oslo/) } },
        ];
        const choices = [{ message: { tool_calls: calls }, finish_reason }];
        for (const name of ["chat", "chat_stream"]) {
          expect(await call(name, { ...chat, ...choice })).toMatchObject({ choices });
        }
      },
    );

    test.each(["none", "auto"])(
      "can answer without a call, whole and streamed (choice: %p)",
      async (tool_choice) => {
        const request = { ...chat, messages: brief, max_tokens: 200, tools, tool_choice };
        const choices = [
          { message: { content: expect.stringMatching(/./) }, finish_reason: "stop" },
        ];
        for (const name of ["chat", "chat_stream"]) {
          expect(await call(name, request)).toMatchObject({ choices });
        }
      },
    );

    test("parses answers into a pydantic class", async () => {
      // Spells the name, since the schema leaves its length open.
      const text = 'Reply {"city": "Rome", "is_capital": true}.';
      const messages = [{ role: "user", content: text }];
      expect(await call("chat_parse", { ...chat, messages })).toEqual(CITY);
      const asked = { ...response, input: text, max_output_tokens: 60 };
      expect(await call("responses_parse", asked)).toEqual(CITY);
    });

    test("creates a response, retrieves it, continues it, and streams one", async () => {
      const response = { input: brief, temperature: 0, max_output_tokens: 200 };
      const answers = (await call("responses", response)) as { first: { output_text: string } };
      const { first } = answers;
      const { output_text } = first;
      expect(output_text).not.toBe("");
      expect(answers).toMatchObject({ again: first, numItems: 3 });
      expect(await call("responses_stream", response)).toMatchObject({ output_text });
    });
  });

  describe("Python's anthropic client", () => {
    const request = { model: "claude-sonnet-4-6", max_tokens: 60, messages: ask };
    const greedy = { ...request, extra_body: { temperature: 0 } };

    test("gets a message, whole and streamed", async () => {
      const { content } = (await call("messages", greedy)) as { content: unknown };
      expect(content).toMatchObject([{ type: "text", text: expect.stringMatching(/./) }]);
      expect(await call("messages_stream", greedy)).toMatchObject({ content });
    });

    test("uses a required tool, whole and streamed", async () => {
      const tools = [{ name: "weather", input_schema: WEATHER }];
      const tool_choice = { type: "tool", name: "weather" };
      const input = { city: expect.stringMatching(/^(Rome|Oslo)$/) };
      const content = [{ type: "tool_use", name: "weather", input }];
      for (const name of ["messages", "messages_stream"]) {
        const message = await call(name, { ...greedy, tools, tool_choice });
        expect(message).toMatchObject({ content, stop_reason: "tool_use" });
      }
    });

    test("counts the same prompt tokens as the message itself", async () => {
      const count = await call("count_tokens", { model: "claude-sonnet-4-6", messages: ask });
      const { usage } = (await call("messages", { ...greedy, max_tokens: 1 })) as {
        usage: { input_tokens: number; cache_read_input_tokens: number };
      };
      expect(usage.input_tokens + usage.cache_read_input_tokens).toBe(Number(count));
    });
  });
});
