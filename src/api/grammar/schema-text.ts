// The text of a JSON schema for llguidance, with its options for whitespace. A schema that cannot be enforced as a whole
// is refused, with the first keyword that cannot.

import { RequestError } from "../../errors.ts";
import { parseJson, writeJson } from "../../json.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";
import { type DroppedKeyword, enforceable, loosened } from "./json-schema.ts";

export interface JsonOptions {
  /** Regular expression for the whitespace between JSON tokens; null = WHITESPACE. */
  readonly whitespacePattern: string | null;
  /** True = no whitespace. */
  readonly isCompact: boolean;
}

/**
 * Whitespace between JSON tokens: up to two line breaks with indentation. Without a limit, small models can repeat
 * whitespace endlessly.
 */
const WHITESPACE = "[ \\t]*(\\r?\\n[ \\t]*){0,2}";

const DEFAULT_JSON: JsonOptions = { whitespacePattern: null, isCompact: false };

/**
 * @param value a schema, or its text
 * @param param body field, for errors
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
 * The text of a schema for a caller that would rather have a looser grammar than none.
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

/** llguidance's options in a schema. */
function guidance({ whitespacePattern, isCompact }: JsonOptions): JsonObject {
  if (isCompact) return { whitespace_flexible: false };
  return { whitespace_pattern: whitespacePattern ?? WHITESPACE };
}

function refuse(message: string, param: string): never {
  throw new RequestError("invalid_value", message, param);
}
