// Grammar of Gemma's calls: unquoted keys, strings between markers, everything else as in JSON.

import { writeJson } from "../json.ts";
import type { CallGrammar } from "./call-grammar.ts";
import type { Lark, Schema } from "./lark.ts";
import { lengthOf, parametersOf, separated } from "./parameters.ts";
import { typesOf } from "./schema-types.ts";
import { searchRegex } from "./search-regex.ts";

/** Maximum nesting to enforce; deeper values are unconstrained. */
const MAX_DEPTH = 16;

/** Largest item count to enforce. */
const MAX_ITEMS = 200;

/** @param quote marker on both sides of a string */
export function gemmaGrammar(start: string, quote: string, end: string): CallGrammar {
  return {
    ...{ open: "", separator: "", close: "", trigger: start },
    call: (tool, lark) => {
      const values = new GemmaValues(lark, quote);
      const object = { lark: values.object(tool.schema, 0) };
      return [{ text: `${start}call:${tool.name}` }, object, { text: end }];
    },
  };
}

class GemmaValues {
  readonly #lark: Lark;
  readonly #quote: string;
  #any: string | null = null;

  constructor(lark: Lark, quote: string) {
    this.#lark = lark;
    this.#quote = quote;
  }

  /** @returns an expression for an object whose properties are those of the schema */
  object(schema: Schema, depth: number): string {
    const parameters = parametersOf(schema);
    const members = parameters.map(({ name, schema: value }) => {
      const key = this.#lark.text(`${name}:`);
      return `${key} ${this.#lark.rule(this.#value(value, depth + 1))}`;
    });
    return `"{" ${separated(parameters, members, this.#lark, ",")} "}"`;
  }

  #value(schema: Schema, depth: number): string {
    const choices = schema["const"] === undefined ? schema["enum"] : [schema["const"]];
    if (depth > MAX_DEPTH || schema["$ref"] !== undefined) return this.#anything();
    if (Array.isArray(choices)) return choices.map((choice) => this.#literal(choice)).join(" | ");
    const alternatives = schema["anyOf"] ?? schema["oneOf"];
    if (Array.isArray(alternatives)) {
      return alternatives.map((one: Schema) => `(${this.#value(one, depth + 1)})`).join(" | ");
    }
    const types = [...typesOf(schema)];
    if (types.length === 0) return this.#anything();
    return types.map((type) => this.#ofType(type, schema, depth)).join(" | ");
  }

  #ofType(type: string, schema: Schema, depth: number): string {
    if (type === "string") return this.#string(lengthOf(schema), schema["pattern"]);
    if (type === "array") return this.#array(schema, depth);
    if (type === "object") {
      return schema["properties"] === undefined ? this.#anything() : this.object(schema, depth);
    }
    return this.#lark.json({ ...schema, type }, true);
  }

  #string(repetition: string, pattern: unknown = null): string {
    const regex = typeof pattern === "string" ? searchRegex(pattern) : null;
    const text =
      regex === null
        ? this.#lark.until(this.#quote, repetition)
        : this.#lark.matching(regex, this.#quote, repetition);
    return `${this.#lark.text(this.#quote)} ${text}`;
  }

  #array({ items, minItems = 0, maxItems = null }: Schema, depth: number): string {
    const item = this.#lark.rule(this.#value((items ?? {}) as Schema, depth + 1));
    const least = Math.min(Number(minItems), MAX_ITEMS);
    const most = maxItems === null || Number(maxItems) > MAX_ITEMS ? null : Number(maxItems);
    if (most === 0) return '"[" "]"';
    const rest = `("," ${item}){${Math.max(0, least - 1)},${most === null ? "" : most - 1}}`;
    return `"[" (${item} ${rest})${least === 0 ? "?" : ""} "]"`;
  }

  #literal(value: unknown): string {
    if (typeof value !== "string") return this.#lark.text(writeJson(value));
    return this.#lark.text(this.#quote + value + this.#quote);
  }

  /** @returns the name of a rule for any value */
  #anything(): string {
    if (this.#any !== null) return this.#any;
    const number = "/-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?/";
    const scalar = `${this.#string("*")} | ${number} | "true" | "false" | "null"`;
    this.#any = this.#lark.recursiveRule((name) => {
      const member = `/[A-Za-z0-9_.-]+/ ":" ${name}`;
      const list = `"[" (${name} ("," ${name})*)? "]"`;
      return `${scalar} | ${list} | "{" (${member} ("," ${member})*)? "}"`;
    });
    return this.#any;
  }
}
