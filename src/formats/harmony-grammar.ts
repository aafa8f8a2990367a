// Grammar for any sequence of harmony messages, in which the text of a message is determined by the
// tool that receives it.
//
// Special tokens delimit all parts, so each part of a header is complete before the next one
// begins.

import type { GrammarTool } from "./call-grammar.ts";
import { ANY, type Lark, literalRegex } from "./lark.ts";

const RECIPIENT = literalRegex("to=functions.");
const HEADER_TOKENS = ["<|channel|>", "<|constrain|>"];
const END_TOKENS = ["<|end|>", "<|start|>"];

/**
 * @returns an expression for messages; a message to a tool contains the tool's arguments; null if
 * the model's vocabulary lacks one of the format's special tokens
 */
export function harmonyMessages(lark: Lark, tools: readonly GrammarTool[]): string | null {
  const tokens = [...HEADER_TOKENS, ...END_TOKENS, "<|message|>"];
  if (!tokens.every((token) => lark.hasToken(token))) return null;
  const between = oneOf(HEADER_TOKENS, lark);
  const other = lark.terminal(`${lark.any()} & ~/${ANY}${RECIPIENT}${ANY}/`);
  const header = lark.rule(`${other}? (${between} ${other}?)*`);
  const body = lark.text("<|message|>");
  const calls = tools.map(({ name, schema, isLenient }) => {
    const recipient = lark.terminal(`/${ANY}${RECIPIENT}${literalRegex(name)}(\\s${ANY})?/`);
    const addressed = `(${other}? ${between})* ${recipient} (${between} ${other}?)*`;
    return lark.rule(`${addressed} ${body} ${lark.json(schema, isLenient)}`);
  });
  const message = lark.rule([`${header} (${body} ${lark.any()})?`, ...calls].join(" | "));
  return `${message} (${oneOf(END_TOKENS, lark)} ${message})*`;
}

function oneOf(tokens: readonly string[], lark: Lark): string {
  return `(${tokens.map((token) => lark.text(token)).join(" | ")})`;
}
