// answerGrammar(): the grammar for each answer rule, as text.

import { describe, expect, test } from "bun:test";
import { type AnswerRule, answerGrammar } from "../../src/formats/answer-grammar.ts";
import type { ChatFormat } from "../../src/protocol/message-parsing.ts";

const TOOL = { name: "f", schema: { type: "object" }, isLenient: true };
const SCHEMA =
  '{"type":"object","x-guidance":{"whitespace_pattern":"\\\\n? {0,16}","lenient":true}}';
const QWEN: ChatFormat = { toolParser: "hermes", reasoningParser: "qwen3" };
const PLAIN: ChatFormat = { toolParser: "hermes", reasoningParser: null };
const END = "\\u{3c}\\u{2f}think\\u{3e}";
const CALL = "\\u{3c}tool\\u{5f}call\\u{3e}";
const NO_TOKENS: ReadonlyMap<string, number> = new Map();
const TOKENS = new Map([
  ["<think>", 7],
  ["</think>", 8],
  ["<tool_call>", 9],
]);

function lines(format: ChatFormat, rule: AnswerRule, tokens = NO_TOKENS, isOpen = false) {
  const texts = answerGrammar(format, tokens, rule);
  const text = isOpen ? texts?.afterOpen : texts?.otherwise;
  return text?.split("\n").map((line) => line.replaceAll(/ +/g, " ").trim());
}

describe("an answer's grammar", () => {
  const one: AnswerRule = { kind: "calls", tools: [TOOL], onlyFirstCall: true };
  const call = `("<tool_call>\\n{\\"name\\": \\"f\\", \\"arguments\\": " %json ${SCHEMA} "}\\n</tool_call>")`;

  test("allows one call, or several", () => {
    expect(lines(PLAIN, one)).toEqual(["start: rule_0", `rule_0: ${call}`]);
    const [start] = lines(PLAIN, { ...one, onlyFirstCall: false }) ?? [];
    expect(start).toBe('start: rule_0 ("\\n" rule_0)*');
  });

  test("starts with the reasoning if the model expects it or the prompt opens it", () => {
    expect(lines(QWEN, one)).toEqual([
      `start: ("<think>" rule_1 /\\s{0,4}/)? rule_0`,
      `rule_0: ${call}`,
      `rule_1[lazy]: /(?s:.)*${END}/`,
    ]);
    const [start] = lines(QWEN, one, NO_TOKENS, true) ?? [];
    expect(start).toBe("start: rule_1 /\\s{0,4}/ rule_0");
  });

  test("refers to special tokens by ID", () => {
    const [start, rule] = lines(QWEN, one, TOKENS) ?? [];
    expect(start).toBe("start: (<[7]> /(?s:.)*/ <[8]> /\\s{0,4}/)? rule_0");
    expect(rule).toContain(`(<[9]> "\\n{\\"name\\"`);
  });

  test("allows free text in which a trigger starts a call", () => {
    const auto: AnswerRule = { ...one, kind: "text_with_calls" };
    expect(lines(PLAIN, auto)).toEqual([
      "start: rule_1* TEXT_2",
      `rule_0[lazy]: /(?s:.)*${CALL}/`,
      `rule_1: rule_0 ("\\n{\\"name\\": \\"f\\", \\"arguments\\": " %json ${SCHEMA} "}\\n</tool_call>")`,
      `TEXT_2: /(?s:.)*/ & ~/(?s:.)*${CALL}(?s:.)*/`,
    ]);
  });

  test("allows an answer that begins like a call without a marker, up to a tool's name", () => {
    const list = "[ \\t\\r\\n]*\\[[ \\t\\r\\n]*(f\\()";
    const pythonic: ChatFormat = { ...PLAIN, toolParser: "pythonic" };
    expect(lines(pythonic, { ...one, kind: "text_with_calls" })).toEqual([
      "start: rule_1* TEXT_2",
      `rule_0[lazy]: /${list}/`,
      `rule_1: (rule_0 ")") "]"`,
      `TEXT_2: /(?s:.)*/ & ~/${list}(?s:.)*/`,
    ]);
  });

  test("applies the body's constraint after the reasoning", () => {
    const grammar = { kind: "json_schema", text: "{}", param: "response_format" } as const;
    const rule: AnswerRule = { kind: "grammar", grammar, calls: null };
    expect(lines(QWEN, rule, NO_TOKENS, true)).toEqual([
      "start: rule_1 /\\s{0,4}/ rule_0",
      "rule_0: %json {}",
      `rule_1[lazy]: /(?s:.)*${END}/`,
    ]);
    const { tools, onlyFirstCall } = one;
    const [start] = lines(PLAIN, { ...rule, calls: { tools, onlyFirstCall } }) ?? [];
    expect(start).toBe("start: (rule_0 | rule_1 )");
  });

  test("puts content and calls into segments if the format has them", () => {
    const solar: ChatFormat = { toolParser: "solar_open", reasoningParser: "solar_open" };
    const [start] = lines(solar, { ...one, kind: "text_with_calls" }) ?? [];
    const thoughts = '("<|think|>" rule_2 "<|begin|>assistant")?';
    const next = '("<|end|>" ("<|begin|>assistant" rule_1)?)?';
    expect(start).toBe(`start: ${thoughts} ("<|content|>" /(?s:.)*/ ${next} | rule_1)`);
    const grammar = { kind: "json_schema", text: "{}", param: "response_format" } as const;
    const [text] = lines(solar, { kind: "grammar", grammar, calls: null }) ?? [];
    expect(text).toBe(`start: ${thoughts.replace("rule_2", "rule_1")} "<|content|>" rule_0`);
  });

  test("puts the body's constraint after Functionary's recipient", () => {
    const grammar = { kind: "json_schema", text: "{}", param: "response_format" } as const;
    const functionary: ChatFormat = { ...PLAIN, toolParser: "functionary_v32" };
    const [start] = lines(functionary, { kind: "grammar", grammar, calls: null }) ?? [];
    expect(start).toBe('start: "all\\n" rule_0');
  });

  test("addresses content and calls of Muse Glimmer to a recipient", () => {
    const muse: ChatFormat = { toolParser: "muse_glimmer", reasoningParser: "muse_glimmer" };
    const [start, tool] = lines(muse, { ...one, kind: "text_with_calls" }) ?? [];
    expect(start).toContain('(" to=user<|message|>" /(?s:.)*/ ("<|eom|>" ("<|start|>assistant"');
    expect(tool).toContain('(" to=f<|message|><atem:function_calls>\\n<atem:invoke name=');
  });

  test("applies the body's constraint in harmony's final channel", () => {
    const grammar = { kind: "json_schema", text: "{}", param: "response_format" } as const;
    const harmony: ChatFormat = { toolParser: null, reasoningParser: "openai_gptoss" };
    const [start] = lines(harmony, { kind: "grammar", grammar, calls: null }) ?? [];
    expect(start).toEndWith('"<|start|>assistant")? "<|channel|>final<|message|>" rule_0');
  });
});
