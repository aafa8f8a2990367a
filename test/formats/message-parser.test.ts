// A message's content, reasoning, and calls, no matter how its text is split.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { MessageParsing } from "../../src/protocol/message-parsing.ts";
import { type Message, parseMessage, splitAt } from "../support/parse-message.ts";

const HERMES: Partial<MessageParsing> = { toolParser: "hermes", reasoningParser: "qwen3" };
const WHOLE: Partial<MessageParsing> = { ...HERMES, holdsCalls: true };
const CALL = '<tool_call>\n{"name": "f", "arguments": {"a": [1, "}</tool_call>"]}}\n</tool_call>';
const F = ["f", '{"a": [1, "}</tool_call>"]}'] as const;

const message = (fields: Partial<Message>): Message => ({
  ...{ text: "", reasoning: "", calls: [] },
  ...fields,
});

describe("content", () => {
  test("is the text of a message without markers, unchanged", () => {
    const text = "  Use <b> and <tool_calls>.\n\n";
    expect(parseMessage([text], HERMES)).toEqual(message({ text }));
  });

  test("does not include the whitespace between it and a call", () => {
    const parsed = parseMessage([`Let me see.\n\n${CALL}\n`], HERMES);
    expect(parsed).toEqual(message({ text: "Let me see.", calls: [F] }));
  });

  test("can contain a long run of spaces", () => {
    const text = `a${" ".repeat(40)}`;
    expect(parseMessage([...text], HERMES)).toEqual(message({ text }));
  });

  test("can contain a reasoning marker in the middle", () => {
    const text = "The tag <think> starts thoughts.";
    expect(parseMessage([text], HERMES)).toEqual(message({ text }));
  });
});

describe("reasoning", () => {
  test("is the text between its markers, without surrounding whitespace", () => {
    const parsed = parseMessage(["<think>\nHm.\n</think>\n\nHello"], HERMES);
    expect(parsed).toEqual(message({ reasoning: "Hm.", text: "Hello" }));
  });

  test("comes first if the prompt opens it", () => {
    const parsed = parseMessage(["Hm.\n</think>\n\nHello"], HERMES, "assistant\n<think>\n");
    expect(parsed).toEqual(message({ reasoning: "Hm.", text: "Hello" }));
  });

  test("is absent if the prompt closes it", () => {
    const parsed = parseMessage(["Hello"], HERMES, "<think>\n\n</think>\n\n");
    expect(parsed).toEqual(message({ text: "Hello" }));
  });

  test("is the whole message if the message is cut off during it", () => {
    expect(parseMessage(["<think>\nHm. <"], HERMES)).toEqual(message({ reasoning: "Hm. <" }));
  });

  test("ends before a call, even without an end marker", () => {
    const parsed = parseMessage([`<think>\nHm.\n${CALL}\nDone`], HERMES);
    expect(parsed).toEqual(message({ reasoning: "Hm.", text: "Done", calls: [F] }));
  });

  test("continues after text that only looks like a call", () => {
    const parsed = parseMessage(["<think>I write <tool_call> now.</think>Hi"], WHOLE);
    expect(parsed).toEqual(message({ reasoning: "I write <tool_call> now.", text: "Hi" }));
  });

  test("can continue after a call", () => {
    const parsed = parseMessage([`<think>A</think>${CALL}<think>B</think>C`], HERMES);
    expect(parsed).toEqual(message({ reasoning: "AB", text: "C", calls: [F] }));
  });
});

