// Translates GBNF to Lark for llguidance, which reads text as lexemes: regular expressions that take the longest
// match. A grammar without recursion becomes one expression. In other grammars, each character is a separate lexeme. A
// mask then takes a millisecond instead of 20 us, but the grammar is still enforced exactly.

import { type Expression, GrammarTextError } from "./gbnf-parser.ts";

/** Maximum length of a rule that becomes a single expression; longer rules stay rules. */
const MAX_REGEX_LENGTH = 20_000;

/** Maximum nesting of rules in one expression; bounded because the translation recurses. */
const MAX_DEPTH = 100;

/**
 * @param root name of the first rule
 * @param start the root's name in Lark; names of other rules begin with it
 * @throws GrammarTextError if a rule is missing or the root matches no finite text
 */
export function larkOf(
  rules: ReadonlyMap<string, Expression>,
  root: string,
  start = "start",
): string {
  if (!rules.has(root)) throw new GrammarTextError(`rule ${root} is missing`);
  if (!endingRules(rules).has(root)) throw new GrammarTextError(`rule ${root} never ends`);
  return new Translation(rules).lark(root, start);
}

/**
 * Number of passes over the rules to find those that end. Later passes find more only if rules are in an unusual order.
 */
const MAX_PASSES = 50;

/** @returns the rules that match a finite text; all rules if it takes too long to find out */
function endingRules(rules: ReadonlyMap<string, Expression>): Set<string> {
  const fromInside = [...rules].reverse();
  const ending = new Set<string>();
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const size = ending.size;
    for (const [name, body] of fromInside) if (ends(body, rules, ending)) ending.add(name);
    if (ending.size === size) return ending;
  }
  return new Set(rules.keys());
}

/** Missing rules count as ending, since they cause a separate error. */
function ends(
  expression: Expression,
  rules: ReadonlyMap<string, Expression>,
  ending: ReadonlySet<string>,
): boolean {
  switch (expression.kind) {
    case "rule":
      return ending.has(expression.name) || !rules.has(expression.name);
    case "sequence":
      return expression.items.every((item) => ends(item, rules, ending));
    case "choice":
      return expression.items.some((item) => ends(item, rules, ending));
    case "repeat":
      return expression.min === 0 || ends(expression.item, rules, ending);
    default:
      return true;
  }
}

class Translation {
  readonly #rules: ReadonlyMap<string, Expression>;
  /** Regular expression for each rule; null if the rule cannot become one. */
  readonly #regexes = new Map<string, string | null>();
  /** Names of the rules whose expressions are being built. */
  readonly #open = new Set<string>();
  readonly #names = new Map<string, string>();
  #start = "";

  constructor(rules: ReadonlyMap<string, Expression>) {
    this.#rules = rules;
  }

  lark(root: string, start: string): string {
    this.#start = start;
    const regex = this.#ruleRegex(root);
    if (regex !== null) return `${start}: ${regex === "" ? '""' : `/${regex}/`}`;
    this.#names.set(root, start);
    const lines: string[] = [];
    // #body() adds the rules that it uses to the names while this loop runs.
    for (const [name, larkName] of this.#names) {
      lines.push(`${larkName}: ${this.#body(this.#rule(name))}`);
    }
    return lines.join("\n");
  }

  /** One lexeme per character, since a longer lexeme could consume characters that belong to the next one. */
  #body(expression: Expression): string {
    switch (expression.kind) {
      case "text":
        return [...expression.text].map((character) => `/${escaped(character)}/`).join(" ") || '""';
      case "any":
      case "class":
        return `/${this.#anyRegex(expression)}/`;
      case "token":
        return expression.text;
      case "rule":
        return this.#nameOf(expression.name);
      case "choice":
        return `(${expression.items.map((item) => this.#body(item)).join(" | ")})`;
      case "sequence":
        return expression.items.map((item) => this.#body(item)).join(" ") || '""';
      case "repeat":
        return `(${this.#body(expression.item)}){${expression.min},${expression.max ?? ""}}`;
    }
  }

  /** @returns null if the expression is recursive, contains special tokens, or is too long */
  #regex(expression: Expression): string | null {
    const regex = this.#anyRegex(expression);
    return regex === null || regex.length > MAX_REGEX_LENGTH ? null : regex;
  }

  #anyRegex(expression: Expression): string | null {
    switch (expression.kind) {
      case "text":
        return [...expression.text].map((character) => escaped(character)).join("");
      case "any":
        return "(?s:.)";
      case "class":
        return classRegex(expression.isNegated, expression.ranges);
      case "token":
        return null;
      case "rule":
        return this.#ruleRegex(expression.name);
      case "choice":
        return this.#joined(expression.items, "|", "(?:", ")");
      case "sequence":
        return this.#joined(expression.items, "", "", "");
      case "repeat":
        return this.#repeatRegex(expression.item, expression.min, expression.max);
    }
  }

  #joined(items: readonly Expression[], sign: string, open: string, close: string): string | null {
    const parts: string[] = [];
    for (const item of items) {
      const regex = this.#regex(item);
      if (regex === null) return null;
      parts.push(regex);
    }
    return open + parts.join(sign) + close;
  }

  #repeatRegex(item: Expression, min: number, max: number | null): string | null {
    const regex = this.#regex(item);
    return regex === null ? null : `(?:${regex}){${min},${max ?? ""}}`;
  }

  #ruleRegex(name: string): string | null {
    const known = this.#regexes.get(name);
    if (known !== undefined) return known;
    if (this.#open.has(name) || this.#open.size > MAX_DEPTH) return null;
    this.#open.add(name);
    const regex = this.#regex(this.#rule(name));
    this.#open.delete(name);
    this.#regexes.set(name, regex);
    return regex;
  }

  #rule(name: string): Expression {
    const body = this.#rules.get(name);
    if (body === undefined) throw new GrammarTextError(`rule ${name} is missing`);
    return body;
  }

  #nameOf(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const larkName = `${this.#start}_${this.#names.size}`;
    this.#names.set(name, larkName);
    return larkName;
  }
}

function classRegex(isNegated: boolean, ranges: readonly (readonly [number, number])[]): string {
  const parts = ranges.map(([first, last]) =>
    first === last ? codeEscape(first) : `${codeEscape(first)}-${codeEscape(last)}`,
  );
  return `[${isNegated ? "^" : ""}${parts.join("")}]`;
}

/** Escapes any character except letters and digits. */
function escaped(character: string): string {
  return /^[A-Za-z0-9]$/.test(character) ? character : codeEscape(character.codePointAt(0) ?? 0);
}

const codeEscape = (point: number): string => `\\u{${point.toString(16)}}`;
