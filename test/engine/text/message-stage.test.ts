// The message parser in the text pipeline: its format's special tokens, stop strings, and reasoning
// token counts.

import { describe, expect, test } from "bun:test";
import { OutputProcessor } from "../../../src/engine/text/output-processor.ts";
import { type MessageParsing, PLAIN_TEXT } from "../../../src/protocol/message-parsing.ts";
import type { MessagePart } from "../../../src/protocol/message-part.ts";
import type { SamplingParams } from "../../../src/request/sampling-params.ts";
import { makeRequest } from "../../support/make-request.ts";

/** Words as tokens; those in brackets are special. */
const WORDS = ["<|channel|>", "analysis", "<|message|>", "<|end|>", "<|start|>", "assistant"];
const MORE = ["final", "Hm.", "Hello", "<|vision|>", " you", "<think>", "</think>"];
const TOKENS = [...WORDS, ...MORE];
const tokenizer = {
  tokenBytes: (id: number) => Buffer.from(TOKENS[id] ?? "?"),
  isSpecial: (id: number) => TOKENS[id]?.startsWith("<") === true,
};

const PARSING: MessageParsing = {
  ...PLAIN_TEXT,
  ...{ tools: [], holdsCalls: false, onlyFirstCall: false, thinkingTokenBudget: null },
};

/** @param words tokens of the output, one per step */
function process(
  words: readonly string[],
  parsing: Partial<MessageParsing>,
  params: Partial<SamplingParams> = {},
) {
  const processor = new OutputProcessor(tokenizer);
  const request = makeRequest("a", 3, { params: { maxTokens: 50, ...params } });
  processor.add(request, 1, { parsing: { ...PARSING, ...parsing } });
  const parts: MessagePart[] = [];
  let last = null;
  for (const word of words) {
    const tokenId = TOKENS.indexOf(word);
    request.appendOutputToken(tokenId);
    const sampled = { request, tokenIds: [tokenId], logprobs: null, isCorrupted: false };
    const { output, stopped } = processor.process({ ...sampled, stopReason: null }, 2);
    parts.push(...(output.parts ?? []));
    last = output;
    if (stopped) break;
  }
  return { parts, last };
}

const HARMONY = [
  "<|channel|>",
  "analysis",
  "<|message|>",
  "Hm.",
  "<|end|>",
  "<|start|>",
  "assistant",
];
const FINAL = ["<|channel|>", "final", "<|message|>", "Hello", "<|vision|>", " you"];

describe("special tokens", () => {
  test("reach the parser if they are markers of its format; others stay hidden", () => {
    const parsing = { reasoningParser: "openai_gptoss" } as const;
    const { parts, last } = process([...HARMONY, ...FINAL], parsing);
    expect(parts).toEqual([
      { kind: "reasoning", text: "Hm." },
      { kind: "text", text: "Hello" },
      { kind: "text", text: " you" },
    ]);
    expect(last?.numReasoningTokens).toBe(1);
  });

  test("are all shown if the request asks for them", () => {
    const parsing = { reasoningParser: "openai_gptoss" } as const;
    const params = { skipSpecialTokens: false };
    const { parts } = process([...HARMONY, ...FINAL], parsing, params);
    expect(parts.map((part) => ("text" in part ? part.text : "")).join("")).toBe(
      "Hm.Hello<|vision|> you",
    );
  });
});

describe("a stop string", () => {
  test("is found only in the content and ends the output", () => {
    const words = ["<think>", "Hm.", "</think>", "Hello", " you", "Hello"];
    const { parts, last } = process(words, { reasoningParser: "qwen3" }, { stop: ["m.", "lo y"] });
    expect(parts).toEqual([
      { kind: "reasoning", text: "Hm." },
      { kind: "text", text: "Hel" },
    ]);
    expect(last).toMatchObject({ finishReason: "stop", stopReason: "lo y", text: "" });
  });
});
