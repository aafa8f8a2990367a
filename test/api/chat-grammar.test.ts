// Grammars of chats with tools.

import { describe, expect, test } from "bun:test";
import { chatGrammar } from "../../src/api/chat-grammar.ts";
import type { ToolChoice } from "../../src/api/tool-choice.ts";
import type { MessageParsing } from "../../src/protocol/message-parsing.ts";
import type { EngineInfo } from "../../src/protocol/protocol.ts";
import type { GrammarSpec } from "../../src/request/sampling-params.ts";

/** Grammar of a chat with one tool. By default, the model must call it. */
function grammarOf(
  described: object,
  asked: GrammarSpec | null = null,
  choice: ToolChoice = { kind: "required" },
): GrammarSpec | null {
  const parsing: MessageParsing = {
    ...{ toolParser: "hermes", reasoningParser: null, holdsCalls: false, onlyFirstCall: true },
    ...{ tools: [], thinkingTokenBudget: null },
  };
  return chatGrammar({
    info: { formatTokens: [] } as unknown as EngineInfo,
    body: { tools: [{ type: "function", function: { name: "f", ...described } }] },
    choice,
    ...{ parsing, asked, inputs: new Map(), warn: () => {} },
  });
}

describe("the grammar for a tool's calls", () => {
  test("is the same for an empty schema as for a missing one: there are no arguments", () => {
    const missing = grammarOf({});
    expect(missing).toMatchObject({ kind: "lark" });
    expect(grammarOf({ parameters: {} })).toEqual(missing);
    expect(grammarOf({ parameters: { type: "object", properties: {} } })).toEqual(missing);
    const some = { type: "object", properties: { a: { type: "string" } } };
    expect(grammarOf({ parameters: some })).not.toEqual(missing);
  });
});

describe("a strict tool", () => {
  const strict = (parameters: object) => () =>
    grammarOf({ strict: true, parameters }, null, { kind: "auto" });

  test("is refused with an error that names the keyword that cannot be enforced and its location", () => {
    const city = { type: "string", pattern: "^(?=a)b" };
    expect(strict({ type: "object", properties: { city } })).toThrow(
      'the parameters of tool "f" cannot be enforced: "pattern" at #/properties/city',
    );
  });

  test("follows its schema as a response format would, without annotations", () => {
    const a = { type: "string", pattern: "^b$" };
    const plain = strict({ type: "object", properties: { a } })();
    expect(plain?.text).toContain('"pattern":"^b$"');
    const annotated = {
      type: "object",
      title: "T",
      properties: { a: { ...a, uniqueItems: false } },
    };
    expect(strict(annotated)()).toEqual(plain);
  });
});

describe("a chat's grammar", () => {
  const auto: ToolChoice = { kind: "auto" };
  const format: GrammarSpec = { kind: "json_schema", text: "{}", param: "response_format" };

  test("is optional if it only constrains calls that the model may make", () => {
    expect(grammarOf({}, null, auto)?.isOptional).toBe(true);
  });

  test.each([
    ["a strict tool", grammarOf({ strict: true }, null, auto)],
    ["a response format", grammarOf({}, format, auto)],
    ["a required call", grammarOf({}, null, { kind: "required" })],
    ["a named call", grammarOf({}, null, { kind: "named", name: "f" })],
  ])("is required with %s", (_, grammar) => {
    expect(grammar?.isOptional).toBe(false);
  });
});

describe("a required call", () => {
  const asked = (param: string): GrammarSpec => ({ kind: "regex", text: "a", param });

  test("has no text that a response format could apply to", () => {
    expect(grammarOf({}, asked("response_format"))).toEqual(grammarOf({}));
  });

  test.each(["structured_outputs", "guided_regex"])("cannot be combined with %s", (param) => {
    const refused = () => grammarOf({}, asked(param));
    expect(refused).toThrow("either use constraints for structured outputs or tools, not both");
  });
});
