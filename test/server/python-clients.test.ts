// The official Python clients, openai and anthropic, over a real socket. The model is a fake that
// generates the text given by the test.

import { afterAll, describe, expect, test } from "bun:test";
import { startFakeServer } from "../support/fake-server.ts";
import { CLIENTS_PYTHON, PythonProgram, sayIfPythonIsMissing } from "../support/python-program.ts";

const server = await startFakeServer({
  chatFormat: { toolParser: "hermes", reasoningParser: "qwen3" },
  scheduler: { maxModelLen: 4096, numBlocks: 600 },
});
const program =
  CLIENTS_PYTHON === null ? null : new PythonProgram("python-clients.py", CLIENTS_PYTHON);

afterAll(async () => {
  await program?.stop();
  await server.stop();
});

sayIfPythonIsMissing(CLIENTS_PYTHON);

/** Calls the server while the model answers with `answer`. */
async function ask(answer: string, call: string, request: object): Promise<unknown> {
  server.runner.answers(answer);
  return program?.ask(server.url, call, request);
}

const TIMEOUT_MS = 60_000;
const ARGUMENTS = '{"city": "Rome"}';
const CALL = `<tool_call>\n{"name": "weather", "arguments": ${ARGUMENTS}}\n</tool_call>`;
const CITY = '{"city": "Rome", "is_capital": true}';
const ROME = { city: "Rome", is_capital: true };
const WEATHER = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
const said = [{ role: "user", content: "hi" }];

describe.skipIf(program === null)("Python's openai client", () => {
  const request = { model: "tiny", messages: said };
  const tools = [{ type: "function", function: { name: "weather", parameters: WEATHER } }];
  const named = { type: "function", function: { name: "weather" } };

  test(
    "chats, whole and streamed",
    async () => {
      const usage = { prompt_tokens: 21, completion_tokens: 6, total_tokens: 27 };
      const whole = await ask("Hello", "chat", request);
      expect(whole).toMatchObject({
        ...{ choices: [{ message: { content: "Hello" }, finish_reason: "stop" }], usage },
      });
      const options = { stream_options: { include_usage: true } };
      const streamed = await ask("Hello", "chat_stream", { ...request, ...options });
      expect(streamed).toMatchObject({
        ...{ content: "Hello", choices: [{ message: { content: "Hello" } }], usage },
      });
    },
    TIMEOUT_MS,
  );

  test.each([["auto"], ["required"], [named]])(
    "calls a tool with tool_choice %j, whole and streamed",
    async (tool_choice) => {
      const call = { type: "function", function: { name: "weather", arguments: ARGUMENTS } };
      const finish_reason = tool_choice === named ? "stop" : "tool_calls";
      const choices = [{ message: { tool_calls: [call] }, finish_reason }];
      const body = { ...request, tools, tool_choice };
      expect(await ask(CALL, "chat", body)).toMatchObject({ choices });
      const streamed = await ask(CALL, "chat_stream", body);
      expect(streamed).toMatchObject({ choices, arguments: [ARGUMENTS] });
    },
  );

  test("leaves calls in the text with tool_choice none", async () => {
    const body = { ...request, tools, tool_choice: "none" };
    const choices = [{ message: { content: CALL }, finish_reason: "stop" }];
    expect(await ask(CALL, "chat", body)).toMatchObject({ choices });
    expect(await ask(CALL, "chat_stream", body)).toMatchObject({ choices, content: CALL });
  });

  test("parses an answer into a pydantic class", async () => {
    expect(await ask(CITY, "chat_parse", request)).toEqual(ROME);
    expect(server.runner.grammars.at(-1)).toContain("is_capital");
    const asked = { model: "tiny", input: "hi" };
    expect(await ask(CITY, "responses_parse", asked)).toEqual(ROME);
  });

  test("parses a strict tool's arguments into a pydantic class", async () => {
    const call = `<tool_call>\n{"name": "city", "arguments": ${CITY}}\n</tool_call>`;
    expect(await ask(call, "chat_parse_tool", request)).toEqual([ROME]);
  });

  test("creates a response, retrieves it, and continues it", async () => {
    const asked = { model: "tiny", input: "hi" };
    const answers = (await ask("Hello", "responses", asked)) as { first: { id: string } };
    const { first } = answers;
    expect(first).toMatchObject({ output_text: "Hello", status: "completed" });
    const second = { output_text: "Hello", previous_response_id: first.id };
    expect(answers).toMatchObject({ again: first, second, numItems: 3 });
  });

  test("assembles a response from a stream", async () => {
    const asked = { model: "tiny", input: "hi" };
    const response = await ask("Hello", "responses_stream", asked);
    expect(response).toMatchObject({
      ...{ output_text: "Hello", text: "Hello", usage: { output_tokens: 6 } },
      types: [
        ...["response.created", "response.in_progress", "response.output_item.added"],
        ...["response.content_part.added", "response.output_text.delta"],
        ...["response.output_text.done", "response.content_part.done"],
        ...["response.output_item.done", "response.completed"],
      ],
    });
  });

  test.each([["auto"], ["required"], [{ type: "function", name: "weather" }]])(
    "calls a tool in a response with tool_choice %j, streamed",
    async (tool_choice) => {
      const tool = { type: "function", name: "weather", parameters: WEATHER, strict: false };
      const asked = { model: "tiny", input: "hi", tools: [tool], tool_choice };
      const output = [{ type: "function_call", name: "weather", arguments: ARGUMENTS }];
      expect(await ask(CALL, "responses_stream", asked)).toMatchObject({ output });
    },
  );

  test("throws its own error class", async () => {
    const failure = ask("", "chat", { ...request, temperature: -1 });
    await expect(failure).rejects.toThrow("BadRequestError: Error code: 400");
  });
});

describe.skipIf(program === null)("Python's anthropic client", () => {
  const request = { model: "claude-sonnet-4-6", max_tokens: 200, messages: said };
  const tools = [{ name: "weather", input_schema: WEATHER }];

  test("gets a message, whole and streamed", async () => {
    const message = {
      ...{ content: [{ type: "text", text: "Hello" }], stop_reason: "end_turn" },
      usage: { output_tokens: 6 },
    };
    expect(await ask("Hello", "messages", request)).toMatchObject(message);
    const streamed = await ask("Hello", "messages_stream", request);
    expect(streamed).toMatchObject({ ...message, text: "Hello" });
  });

  test.each([[{ type: "auto" }], [{ type: "any" }], [{ type: "tool", name: "weather" }]])(
    "uses a tool with tool_choice %j, whole and streamed",
    async (tool_choice) => {
      const body = { ...request, tools, tool_choice };
      const content = [{ type: "tool_use", name: "weather", input: { city: "Rome" } }];
      const message = { content, stop_reason: "tool_use" };
      expect(await ask(CALL, "messages", body)).toMatchObject(message);
      expect(await ask(CALL, "messages_stream", body)).toMatchObject(message);
    },
  );

  test("parses an answer into a pydantic class", async () => {
    expect(await ask(CITY, "messages_parse", request)).toEqual(ROME);
  });

  test("counts tokens", async () => {
    const body = { model: "claude-sonnet-4-6", messages: said };
    expect(await ask("", "count_tokens", body)).toBe(21);
  });

  test("throws its own error class", async () => {
    const failure = ask("", "messages", { ...request, model: "nope" });
    await expect(failure).rejects.toThrow("NotFoundError: Error code: 404");
  });
});
