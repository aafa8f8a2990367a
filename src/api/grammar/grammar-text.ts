// Converts clients' grammars to Lark: GBNF and EBNF are translated; anything else is taken as Lark.

import { RequestError } from "../../errors.ts";
import { GrammarTextError, parseGbnf } from "./gbnf-parser.ts";
import { larkOf } from "./gbnf-to-lark.ts";

/** Maximum length of a grammar in characters, since each one takes time to translate and compile. */
const MAX_LENGTH = 256 * 1024;

/**
 * @param param body field, for errors
 * @returns the grammar in Lark
 * @throws RequestError "invalid_value"
 */
export function grammarText(text: string, param: string): string {
  return text.includes("::=") ? gbnfText(text, param) : checkedLength(text, param);
}

/**
 * Translates GBNF or EBNF.
 * @param start name of the first rule in Lark
 * @throws RequestError "invalid_value"
 */
export function gbnfText(text: string, param: string, start = "start"): string {
  checkedLength(text, param);
  try {
    const rules = parseGbnf(text);
    return larkOf(rules, rules.has("root") ? "root" : ([...rules.keys()][0] ?? "root"), start);
  } catch (error) {
    if (error instanceof GrammarTextError)
      return refuse(`invalid grammar: ${error.message}`, param);
    throw error;
  }
}

function checkedLength(text: string, param: string): string {
  if (text.length > MAX_LENGTH) {
    refuse(`a grammar can have at most ${MAX_LENGTH} characters, got ${text.length}.`, param);
  }
  return text;
}

function refuse(message: string, param: string): never {
  throw new RequestError("invalid_value", message, param);
}
