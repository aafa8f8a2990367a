// Chat request fields that reach the template and fields that are rejected, under vLLM 0.13's rules for
// chat_template_kwargs and for templates in requests.

import { describe, expect, spyOn, test } from "bun:test";
import type { JsonObject } from "../../src/api/schema/json-value.ts";
import { chatTemplateRequest } from "../../src/api/template-request.ts";
import { RequestError } from "../../src/errors.ts";
import { makeApp } from "../support/fake-engine.ts";

const MESSAGES = [{ role: "user", content: "Hi" }];
const BODY = {
  tools: null,
  add_generation_prompt: true,
  continue_final_message: false,
  chat_template: null,
  chat_template_kwargs: null,
};

function requestOf(
  body: Partial<typeof BODY> | JsonObject,
  trustsRequestTemplates = false,
  templateVariables: JsonObject = {},
) {
  return chatTemplateRequest(
    { trustsRequestTemplates, templateVariables },
    { ...BODY, ...(body as Partial<typeof BODY>) },
    MESSAGES,
  );
}

test("the operator can choose the message content format", () => {
  const context = { trustsRequestTemplates: false, templateVariables: {} };
  const format = (contentFormat: "string" | null) =>
    chatTemplateRequest({ ...context, contentFormat }, BODY, MESSAGES).contentFormat;
  expect([format("string"), format(null)]).toEqual(["string", undefined]);
});

const withKwargs = (kwargs: JsonObject) => requestOf({ chat_template_kwargs: kwargs });

function refusal(build: () => unknown): RequestError {
  try {
    build();
  } catch (error) {
    if (error instanceof RequestError) return error;
  }
  throw new Error("the request was not rejected");
}

