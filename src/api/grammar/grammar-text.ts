// Converts clients' grammars to llguidance's. GBNF and EBNF are translated to Lark, and anything else is assumed to be
// Lark. Lists of choices and regular expressions become regular expressions in Rust's syntax.

import { RequestError } from "../../errors.ts";
import { GrammarTextError, parseGbnf } from "./gbnf-parser.ts";
import { larkOf } from "./gbnf-to-lark.ts";
import { enforceablePattern } from "./pattern.ts";

/**
 * Maximum lengths in characters; bounded because compile time can grow with the square of a text's length.
 */
const MAX_LARK_LENGTH = 32 * 1024;
const MAX_GBNF_LENGTH = 64 * 1024;
const MAX_REGEX_LENGTH = 8 * 1024;
const MAX_CHOICES_LENGTH = 256 * 1024;

/**
 * @param param body field to name in errors @returns the grammar in Lark
 * @throws RequestError "invalid_value"
 */
export function grammarText(text: string, param: string): string {
  if (text.includes("::=")) return gbnfText(text, param);
  return checkedLength(text, "a grammar", MAX_LARK_LENGTH, param);
}

/**
 * Translates GBNF or EBNF.
 * @param start name of the first rule in Lark
 * @throws RequestError "invalid_value"
 */
export function gbnfText(text: string, param: string, start = "start"): string {
  checkedLength(text, "a grammar", MAX_GBNF_LENGTH, param);
  try {
    const rules = parseGbnf(text);
    return larkOf(rules, rules.has("root") ? "root" : ([...rules.keys()][0] ?? "root"), start);
  } catch (error) {
    if (error instanceof GrammarTextError)
      return refuse(`invalid grammar: ${error.message}`, param);
    throw error;
  }
}

/**
 * @param text a regular expression that the whole output must match
 * @throws RequestError "invalid_value"
 */
export function regexText(text: string, param: string): string {
  checkedLength(text, "a regex", MAX_REGEX_LENGTH, param);
  const regex = enforceablePattern(text);
  if (regex !== null) return regex;
  return refuse(
    `\`${param}\` cannot be enforced: a regex cannot have look-around, back-references, word boundaries, or escapes ` +
      "that Rust's syntax does not have.",
    param,
  );
}

/** @returns a regular expression that matches any of the texts @throws RequestError "invalid_value" */
export function choiceText(texts: readonly string[], param: string): string {
  const regex = texts.map(literalRegex).join("|");
  return checkedLength(regex, "a list of choices", MAX_CHOICES_LENGTH, param);
}

/** @returns a regular expression that matches only this text */
export function literalRegex(text: string): string {
  return text.replaceAll(
    /[^A-Za-z0-9 _]/gu,
    (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

function checkedLength(text: string, what: string, max: number, param: string): string {
  if (text.length > max) {
    refuse(`${what} can have at most ${max} characters, got ${text.length}.`, param);
  }
  return text;
}

function refuse(message: string, param: string): never {
  throw new RequestError("invalid_value", message, param);
}
