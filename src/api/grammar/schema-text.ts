// Creates the text of a JSON schema for llguidance, including its whitespace options. A schema that cannot be enforced
// as a whole is refused with an error that names the first unenforceable keyword.

import { RequestError } from "../../errors.ts";
import { parseJson, writeJson } from "../../json.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";
import { type DroppedKeyword, enforceable, loosened } from "./json-schema.ts";

export interface JsonOptions {
  /** Regular expression for the whitespace between JSON tokens; null = use WHITESPACE. */
  readonly whitespacePattern: string | null;
  /** True = allow no whitespace. */
  readonly isCompact: boolean;
}

/**
 * Whitespace between JSON tokens: up to two line breaks with indentation. Without a limit, small models can emit
 * whitespace endlessly.
 */
const WHITESPACE = "[ \\t]*(\\r?\\n[ \\t]*){0,2}";

const DEFAULT_JSON: JsonOptions = { whitespacePattern: null, isCompact: false };

/**
 * @param value a schema, or its text
 * @param param body field to name in errors
 * @returns JSON
 * @throws RequestError "invalid_value"
 */
export function schemaText(value: Json | undefined, param: string, options = DEFAULT_JSON): string {
  const schema = typeof value === "string" ? parsedSchema(value, param) : value;
  if (schema === true) return writtenSchema({}, options);
  if (schema === false) refuse("the JSON schema allows no output.", param);
  if (!isObject(schema)) refuse("a JSON schema must be an object.", param);
  const { schema: reduced, dropped } = enforceable(schema);
  const [first] = dropped;
  if (first === undefined) return writtenSchema(reduced, options);
  const { keyword, path } = first;
  return refuse(`\`${param}\` cannot be enforced: ${JSON.stringify(keyword)} at ${path}`, param);
}

/**
 * Returns a schema's text for a caller that prefers a looser grammar to none at all.
 * @returns JSON, and the keywords that the grammar does not enforce
 */
export function loosenedText(schema: JsonObject): {
  text: string;
  dropped: readonly DroppedKeyword[];
} {
  const { schema: reduced, dropped } = loosened(schema);
  return { text: writtenSchema(reduced, DEFAULT_JSON), dropped };
}

function writtenSchema(schema: JsonObject, options: JsonOptions): string {
  return writeJson({ ...schema, "x-guidance": guidance(options) });
}

function parsedSchema(text: string, param: string): Json {
  try {
    return parseJson(text) as Json;
  } catch {
    return refuse("the JSON schema is not valid JSON.", param);
  }
}

/** Returns llguidance's options, as they appear in a schema. */
function guidance({ whitespacePattern, isCompact }: JsonOptions): JsonObject {
  if (isCompact) return { whitespace_flexible: false };
  return { whitespace_pattern: whitespacePattern ?? WHITESPACE };
}

function refuse(message: string, param: string): never {
  throw new RequestError("invalid_value", message, param);
}
