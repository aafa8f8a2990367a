// vLLM 0.13's responses to these requests with tools (recorded from a server with SmolLM2 and the hermes parser):
// body keys and types, and event structure. Text and IDs differ because the model is a fake.

import { describe, expect, test } from "bun:test";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const CHAT = "/v1/chat/completions";
const PARAMETERS = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const TOOL = {
  type: "function",
  function: { name: "get_weather", description: "Weather of a city", parameters: PARAMETERS },
};
const NAMED = { type: "function", function: { name: "get_weather" } };
const ARGUMENTS = '{"city": "Rome"}';
const CALL = `<tool_call>\n{"name": "get_weather", "arguments": ${ARGUMENTS}}\n</tool_call>`;
const ID = expect.stringMatching(/^chatcmpl-tool-[0-9a-f]{16}$/);

const bodyOf = (fields: object) => ({
  model: "smollm2",
  messages: [{ role: "user", content: "Say hello." }],
  ...{ max_tokens: 200, temperature: 0, tools: [TOOL], ...fields },
});

function post(answer: string, fields: object = {}) {
  const app = makeApp(
    {
      model: { answer, stepDelayMs: 1 },
      scheduler: { maxModelLen: 2048, enablePrefixCaching: false },
      chatFormat: { toolParser: "hermes", reasoningParser: null },
    },
    { servedModelNames: ["smollm2"] },
  );
  return app.post(CHAT, bodyOf(fields));
}

const message = (fields: object) => ({
  role: "assistant",
  content: "",
  refusal: null,
  annotations: null,
  audio: null,
  function_call: null,
  tool_calls: [
    { id: ID, type: "function", function: { name: "get_weather", arguments: ARGUMENTS } },
  ],
  reasoning: null,
  reasoning_content: null,
  ...fields,
});

async function choiceOf(answer: string, fields: object) {
  const response = await post(answer, fields);
  expect(response.status).toBe(200);
  const { choices } = (await response.json()) as { choices: [object] };
  return choices[0];
}

const choice = (fields: object, finish_reason: string) => ({
  index: 0,
  message: message(fields),
  logprobs: null,
  finish_reason,
  stop_reason: null,
  token_ids: null,
});

describe("recorded bodies", () => {
  test("chat-tools-default-choice: text from a model that calls no tool", async () => {
    const said = { content: "Hello", tool_calls: [] };
    expect(await choiceOf("Hello there", { max_tokens: 5 })).toEqual(choice(said, "length"));
  });

  test("chat-tools-named", async () => {
    expect(await choiceOf(CALL, { tool_choice: NAMED })).toEqual(choice({}, "stop"));
  });

  test("chat-tools-required: a call that is cut off is text, whereas vLLM refuses it", async () => {
    const fields = { tool_choice: "required", max_tokens: 40 };
    const said = { content: CALL.slice(0, 40), tool_calls: [] };
    expect(await choiceOf(CALL, fields)).toEqual(choice(said, "length"));
    expect(await choiceOf(CALL, { tool_choice: "required" })).toEqual(choice({}, "tool_calls"));
  });
});

describe("recorded streams", () => {
  const chunk = (delta: object, end: object, rest: object = {}) => ({
    id: expect.stringMatching(/^chatcmpl-[0-9a-f]{16}$/),
    object: "chat.completion.chunk",
    created: expect.any(Number),
    model: "smollm2",
    choices: [{ index: 0, delta, logprobs: null, ...end }],
    ...rest,
  });
  const call = (fields: object) => ({ reasoning_content: null, tool_calls: [fields] });

  test("chat-tools-named-stream", async () => {
    const events = await readEvents(await post(CALL, { tool_choice: NAMED, stream: true }));
    const [role, head, ...rest] = events;
    expect(role).toEqual(
      chunk(
        { role: "assistant", content: "", reasoning_content: null },
        { finish_reason: null },
        {
          prompt_token_ids: null,
        },
      ),
    );
    const named = { name: "get_weather", arguments: "" };
    const open = { finish_reason: null, token_ids: null };
    expect(head).toEqual(
      chunk(call({ id: ID, type: "function", index: 0, function: named }), open),
    );
    const [done, last, ...deltas] = rest.reverse();
    expect(done).toBe("[DONE]");
    const end = { finish_reason: "stop", stop_reason: null, token_ids: null };
    expect(last).toEqual(chunk({ content: "", reasoning_content: null }, end));
    for (const delta of deltas) {
      const tail = { index: 0, function: { arguments: expect.any(String) } };
      expect(delta).toEqual(chunk(call(tail), open));
    }
    expect(deltas.length).toBe(ARGUMENTS.length);
  });
});