describe("the template's inputs", () => {
  test("are the body's fields, and include no variables that were not set", () => {
    expect(requestOf({})).toEqual({
      json: JSON.stringify({ messages: MESSAGES, tools: null, documents: null, kwargs: {} }),
      chatTemplate: null,
      addGenerationPrompt: true,
      continueFinalMessage: false,
    });
  });

  test("can be set by kwargs of the same name, which override the fields", () => {
    const documents = [{ title: "a", text: "b" }];
    const tools = [{ type: "function", function: { name: "f" } }];
    const flags = { add_generation_prompt: false, continue_final_message: true };
    const request = withKwargs({ ...flags, documents, tools, enable_thinking: true, mood: [1] });
    const kwargs = { enable_thinking: true, mood: [1] };
    expect(request).toEqual({
      json: JSON.stringify({ messages: MESSAGES, tools, documents, kwargs }),
      chatTemplate: null,
      addGenerationPrompt: false,
      continueFinalMessage: true,
    });
  });

  test("reach the template from a complete body, including documents", async () => {
    const documents = [{ title: "a", text: "b" }];
    const { post } = makeApp();
    const answer = await post("/v1/chat/completions", {
      messages: MESSAGES,
      max_tokens: 1,
      documents,
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(requestOf({ documents }).json).documents).toEqual(documents);
  });

  test("keep numbers as written in the body", async () => {
    const { post, runner } = makeApp();
    const encodeChat = spyOn(runner.tokenizer, "encodeChat");
    const numbers = "[1.0,1e400,-0.0,12345678901234567890,0.10]";
    const message = `{"role":"user","content":"Hi","n":${numbers}}`;
    const answer = await post(
      "/v1/chat/completions",
      `{"messages":[${message}],"temperature":1.0,"max_tokens":1.0,"documents":[{"n":${numbers}}],` +
        `"chat_template_kwargs":{"n":${numbers},"add_generation_prompt":1.0}}`,
    );
    expect(answer.status).toBe(200);
    const kept = "[1.0,1e400,-0.0,12345678901234567890,0.1]";
    expect(encodeChat.mock.calls.map(([{ json }]) => json)).toEqual([
      `{"messages":[{"role":"user","content":"Hi","n":${kept}}],"tools":null,` +
        `"documents":[{"n":${kept}}],"kwargs":{"n":${kept}}}`,
    ]);
  });

  test("keep the order of object members; a lone surrogate in a call's arguments becomes U+FFFD", async () => {
    const { post, runner } = makeApp();
    const encodeChat = spyOn(runner.tokenizer, "encodeChat");
    const call = (args: string) =>
      `{"id":"a","function":{"name":"f","arguments":${args}},"x":{"b":1,"0":2}}`;
    const messages = (args: string) =>
      `[{"role":"user","content":"Hi"},{"role":"assistant","content":"","tool_calls":[${call(args)}]}]`;
    const tools = '[{"type":"function","function":{"name":"f","p":{"10":1,"x":2,"9":3}}}]';
    for (const args of ['"{\\"x\\":\\"\\\\ud83d\\"}"', '{"b":1,"0":"\\ud83d"}']) {
      const body = `{"messages":${messages(args)},"tools":${tools},"tool_choice":"none"}`;
      expect((await post("/v1/chat/completions", body)).status).toBe(200);
    }
    const seen = ['"{\\"x\\":\\"\\\\ufffd\\"}"', '{"b":1,"0":"\ufffd"}'];
    expect(encodeChat.mock.calls.map(([{ json }]) => json)).toEqual(
      seen.map(
        (args) => `{"messages":${messages(args)},"tools":${tools},"documents":null,"kwargs":{}}`,
      ),
    );
  });

  test("can be nested 99 levels deep, which a tool's schema reaches with 47 objects", () => {
    const toolsOf = (numObjects: number) => {
      let parameters: JsonObject = { type: "string" };
      for (let i = 0; i < numObjects; i++) parameters = { properties: { a: parameters } };
      return [{ type: "function", function: { name: "f", parameters } }];
    };
    expect(JSON.parse(requestOf({ tools: toolsOf(47) }).json).tools).toEqual(toolsOf(47));
    const message = "lists and objects in tools can be nested at most 99 levels deep.";
    for (const build of [
      () => requestOf({ tools: toolsOf(48) }),
      () => withKwargs({ tools: toolsOf(48) }),
    ]) {
      expect(refusal(build)).toMatchObject({ code: "invalid_value", message, param: "tools" });
    }
  });

  test("request extra special tokens only if the body requests them", () => {
    expect(requestOf({ add_special_tokens: true }).addSpecialTokens).toBe(true);
    expect(requestOf({ add_special_tokens: false }).addSpecialTokens).toBeUndefined();
  });

  test("treat a null kwarg as false, like None in Python", () => {
    expect(withKwargs({ add_generation_prompt: null }).addGenerationPrompt).toBe(false);
  });

  test("ignore a null template in kwargs, whether the operator trusts templates or not", () => {
    const kwargs = { chat_template: null, mood: 1 };
    expect(withKwargs(kwargs)).toEqual(withKwargs({ mood: 1 }));
    const body = { chat_template: "{{ x }}", chat_template_kwargs: kwargs };
    expect(requestOf(body, true).chatTemplate).toBe("{{ x }}");
  });

  for (const name of [
    ...["messages", "conversation", "chat_template", "tokenize", "tokenizer", "model_config"],
  ]) {
    test(`cannot be replaced by a kwarg named ${name}`, () => {
      const error = refusal(() => requestOf({ chat_template_kwargs: { [name]: [] } }, true));
      expect([error.code, error.message, error.param]).toEqual([
        "invalid_value",
        `chat_template_kwargs cannot set ${name}.`,
        "chat_template_kwargs",
      ]);
    });
  }

  test("are rejected with the path of each kwarg that has the wrong type", () => {
    const error = refusal(() => withKwargs({ add_generation_prompt: "perhaps", tools: 1 }));
    expect(error.code).toBe("invalid_schema");
    expect(error.message).toContain("2 validation errors");
    expect(error.message).toContain("'add_generation_prompt'");
    expect(error.message).toContain("'tools'");
  });

  test("include the server's variables, the request's effort, and the request's variables; later sources take precedence", () => {
    const variables = { a: 1, b: 1, reasoning_effort: "low" };
    const body = { reasoning_effort: "high", chat_template_kwargs: { b: 2 } };
    const { kwargs } = JSON.parse(requestOf(body, false, variables).json);
    expect(kwargs).toEqual({ a: 1, b: 2, reasoning_effort: "high" });
  });

  test("turn off thinking if the effort is none", () => {
    const { kwargs } = JSON.parse(requestOf({ reasoning_effort: "none" }).json);
    expect(kwargs).toEqual({ enable_thinking: false, thinking: false });
  });

  test("cannot both add a generation prompt and continue the last message, whether set by fields or by kwargs", () => {
    const message = "Cannot set both `continue_final_message` and `add_generation_prompt` to True.";
    const field = refusal(() => requestOf({ continue_final_message: true }));
    const kwarg = refusal(() => withKwargs({ continue_final_message: true }));
    expect([field.message, kwarg.message]).toEqual([message, message]);
  });
});

describe("a template in the request", () => {
  const text = "{{ messages[0].content }}";
  const untrusted =
    "Chat template is passed with request, but --trust-request-chat-template is not set. " +
    "Refused request with untrusted chat template.";

  test("is rejected, and the error names the option that allows it", () => {
    const field = refusal(() => requestOf({ chat_template: text }));
    const kwarg = refusal(() => withKwargs({ chat_template: text }));
    expect([field.message, kwarg.message]).toEqual([untrusted, untrusted]);
    expect(field.param).toBe("chat_template");
  });

  test("is rendered if the operator trusts such templates", () => {
    expect(requestOf({ chat_template: text }, true).chatTemplate).toBe(text);
  });

  test("is treated the same way on every route", async () => {
    const body = { messages: MESSAGES, max_tokens: 1, chat_template: text };
    for (const path of ["/v1/chat/completions", "/tokenize"]) {
      const refused = await makeApp().post(path, body);
      expect([path, refused.status]).toEqual([path, 400]);
      expect(((await refused.json()) as { error: unknown }).error).toMatchObject({
        message: untrusted,
      });
      const taken = await makeApp({}, { trustsRequestTemplates: true }).post(path, body);
      expect([path, taken.status]).toEqual([path, 200]);
    }
  });
});

test("a list of a million numbers is validated without being copied", () => {
  const values = spyOn(Object, "values");
  withKwargs({ a: Array(1_000_000).fill(1) });
  const lists = values.mock.calls.filter(([value]) => Array.isArray(value));
  values.mockRestore();
  expect(lists).toEqual([]);
});
