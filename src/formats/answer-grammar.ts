// Builds the grammar for a whole output: reasoning, then calls, free text that contains calls, or text that follows a
// grammar.

import type { ChatFormat } from "../protocol/message-parsing.ts";
import type { GrammarSpec } from "../request/sampling-params.ts";
import { type CallsInit, calls, textWithCalls } from "./call-grammar.ts";
import { callGrammar } from "./call-grammars.ts";
import { isHarmony } from "./format-markers.ts";
import { harmonyMessages } from "./harmony-grammar.ts";
import { Lark, slashed } from "./lark.ts";
import { layoutOf } from "./message-layouts.ts";
import { REASONING_FORMATS, type ReasoningFormat } from "./reasoning-formats.ts";
import { TOOL_FORMATS } from "./tool-formats.ts";

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
    const reasoning = hasOwnReasoning(format, rule) ? "" : reasoningOf(format, lark, isOpen);
    return answer === null ? null : lark.grammar(`${reasoning} ${answer}`);
  };
  const otherwise = build(false);
  return otherwise === null ? null : { afterOpen: build(true) ?? otherwise, otherwise };
}

/** @returns true if the answer's grammar includes the reasoning */
function hasOwnReasoning(format: ChatFormat, { kind }: AnswerRule): boolean {
  return isHarmony(format) && kind === "text_with_calls";
}

function answerOf(format: ChatFormat, lark: Lark, rule: AnswerRule): string | null {
  const { toolParser } = format;
  if (rule.kind === "calls") return callsOf(format, lark, rule);
  const layout = layoutOf(format);
  if (rule.kind === "grammar") {
    const text = embedded(rule.grammar, lark);
    const tools = toolParser && TOOL_FORMATS[toolParser];
    const start = layout?.contentStart ?? tools?.contentStart ?? "";
    const answer = start === "" ? text : `${lark.text(start)} ${text}`;
    const instead = rule.calls && callsOf(format, lark, rule.calls);
    return instead === null ? answer : `(${answer} | ${instead})`;
  }
  if (toolParser === null) return null;
  if (isHarmony(format)) return harmonyMessages(lark, rule.tools);
  if (layout !== null && layout.contentStart !== "") return contentOrCalls(format, lark, rule);
  const text = textWithCalls(callGrammar(toolParser, lark), lark, rule);
  return text && `${text} ${messageEnd(format, lark)}`;
}

/** @returns an expression for the markers after the last segment, which a model can leave out */
function messageEnd(format: ChatFormat, lark: Lark): string {
  const { contentEnd = "", messageEnd: end = "" } = layoutOf(format) ?? {};
  return end === "" ? "" : `(${lark.text(contentEnd)})? (${lark.text(end)})?`;
}

/** @returns an expression for content in its frame, calls, or both */
function contentOrCalls(format: ChatFormat, lark: Lark, init: CallsInit): string | null {
  const layout = layoutOf(format);
  const all = callsOf(format, lark, init);
  if (layout === null || all === null) return null;
  const { contentStart, contentEnd, next } = layout;
  const rule = lark.rule(all);
  const content = `${lark.text(contentStart)} ${lark.any()}`;
  if (contentEnd === "") return `(${content} | ${rule})`;
  const end = lark.text(contentEnd);
  return `(${content} (${end} (${lark.text(next)} ${rule})?)? | ${rule})`;
}

function callsOf(format: ChatFormat, lark: Lark, init: CallsInit): string | null {
  const { toolParser } = format;
  if (toolParser === null) return null;
  // In harmony, a call ends the output.
  const onlyFirstCall = init.onlyFirstCall || isHarmony(format);
  return calls(callGrammar(toolParser, lark), lark, { ...init, onlyFirstCall });
}

function reasoningOf(format: ChatFormat, lark: Lark, isOpen: boolean): string {
  const { reasoningParser } = format;
  if (reasoningParser === null) return "";
  const { start, end, frame }: ReasoningFormat = REASONING_FORMATS[reasoningParser];
  const layout = layoutOf(format);
  const rest = `${lark.until(end)} ${layout === null ? "/\\s{0,4}/" : lark.text(layout.next)}`;
  if (isOpen) return rest;
  const none = frame?.start === end ? ` | ${lark.text(end)}` : "";
  return `(${lark.text(start)} ${rest}${none})?`;
}

function embedded({ kind, text }: GrammarSpec, lark: Lark): string {
  if (kind === "json_schema") return lark.rule(`%json ${text}`);
  if (kind === "lark") return lark.nested(text);
  return lark.rule(`/${slashed(text)}/`);
}
