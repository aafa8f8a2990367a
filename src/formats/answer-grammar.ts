// Builds the grammar for a whole output: reasoning, then calls, free text that contains calls, or text that follows a
// grammar.

import type { ChatFormat } from "../protocol/message-parsing.ts";
import type { GrammarSpec } from "../request/sampling-params.ts";
import { type CallsInit, calls, textWithCalls } from "./call-grammar.ts";
import { callGrammar } from "./call-grammars.ts";
import { isHarmony } from "./format-markers.ts";
import { Lark, slashed } from "./lark.ts";
import { REASONING_FORMATS, type ReasoningFormat } from "./reasoning-formats.ts";

/** Rule for the part of the output after the reasoning. */
export type AnswerRule =
  | ({ readonly kind: "calls" | "text_with_calls" } & CallsInit)
  /** Text that follows a grammar, or calls, if there are tools. */
  | { readonly kind: "grammar"; readonly grammar: GrammarSpec; readonly calls: CallsInit | null };

/** Grammar text for each way in which the output can begin. */
export interface AnswerGrammar {
  /** For a prompt that has already opened the reasoning. */
  readonly afterOpen: string;
  readonly otherwise: string;
}

/**
 * @param specialTokens IDs of special tokens by text
 * @returns null if the rule cannot be enforced in this format
 */
export function answerGrammar(
  format: ChatFormat,
  specialTokens: ReadonlyMap<string, number>,
  rule: AnswerRule,
): AnswerGrammar | null {
  const build = (isOpen: boolean) => {
    const lark = new Lark(specialTokens);
    const answer = answerOf(format, lark, rule);
    const { reasoningParser } = format;
    const reasoning = reasoningParser === null ? "" : reasoningOf(reasoningParser, lark, isOpen);
    return answer === null ? null : lark.grammar(`${reasoning} ${answer}`);
  };
  const otherwise = build(false);
  return otherwise === null ? null : { afterOpen: build(true) ?? otherwise, otherwise };
}

function answerOf(format: ChatFormat, lark: Lark, rule: AnswerRule): string | null {
  const { toolParser } = format;
  if (rule.kind === "calls") return callsOf(format, lark, rule);
  if (rule.kind === "grammar") {
    const text = embedded(rule.grammar, lark);
    const answer = isHarmony(format) ? `${lark.text(HARMONY_ANSWER)} ${text}` : text;
    const instead = rule.calls && callsOf(format, lark, rule.calls);
    return instead === null ? answer : `(${answer} | ${instead})`;
  }
  if (toolParser === null || isHarmony(format)) return null;
  return textWithCalls(callGrammar(toolParser, lark), lark, rule);
}

const HARMONY_ANSWER = "<|channel|>final<|message|>";

function callsOf(format: ChatFormat, lark: Lark, init: CallsInit): string | null {
  const { toolParser } = format;
  if (toolParser === null) return null;
  // In harmony, a call ends the output.
  const onlyFirstCall = init.onlyFirstCall || isHarmony(format);
  return calls(callGrammar(toolParser, lark), lark, { ...init, onlyFirstCall });
}

function reasoningOf(
  parser: NonNullable<ChatFormat["reasoningParser"]>,
  lark: Lark,
  isOpen: boolean,
): string {
  if (parser === "openai_gptoss") return harmonyReasoning(lark);
  const { start, end }: ReasoningFormat = REASONING_FORMATS[parser];
  const rest = `${lark.until(end)} /\\s{0,4}/`;
  return isOpen ? rest : `(${lark.text(start)} ${rest})?`;
}

function harmonyReasoning(lark: Lark): string {
  const { start, end } = REASONING_FORMATS.openai_gptoss;
  return `(${lark.text(start)} ${lark.until(end)} ${lark.text("<|start|>assistant")})?`;
}

function embedded({ kind, text }: GrammarSpec, lark: Lark): string {
  if (kind === "json_schema") return lark.rule(`%json ${text}`);
  if (kind === "lark") return lark.nested(text);
  return lark.rule(`/${slashed(text)}/`);
}