describe("a frame around the content", () => {
  const hunyuan: Partial<MessageParsing> = {
    ...{ toolParser: "hunyuan_a13b", reasoningParser: "hunyuan_a13b" },
  };
  const call = '<tool_calls>[{"name": "f", "arguments": {"a": 1}}]</tool_calls>';

  test.each([
    ["<think>\nHm.\n</think>\n<answer>\nHello\n</answer>\n", "Hm.", "Hello"],
    ["<think>\n\n</think>\n<answer>\nHello</answer>", "", "Hello"],
    ["<answer>\nHello", "", "Hello"],
    ["Hello\n</answer>", "", "Hello\n</answer>"],
    ["The tag <answer> and </answer>", "", "The tag <answer> and </answer>"],
  ])("in Hunyuan's format is not content: %j", (text, reasoning, content) => {
    expect(parseMessage([text], hunyuan)).toEqual(message({ reasoning, text: content }));
  });

  test("in Hunyuan's format can contain calls", () => {
    const text = `<think>\nHm.\n</think>\n<answer>\nI look.${call}\n</answer>`;
    const calls = [["f", '{"a": 1}']] as const;
    const expected = message({ reasoning: "Hm.", text: "I look.", calls });
    expect(parseMessage([text], hunyuan)).toEqual(expected);
    expect(parseMessage([...text], hunyuan)).toEqual(expected);
  });

  test.each([
    ["all\nHello", "Hello", []],
    ["Hello, all\nof you", "Hello, all\nof you", []],
    ['all\nI look.>>>f\n{"a": 1}', "I look.", [["f", '{"a": 1}']]],
    ['f\n{"a": 1}>>>all\nDone.', "Done.", [["f", '{"a": 1}']]],
    ["all\nf\n{}", "f\n{}", []],
    ["all", "all", []],
  ] as const)("of Functionary in %j is not content", (whole, text, calls) => {
    const tools = [{ name: "f", parameters: [] }];
    const functionary: Partial<MessageParsing> = { toolParser: "functionary_v32", tools };
    expect(parseMessage([whole], functionary)).toEqual(message({ text, calls }));
    expect(parseMessage([...whole], functionary)).toEqual(message({ text, calls }));
    const untooled = parseMessage([whole], { ...functionary, tools: [] });
    expect(untooled).toEqual(message({ text: whole.replaceAll(/^all\n|>>>all\n/g, "") }));
  });

  test("in Apriel's format follows the reasoning", () => {
    const apriel: Partial<MessageParsing> = { toolParser: "jamba", reasoningParser: "apriel" };
    const steps = "Here are my reasoning steps:\n";
    const text = "Hm.\n[BEGIN FINAL RESPONSE]\nHello\n[END FINAL RESPONSE]\n";
    const expected = message({ reasoning: "Hm.", text: "Hello" });
    expect(parseMessage([text], apriel, `<|begin_assistant|>\n${steps}`)).toEqual(expected);
    expect(parseMessage([steps + text], apriel)).toEqual(expected);
    const short = "[BEGIN FINAL RESPONSE]Hello[END FINAL RESPONSE]";
    expect(parseMessage([short], apriel)).toEqual(message({ text: "Hello" }));
  });
});

describe("segments", () => {
  const solar: Partial<MessageParsing> = {
    ...{ toolParser: "solar_open", reasoningParser: "solar_open" },
  };
  const thoughts = "<|think|>Hm.<|end|><|begin|>assistant";
  const call =
    "<|tool_calls|><|tool_call:begin|>a1b2c3d4e5<|tool_call:name|>f<|tool_call:args|>{}<|tool_call:end|><|calls|>";

  test.each([
    [`${thoughts}<|content|>Hello<|end|>`, message({ reasoning: "Hm.", text: "Hello" })],
    ["<|content|>Hello", message({ text: "Hello" })],
    [thoughts + call, message({ reasoning: "Hm.", calls: [["f", "{}"]] })],
    [
      `<|content|>Hi<|end|><|begin|>assistant${call}`,
      message({ text: "Hi", calls: [["f", "{}"]] }),
    ],
  ])("in Solar's format are separated: %j", (text, expected) => {
    expect(parseMessage([text], solar)).toEqual(expected);
    expect(parseMessage([...text], solar)).toEqual(expected);
    const untooled = { ...solar, toolParser: null };
    if (expected.calls.length === 0) expect(parseMessage([text], untooled)).toEqual(expected);
  });

  test("in Kimi K3's format are separated, whether the prompt opens the reasoning or the content", () => {
    const kimi: Partial<MessageParsing> = { toolParser: "kimi_k3", reasoningParser: "kimi_k3" };
    const text = "<|open|>response<|sep|>Hello<|close|>response<|sep|><|close|>message<|sep|>";
    const open = "<|open|>think<|sep|>";
    const whole = message({ reasoning: "Hm.", text: "Hello" });
    expect(parseMessage([`Hm.<|close|>think<|sep|>${text}`], kimi, open)).toEqual(whole);
    expect(parseMessage([`${open}Hm.<|close|>think<|sep|>${text}`], kimi)).toEqual(whole);
    const content = parseMessage([...text.slice(23)], kimi, "<|open|>response<|sep|>");
    expect(content).toEqual(message({ text: "Hello" }));
  });
});

