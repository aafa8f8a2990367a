// Converts the body fields that constrain the output's form to a grammar. Names and rules are those of vLLM
// (StructuredOutputsParams, response_format). vLLM's retired names and the names used by llama-server and SGLang are
// also accepted, so that no constraint is ignored.

import { RequestError } from "../errors.ts";
import { parseJson } from "../json.ts";
import type { GrammarSpec } from "../request/sampling-params.ts";
import { choiceText, grammarText, regexText } from "./grammar/grammar-text.ts";
import { type JsonOptions, schemaText } from "./grammar/schema-text.ts";
import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";
import type { SamplingBody } from "./schemas.ts";
import { structuralTagText } from "./structural-tag.ts";

/** A grammar without the name of its body field. */
type Grammar = Omit<GrammarSpec, "param">;

/**
 * @returns null for free text
 * @throws RequestError "invalid_value", naming the field
 */
export function grammarOf(body: SamplingBody): GrammarSpec | null {
  const found = CONSTRAINTS.flatMap((constraint) => {
    const value = body[constraint.field];
    const grammar = isBlank(value) ? null : constraint.read(value, constraint.field, body);
    return grammar === null ? [] : [{ ...grammar, param: constraint.field }];
  });
  const [first = null, second] = found;
  if (second !== undefined) {
    refuse(
      "You can only use one kind of constraints for structured outputs, got " +
        `${found.map(({ param }) => `\`${param}\``).join(" and ")}.`,
      second.param,
    );
  }
  return first;
}

/** @returns true if a field is not set; clients that send every field send null, "" or false */
const isBlank = (value: Json) => value === null || value === "" || value === false;

/** Body fields that can contain a constraint. */
type ConstraintField = keyof typeof READERS;

/** @returns the grammar for a field's value; null if the value constrains nothing */
type ConstraintReader = (value: Json, param: string, body: SamplingBody) => Grammar | null;

const READERS = {
  response_format: responseFormat,
  structured_outputs: structuredOutputs,
  guided_json: guidedJson,
  guided_regex: regexGrammar,
  guided_choice: choiceGrammar,
  guided_grammar: textGrammar,
  structural_tag: tagGrammar,
  json_schema: (value, param) => jsonGrammar(value, param),
  grammar: textGrammar,
  ebnf: textGrammar,
  regex: regexGrammar,
} satisfies Record<string, ConstraintReader>;

const CONSTRAINTS = (Object.keys(READERS) as ConstraintField[]).map((field) => ({
  field,
  read: READERS[field],
}));

function guidedJson(value: Json, param: string, body: SamplingBody): Grammar {
  const pattern = body.guided_whitespace_pattern ?? null;
  return jsonGrammar(value, param, jsonOptions({ whitespace_pattern: pattern }, param));
}

function responseFormat(value: Json, param: string): Grammar | null {
  const format = isObject(value) ? value : {};
  switch (format["type"]) {
    case "json_object":
      // In llama-server's form, the schema is next to the type.
      return jsonGrammar(format["schema"] ?? { type: "object" }, param);
    case "json_schema":
      return jsonGrammar(schemaOf(format, param), param);
    case "structural_tag":
      return tagGrammar(value, param);
    default:
      return null;
  }
}

function schemaOf(format: JsonObject, param: string): Json {
  const named = format["json_schema"] ?? format["schema"] ?? null;
  if (named === null) {
    refuse(
      "When response_format type is 'json_schema', the 'json_schema' field must be provided.",
      param,
    );
  }
  if (!isObject(named)) refuse("'json_schema' must be an object.", param);
  const schema =
    format["json_schema"] === undefined ? named : (named["schema"] ?? named["json_schema"] ?? null);
  if (schema === null) refuse("'json_schema' must have a 'schema'.", param);
  return schema;
}

/** Fields of vLLM's `structured_outputs`. Exactly one of them must be set. */
const KINDS: Readonly<
  Record<string, (value: Json, param: string, json: JsonOptions) => Grammar | null>
> = {
  json: jsonGrammar,
  regex: regexGrammar,
  choice: choiceGrammar,
  grammar: textGrammar,
  json_object: (value, param, json) =>
    value === true ? jsonGrammar({ type: "object" }, param, json) : null,
  structural_tag: tagGrammar,
};

function structuredOutputs(value: Json, param: string): Grammar | null {
  if (!isObject(value)) refuse("`structured_outputs` must be an object.", param);
  const json = jsonOptions(value, param);
  const grammars = Object.entries(KINDS).flatMap(([kind, read]) => {
    const given = value[kind] ?? null;
    const grammar = given === null || given === false ? null : read(given, param, json);
    return grammar === null ? [] : [grammar];
  });
  const [first, second] = grammars;
  if (second !== undefined) {
    refuse(
      "You can only use one kind of structured outputs constraint but multiple are specified: " +
        Object.keys(value).join(", "),
      param,
    );
  }
  return (
    first ??
    refuse("You must use one kind of structured outputs constraint but none are specified.", param)
  );
}

function jsonOptions(value: JsonObject, param: string): JsonOptions {
  const pattern = value["whitespace_pattern"] ?? null;
  if (pattern !== null && typeof pattern !== "string") {
    refuse("'whitespace_pattern' must be a string.", param);
  }
  return { whitespacePattern: pattern, isCompact: value["disable_any_whitespace"] === true };
}

/** A JSON schema, or its text. */
function jsonGrammar(value: Json, param: string, options?: JsonOptions): Grammar {
  return { kind: "json_schema", text: schemaText(value, param, options) };
}

function regexGrammar(value: Json, param: string): Grammar {
  if (typeof value !== "string" || value === "")
    refuse("a regex must be a nonempty string.", param);
  return { kind: "regex", text: regexText(value, param) };
}

function choiceGrammar(value: Json, param: string): Grammar {
  if (!Array.isArray(value) || value.length === 0)
    refuse("'choice' must be a nonempty list.", param);
  const texts = value.map((choice: Json) =>
    typeof choice === "string" ? choice : refuse("'choice' must be a list of strings.", param),
  );
  return { kind: "regex", text: choiceText(texts, param) };
}

function textGrammar(value: Json, param: string): Grammar {
  if (typeof value !== "string" || value.trim() === "") {
    refuse("a grammar must be a nonempty string.", param);
  }
  return { kind: "lark", text: grammarText(value, param) };
}

function tagGrammar(value: Json, param: string): Grammar {
  const tag = typeof value === "string" ? parsedTag(value, param) : value;
  return { kind: "lark", text: structuralTagText(tag, param) };
}

function parsedTag(text: string, param: string): Json {
  try {
    return parseJson(text) as Json;
  } catch {
    return refuse("the structural tag is not valid JSON.", param);
  }
}

function refuse(message: string, param: string): never {
  throw new RequestError("invalid_value", message, param);
}
