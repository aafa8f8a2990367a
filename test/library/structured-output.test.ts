// Constraints as library options: the same grammars and errors as over HTTP.

import { describe, expect, test } from "bun:test";
import { makeLlm } from "../support/fake-llm.ts";

const SHORT = { maxTokens: 3, ignoreEos: true };
const messages = [{ role: "user", content: "hi" }];
const schema = { type: "object", properties: { ok: { type: "boolean" } } };

describe("constraints in the library", () => {
  test("reach the grammar engine from responseFormat and structuredOutputs, in chats and completions", async () => {
    const { llm, runner } = makeLlm();
    const responseFormat = { type: "json_schema", json_schema: { schema } };
    await llm.chat(messages, { ...SHORT, responseFormat }).result;
    await llm.generate("a", { ...SHORT, structuredOutputs: { regex: "[a-z]+" } }).result;
    expect(JSON.parse(runner.grammars[0] ?? "")).toMatchObject(schema);
    expect(runner.grammars[1]).toBe("[a-z]+");
  });

  test("are refused with the keyword if they cannot be enforced", async () => {
    const { llm } = makeLlm();
    const responseFormat = { type: "json_schema", json_schema: { schema: { uniqueItems: true } } };
    await expect(llm.generate("a", { ...SHORT, responseFormat }).result).rejects.toMatchObject({
      code: "invalid_value",
      param: "response_format",
      message: '`response_format` cannot be enforced: "uniqueItems" at #',
    });
  });
});
