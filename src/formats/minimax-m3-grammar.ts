// Grammar of MiniMax M3's calls: nested tags for objects and lists, plain text for everything else.

import type { CallGrammar } from "./call-grammar.ts";
import type { Lark, Schema } from "./lark.ts";
import { M3_ITEM, M3_PREFIX } from "./minimax-m3-call.ts";
import { parametersOf } from "./parameters.ts";
import { plainValues } from "./plain-text.ts";
import { definitionsOf, resolved } from "./schema-types.ts";

/** Maximum nesting to enforce; deeper values are JSON. */
const MAX_DEPTH = 6;
/** Largest item count to enforce. */
const MAX_ITEMS = 200;

export const minimaxM3Grammar: CallGrammar = {
  ...{ open: `${M3_PREFIX}<tool_call>\n`, separator: "\n", close: `\n${M3_PREFIX}</tool_call>` },
  trigger: `${M3_PREFIX}<tool_call>`,
  call: ({ name, schema, isLenient }, lark) => [
    { text: `${M3_PREFIX}<invoke name="${name}">` },
    { lark: new M3Values(lark, isLenient).members(schema, 0) },
    { text: `${M3_PREFIX}</invoke>` },
  ],
};

class M3Values {
  readonly #lark: Lark;
  readonly #isLenient: boolean;

  constructor(lark: Lark, isLenient: boolean) {
    this.#lark = lark;
    this.#isLenient = isLenient;
  }

  /** @returns an expression for an object's properties */
  members(schema: Schema, depth: number): string {
    const elements = parametersOf(schema).map(({ name, schema: value, isRequired }) => {
      const element = this.#element(name, value, depth + 1);
      return isRequired ? element : `(${element})?`;
    });
    return elements.join(" ");
  }

  #element(tag: string, schema: Schema, depth: number): string {
    const value = this.#value(schema, `${M3_PREFIX}</${tag}>`, depth);
    return this.#lark.rule(`${this.#lark.text(`${M3_PREFIX}<${tag}>`)} (${value})`);
  }

  /** @returns an expression for a value with its end tag */
  #value(schema: Schema, end: string, depth: number): string {
    const own = resolved(schema);
    const { anyOf, oneOf, ...siblings } = own;
    const alternatives = anyOf ?? oneOf;
    if (Array.isArray(alternatives) && depth <= MAX_DEPTH) {
      return alternatives
        .map((one) => this.#value({ ...siblings, ...one }, end, depth + 1))
        .join(" | ");
    }
    const isShallow = depth <= MAX_DEPTH && own["enum"] === undefined && own["const"] === undefined;
    if (isShallow && own["type"] === "object" && own["properties"] !== undefined) {
      return `${this.members(own, depth)} ${this.#lark.text(end)}`;
    }
    if (isShallow && own["type"] === "array" && own["items"] !== undefined) {
      return `${this.#items(own, depth)} ${this.#lark.text(end)}`;
    }
    const init = { lark: this.#lark, end, isLenient: this.#isLenient };
    const { strings, others, isFree } = plainValues(own, init);
    return (isFree ? strings : [...strings, ...others]).join(" | ");
  }

  #items(schema: Schema, depth: number): string {
    const { items, minItems = 0, maxItems = null } = schema;
    const item = this.#element(
      M3_ITEM,
      { ...(items as Schema), ...definitionsOf(schema) },
      depth + 1,
    );
    const least = Math.min(Number(minItems), MAX_ITEMS);
    const most = maxItems === null || Number(maxItems) > MAX_ITEMS ? "" : Number(maxItems);
    return `${item}{${least},${most}}`;
  }
}