describe("calls", () => {
  test("have arguments exactly as the model wrote them", () => {
    expect(parseMessage([CALL], HERMES).calls).toEqual([F]);
  });

  test("can follow one another", () => {
    expect(parseMessage([`${CALL}\n${CALL}`], HERMES)).toEqual(message({ calls: [F, F] }));
  });

  test("can have the name after the arguments, or no arguments", () => {
    const late = '<tool_call>{"arguments": {"a": 1}, "id": [2], "name": "f"}</tool_call>';
    const none = '<tool_call>{"name": "g"}</tool_call>';
    const parsed = parseMessage([late + none], HERMES);
    expect(parsed.calls).toEqual([
      ["f", '{"a": 1}'],
      ["g", "{}"],
    ]);
  });

  test("can have arguments as a JSON string", () => {
    const text = String.raw`<tool_call>{"name": "f", "arguments": "{\"a\": 1}"}</tool_call>`;
    expect(parseMessage([text], HERMES).calls).toEqual([["f", '{"a": 1}']]);
  });

  test.each([
    ["text that is not JSON", "<tool_call>call f now</tool_call> Done."],
    ["no name", '<tool_call>{"arguments": {}}</tool_call> Done.'],
    ["mismatched brackets", '<tool_call>{"name": "f", "arguments": [}]}</tool_call>'],
    [
      "a literal that is not in JSON",
      '<tool_call>{"name": "f", "arguments": {"a": tru}}</tool_call>',
    ],
    ["a name that is cut off", '<tool_call>{"name": "f'],
    ["arguments that are cut off", '<tool_call>{"name": "f", "arguments": {"a": "b'],
    ["nesting of 65 levels", `<tool_call>{"name": "f", "arguments": ${"[".repeat(65)}`],
  ])("with %s become content if calls are held", (_, text) => {
    expect(parseMessage([`Now.\n${text}`], WHOLE)).toEqual(message({ text: `Now.\n${text}` }));
  });

  test("that are cut off do not affect the calls before them", () => {
    const cut = '<tool_call>{"name": "g", "argu';
    expect(parseMessage([CALL + cut], WHOLE)).toEqual(message({ text: cut, calls: [F] }));
  });

  test("that are cut off are passed on up to that point if calls are not held", () => {
    const parsed = parseMessage(['<tool_call>{"name": "f", "arguments": {"a": "b'], HERMES);
    expect(parsed).toEqual(message({ calls: [["f", '{"a": "b']] }));
  });

  test("that are cut off within their end marker are complete", () => {
    expect(parseMessage([CALL.slice(0, -5)], WHOLE)).toEqual(message({ calls: [F] }));
  });

  test("after the first are dropped with the rest of the message if only one is allowed", () => {
    const parsed = parseMessage([`${CALL}\n${CALL}More`], { ...HERMES, onlyFirstCall: true });
    expect(parsed).toEqual(message({ calls: [F] }));
  });
});

describe("pieces", () => {
  const part = fc.oneof(
    fc.constantFrom("<think>", "</think>", "<tool_call>", "</tool_call>", " ", "\n\n", "<", CALL),
    fc.constantFrom("<answer>", "</answer>", "\n"),
    fc.constantFrom('{"name": "f", "arguments": {', '"a": "\\"}"', "}}", "[", "]", "text", "<th"),
    fc.string({ maxLength: 4 }),
  );
  const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 10 });

  const HUNYUAN: Partial<MessageParsing> = { ...HERMES, reasoningParser: "hunyuan_a13b" };
  test.each([
    ["not held", HERMES],
    ["held", WHOLE],
    ["in a frame", HUNYUAN],
  ])("of any size yield the same message with calls %s", (_, parsing) => {
    fc.assert(
      fc.property(text, cuts, fc.boolean(), (whole, fractions, isOpen) => {
        const promptEnd = isOpen ? "<think>\n" : "";
        const expected = parseMessage([whole], parsing, promptEnd);
        expect(parseMessage(splitAt(whole, fractions), parsing, promptEnd)).toEqual(expected);
        expect(parseMessage([...whole], parsing, promptEnd)).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });
});
