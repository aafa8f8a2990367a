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
  /** Marker at which free text turns into calls. Can be the start of `open` or of each call; null = there is none. */
  readonly trigger: string | null;
  /** How calls that no text precedes can begin without a marker; absent = they cannot. */
  readonly bare?: BareCalls;
}

/** Grammar for calls without a marker. Until the text names a tool, it can also turn out to be an ordinary answer. */
export interface BareCalls {
  /** Regular expression for the text before the tool's name, except whitespace at the beginning. */
  readonly start: string;
  /** Regular expression for the name and the text that makes it a call. */
  readonly name: (tool: GrammarTool) => string;
  /** The rest of the first call. */
  readonly rest: (tool: GrammarTool, lark: Lark) => readonly CallPart[];
  /** The end of a list of calls; null = `start` begins a single call. */
  readonly close: string | null;
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
  const { trigger, bare } = grammar;
  if (trigger === null && bare === undefined) return null;
  const sections = [
    ...(trigger === null ? [] : [markedCalls(grammar, trigger, lark, init)]),
    ...(bare === undefined ? [] : [bareCalls(grammar, bare, lark, init)]),
  ];
  const section = lark.rule(sections.join(" | "));
  return `${section}* ${lark.without(trigger, bare && bareStart(bare, init.tools))}`;
}

/** @returns an expression for any text up to a marker, and the calls after it */
function markedCalls(grammar: CallGrammar, trigger: string, lark: Lark, init: CallsInit): string {
  const { open } = grammar;
  const start = lark.until(trigger);
  const rest =
    open === ""
      ? oneOf(init.tools.map((tool) => parts(lark, grammar.call(tool, lark), trigger)))
      : [optional(lark, withoutStart(open, trigger)), list(grammar, lark, init)].join(" ");
  return `${start} ${rest}`;
}

function bareCalls(grammar: CallGrammar, bare: BareCalls, lark: Lark, init: CallsInit): string {
  const first = init.tools.map((tool) => {
    const start = lark.rule(`/${bareStart(bare, [tool])}/`, "lazy");
    return `${start} ${parts(lark, bare.rest(tool, lark))}`;
  });
  const { close } = bare;
  if (close === null) return oneOf(first);
  if (init.onlyFirstCall) return `${oneOf(first)} ${lark.text(close)}`;
  const call = lark.rule(oneOf(init.tools.map((tool) => parts(lark, grammar.call(tool, lark)))));
  return `${oneOf(first)} (${lark.text(grammar.separator)} ${call})* ${lark.text(close)}`;
}

/** @returns a regular expression for the start of a call to one of the tools */
function bareStart({ start, name }: BareCalls, tools: readonly GrammarTool[]): string {
  return `${SPACES}${start}(${tools.map(name).join("|")})`;
}

/** Regular expression for the whitespace that parsers skip. */
export const SPACES = "[ \\t\\r\\n]*";

function list(grammar: CallGrammar, lark: Lark, { tools, onlyFirstCall }: CallsInit): string {
  const call = lark.rule(oneOf(tools.map((tool) => parts(lark, grammar.call(tool, lark)))));
  const { separator, close } = grammar;
  if (onlyFirstCall) return `${call} ${optional(lark, close)}`;
  // The lexer would read the beginning of the end marker as a separator and not backtrack.
  if (separator !== "" && close.startsWith(separator)) {
    return `(${call} ${lark.text(separator)})+ ${optional(lark, close.slice(separator.length))}`;
  }
  return `${call} (${optional(lark, separator)} ${call})* ${optional(lark, close)}`;
}

/** @param start marker that has already been generated, and that the first part can begin with */
function parts(lark: Lark, list: readonly CallPart[], start = ""): string {
  const expressions = list.map((part, i) => {
    if ("lark" in part) return part.lark;
    return optional(lark, i === 0 ? withoutStart(part.text, start) : part.text);
  });
  return expressions.join(" ");
}

function withoutStart(text: string, start: string): string {
  return text.startsWith(start) ? text.slice(start.length) : text;
}

function optional(lark: Lark, text: string): string {
  return text === "" ? "" : lark.text(text);
}

function oneOf(expressions: readonly string[]): string {
  return `(${expressions.join(" | ")})`;
}
