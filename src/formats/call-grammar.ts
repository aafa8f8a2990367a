// Grammars for tool calls in the model's format. A grammar allows only text that the format's parser can read.

import type { Lark, Schema } from "./lark.ts";

/** The parts of a tool's definition that its grammar needs. */
export interface GrammarTool {
  readonly name: string;
  /** JSON schema of the arguments, which are an object. */
  readonly schema: Schema;
  /** Whether to ignore schema keywords that cannot be enforced. */
  readonly isLenient: boolean;
  /** The only parameter, and a Lark grammar for its text inside a JSON string; absent = only the schema applies. */
  readonly input?: { readonly parameter: string; readonly lark: string };
}

/** A part of a call: fixed text such as markers, or a Lark expression. */
export type CallPart = { readonly text: string } | { readonly lark: string };

/** Grammar for a list of calls: `open`, then calls with separators, then `close`. */
export interface CallGrammar {
  readonly open: string;
  readonly separator: string;
  readonly close: string;
  readonly call: (tool: GrammarTool, lark: Lark) => readonly CallPart[];
  /**
   * Marker at which free text turns into a call: the start of `open` or of each call; null = there is no reliable one.
   */
  readonly trigger: string | null;
}

export interface CallsInit {
  readonly tools: readonly GrammarTool[];
  /** Whether to allow only one call. */
  readonly onlyFirstCall: boolean;
}

/** @returns an expression for one or more calls */
export function calls(grammar: CallGrammar, lark: Lark, init: CallsInit): string {
  return [optional(lark, grammar.open), list(grammar, lark, init)].join(" ");
}

/** @returns an expression for free text that contains calls; null if calls cannot be distinguished from text */
export function textWithCalls(grammar: CallGrammar, lark: Lark, init: CallsInit): string | null {
  const { open, trigger } = grammar;
  if (trigger === null) return null;
  const start = lark.until(trigger);
  const rest =
    open === ""
      ? oneOf(init.tools.map((tool) => parts(lark, grammar.call(tool, lark), trigger)))
      : [optional(lark, open.slice(trigger.length)), list(grammar, lark, init)].join(" ");
  const section = lark.rule(`${start} ${rest}`);
  return `${section}* ${lark.without(trigger)}`;
}

function list(grammar: CallGrammar, lark: Lark, { tools, onlyFirstCall }: CallsInit): string {
  const call = lark.rule(oneOf(tools.map((tool) => parts(lark, grammar.call(tool, lark)))));
  const separator = optional(lark, grammar.separator);
  const all = onlyFirstCall ? call : `${call} (${separator} ${call})*`;
  return `${all} ${optional(lark, grammar.close)}`;
}

function parts(lark: Lark, list: readonly CallPart[], withoutStart = ""): string {
  const expressions = list.map((part, i) => {
    if ("lark" in part) return part.lark;
    return optional(lark, i === 0 ? part.text.slice(withoutStart.length) : part.text);
  });
  return expressions.join(" ");
}

function optional(lark: Lark, text: string): string {
  return text === "" ? "" : lark.text(text);
}

function oneOf(expressions: readonly string[]): string {
  return `(${expressions.join(" | ")})`;
}
