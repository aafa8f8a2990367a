// Builds a grammar's text in llguidance's variant of Lark, rule by rule.

import { writeJson } from "../json.ts";

/** Regular expression for any text without special tokens. */
export const ANY = "(?s:.)*";

/**
 * Whitespace allowed in JSON: a line break and indentation. Without a limit, small models can emit whitespace
 * endlessly.
 */
const JSON_SPACE = "\\n? {0,16}";

export type Schema = Readonly<Record<string, unknown>>;

export class Lark {
  readonly #specialTokens: ReadonlyMap<string, number>;
  readonly #rules: string[] = [];

  /** @param specialTokens IDs of the model's special tokens by text; other markers are plain text */
  constructor(specialTokens: ReadonlyMap<string, number>) {
    this.#specialTokens = specialTokens;
  }

  hasToken(text: string): boolean {
    return this.#specialTokens.has(text);
  }

  /** @returns an expression for exactly this text */
  text(text: string): string {
    return this.#pieces(text)
      .map((piece) => (typeof piece === "number" ? `<[${piece}]>` : JSON.stringify(piece)))
      .join(" ");
  }

  /**
   * @param repetition number of characters allowed in the text, as a regular-expression quantifier
   * @returns an expression for any text up to and including the first `marker`
   */
  until(marker: string, repetition = "*"): string {
    const any = `(?s:.)${repetition}`;
    const [first = "", ...rest] = this.#pieces(marker);
    if (typeof first === "number") return `/${any}/ ${this.text(marker)}`;
    const start = this.rule(`/${any}${literalRegex(first)}/`, "lazy");
    return [start, ...rest.map((piece) => this.text(String(piece)))].join(" ");
  }

  /**
   * @param regex regular expression for the whole text
   * @param repetition number of characters allowed in the text, as a regular-expression quantifier
   * @returns an expression for text up to and including the first `marker`
   */
  matching(regex: string, marker: string, repetition = "*"): string {
    const [first = "", ...rest] = this.#pieces(marker);
    const end = typeof first === "number" ? "" : literalRegex(first);
    const length = repetition === "*" ? "" : ` & /(?s:.)${repetition}${end}/`;
    const once = end === "" ? "" : ` & ~/${ANY}${end}(?s:.)+/`;
    const body = `/(?:${slashed(regex)})${end}/${length}${once}`;
    const text = this.terminal(body);
    if (typeof first === "number") return `${text} ${this.text(marker)}`;
    return [text, ...rest.map((piece) => this.text(String(piece)))].join(" ");
  }

  /** @returns an expression for any text without special tokens */
  any(): string {
    return `/${ANY}/`;
  }

  /**
   * @param marker null = any
   * @param start regular expression; absent = any
   * @returns an expression for any text that neither contains `marker` nor begins with a match for `start`
   */
  without(marker: string | null, start?: string): string {
    const [first = 0] = marker === null ? [] : this.#pieces(marker);
    const excluded = [
      ...(typeof first === "number" ? [] : [`${ANY}${literalRegex(first)}`]),
      ...(start === undefined ? [] : [start]),
    ];
    if (excluded.length === 0) return this.any();
    return this.terminal([this.any(), ...excluded.map((one) => `~/${one}${ANY}/`)].join(" & "));
  }

  /** @param isLenient whether keywords that cannot be enforced are ignored */
  json(schema: Schema, isLenient: boolean): string {
    const options = { whitespace_pattern: JSON_SPACE, ...(isLenient && { lenient: true }) };
    return `%json ${writeJson({ ...schema, "x-guidance": options })}`;
  }

  /** @param text a complete grammar, with its own rules @returns the name of a new rule */
  nested(text: string): string {
    return this.rule(`%lark {\n${text}\n}`);
  }

  /** @returns the name of a new rule */
  rule(body: string, attribute = ""): string {
    return this.#define("rule", attribute, body);
  }

  /** @param body regular expressions, combined by `&` and `~` @returns the name of a new terminal */
  terminal(body: string): string {
    return this.#define("TEXT", "", body);
  }

  /** @param body builds the rule's body from its name @returns the name */
  recursiveRule(body: (name: string) => string): string {
    const at = this.#rules.length;
    const name = `rule_${at}`;
    this.#rules.push("");
    this.#rules[at] = `${name}: ${body(name)}`;
    return name;
  }

  grammar(start: string): string {
    return [`start: ${start}`, ...this.#rules].join("\n");
  }

  #define(prefix: string, attribute: string, body: string): string {
    const name = `${prefix}_${this.#rules.length}`;
    this.#rules.push(`${name}${attribute === "" ? "" : `[${attribute}]`}: ${body}`);
    return name;
  }

  /** Splits text into special tokens, as IDs, and the text between them. */
  #pieces(text: string): (string | number)[] {
    const pieces: (string | number)[] = [];
    let plain = "";
    for (let at = 0; at < text.length; ) {
      const token = [...this.#specialTokens].find(([marker]) => text.startsWith(marker, at));
      if (token === undefined) plain += text[at++];
      else {
        if (plain !== "") pieces.push(plain);
        plain = "";
        pieces.push(token[1]);
        at += token[0].length;
      }
    }
    return plain === "" ? pieces : [...pieces, plain];
  }
}

/** Escapes slashes, which end a regular expression in Lark. */
export function slashed(regex: string): string {
  return regex.replaceAll(/(?<!\\)((?:\\\\)*)\//g, "$1\\/");
}

/** @returns a regular expression that matches only this text */
export function literalRegex(text: string): string {
  return text.replaceAll(
    /[^A-Za-z0-9]/gu,
    (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
