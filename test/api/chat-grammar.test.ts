// Grammars of chats with tools.

import { describe, expect, test } from "bun:test";
import { chatGrammar } from "../../src/api/chat-grammar.ts";
import type { MessageParsing } from "../../src/protocol/message-parsing.ts";
import type { EngineInfo } from "../../src/protocol/protocol.ts";
import type { GrammarSpec } from "../../src/request/sampling-params.ts";

/** The grammar of a required call of a tool. */
function grammarOf(described: object, asked: GrammarSpec | null = null): unknown {
  const parsing: MessageParsing = {
    ...{ toolParser: "hermes", reasoningParser: null, holdsCalls: false, onlyFirstCall: true },
    ...{ tools: [], thinkingTokenBudget: null },
  };
  return chatGrammar({
    info: { formatTokens: [] } as unknown as EngineInfo,
    body: { tools: [{ type: "function", function: { name: "f", ...described } }] },
    choice: { kind: "required" },
    ...{ parsing, asked, inputs: new Map(), warn: () => {} },
  });
}

describe("the grammar of a tool's calls", () => {
  test("is the same for an empty schema as for a missing one: there are no arguments", () => {
    const missing = grammarOf({});
    expect(missing).toMatchObject({ kind: "lark" });
    expect(grammarOf({ parameters: {} })).toEqual(missing);
    expect(grammarOf({ parameters: { type: "object", properties: {} } })).toEqual(missing);
    const some = { type: "object", properties: { a: { type: "string" } } };
    expect(grammarOf({ parameters: some })).not.toEqual(missing);
  });
});

describe("a required call", () => {
  const asked = (param: string): GrammarSpec => ({ kind: "regex", text: "a", param });

  test("has no text to which a response format could apply", () => {
    expect(grammarOf({}, asked("response_format"))).toEqual(grammarOf({}));
  });

  test.each(["structured_outputs", "guided_regex"])("cannot be combined with %s", (param) => {
    const refused = () => grammarOf({}, asked(param));
    expect(refused).toThrow("either use constraints for structured outputs or tools, not both");
  });
});
