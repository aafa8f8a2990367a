// Parses GBNF (llama.cpp) and the EBNF that vLLM's backends accept, such as `name ::= "text" [a-z]+ (other | .)`.
// A rule ends where the next `name ::=` begins; `#` starts a comment.

/** A part of a rule's body. The ranges of a class are [first, last] code points. */
export type Expression =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "class";
      readonly isNegated: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    }
  | { readonly kind: "any" }
  /** A special token by name, such as `<think>`, or by ID, such as `<[1000]>`. */
  | { readonly kind: "token"; readonly text: string }
  | { readonly kind: "rule"; readonly name: string }
  | { readonly kind: "sequence" | "choice"; readonly items: readonly Expression[] }
  /** A max of null = no limit. */
  | {
      readonly kind: "repeat";
      readonly item: Expression;
      readonly min: number;
      readonly max: number | null;
    };

/** A mistake in a grammar; the message includes the line. */
export class GrammarTextError extends Error {}

/** Maximum nesting of parentheses; bounded because the parser recurses. */
const MAX_DEPTH = 100;
const MAX_REPEAT = 100_000;

/** @returns rule bodies by name, in order @throws GrammarTextError */
export function parseGbnf(text: string): Map<string, Expression> {
  return new Parser(text).rules();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  rules(): Map<string, Expression> {
    const rules = new Map<string, Expression>();
    this.#skipSpace();
    while (this.#at < this.#text.length) {
      const name = this.#ruleStart() ?? this.#fail("expected `name ::=`");
      if (rules.has(name)) this.#fail(`rule ${name} is defined twice`);
      rules.set(name, this.#choice());
    }
    return rules;
  }

  /** Reads `name ::=`. @returns the name; null, with nothing read, if there is none */
  #ruleStart(): string | null {
    const found = this.#match(/([A-Za-z_][\w-]*)[ \t]*::=/y);
    if (found === null) return null;
    this.#skipSpace();
    return found[1] ?? "";
  }

  #choice(): Expression {
    const items = [this.#sequence()];
    while (this.#take("|")) items.push(this.#sequence());
    return items.length === 1 && items[0] !== undefined ? items[0] : { kind: "choice", items };
  }

  #sequence(): Expression {
    const items: Expression[] = [];
    for (let item = this.#item(); item !== null; item = this.#item())
      items.push(this.#repeated(item));
    return items.length === 1 && items[0] !== undefined ? items[0] : { kind: "sequence", items };
  }

  /** @returns null at the end of a sequence */
  #item(): Expression | null {
    const next = this.#text[this.#at];
    if (next === undefined || next === "|" || next === ")") return null;
    if (next === '"') return this.#literal();
    if (next === "[") return this.#class();
    if (next === "(") return this.#group();
    if (next === ".") return this.#take(".") ? { kind: "any" } : null;
    if (next === "<") return this.#token();
    return this.#reference();
  }

  #reference(): Expression | null {
    const start = this.#at;
    const isNextRule = this.#ruleStart() !== null;
    this.#at = start;
    if (isNextRule) return null;
    const found = this.#match(/[A-Za-z_][\w-]*/y) ?? this.#fail("unexpected character");
    this.#skipSpace();
    return { kind: "rule", name: found[0] };
  }

  #token(): Expression {
    const found = this.#match(/<(?:\[\d+\]|[^<>\s]+)>/y) ?? this.#fail("unfinished token");
    this.#skipSpace();
    return { kind: "token", text: found[0] };
  }

  #group(): Expression {
    if (++this.#depth > MAX_DEPTH)
      this.#fail(`parentheses are nested deeper than ${MAX_DEPTH} levels`);
    this.#take("(");
    const inner = this.#choice();
    if (!this.#take(")")) this.#fail("expected )");
    this.#depth--;
    return inner;
  }

  #repeated(item: Expression): Expression {
    const found = this.#match(/[*+?]|\{(\d*)(,?)(\d*)\}/y);
    if (found === null) return item;
    this.#skipSpace();
    const [sign, least = "", comma = "", most = ""] = found;
    if (sign === "*") return this.#repeated({ kind: "repeat", item, min: 0, max: null });
    if (sign === "+") return this.#repeated({ kind: "repeat", item, min: 1, max: null });
    if (sign === "?") return this.#repeated({ kind: "repeat", item, min: 0, max: 1 });
    const min = Number(least);
    const max = comma === "" ? min : most === "" ? null : Number(most);
    if (sign === "{}" || (max !== null && max < min)) this.#fail(`invalid repetition ${sign}`);
    if (Math.max(min, max ?? 0) > MAX_REPEAT) this.#fail(`more than ${MAX_REPEAT} repetitions`);
    return this.#repeated({ kind: "repeat", item, min, max });
  }

  #literal(): Expression {
    this.#at++;
    let text = "";
    while (this.#text[this.#at] !== '"') text += String.fromCodePoint(this.#character());
    this.#at++;
    this.#skipSpace();
    return { kind: "text", text };
  }

  #class(): Expression {
    this.#at++;
    const isNegated = this.#text[this.#at] === "^";
    if (isNegated) this.#at++;
    const ranges: [number, number][] = [];
    while (this.#text[this.#at] !== "]") ranges.push(this.#range());
    this.#at++;
    this.#skipSpace();
    if (ranges.length === 0) this.#fail("empty character class");
    return { kind: "class", isNegated, ranges };
  }

  #range(): [number, number] {
    const first = this.#character();
    const isRange = this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]";
    if (!isRange) return [first, first];
    this.#at++;
    const last = this.#character();
    if (last < first) this.#fail("a character range is reversed");
    return [first, last];
  }

  /** Reads one character of a literal or a class. @returns its code point */
  #character(): number {
    const point = this.#text.codePointAt(this.#at);
    if (point === undefined) this.#fail("unexpected end");
    if (point !== BACKSLASH) {
      this.#at += point > 0xffff ? 2 : 1;
      return point;
    }
    const code = this.#match(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y);
    if (code !== null) return this.#codePoint(code[1] ?? code[2] ?? code[3] ?? "");
    const sign = this.#text[this.#at + 1];
    if (sign === undefined) this.#fail("unexpected end");
    this.#at += 2;
    return ESCAPES[sign]?.charCodeAt(0) ?? sign.charCodeAt(0);
  }

  #codePoint(digits: string): number {
    const point = Number.parseInt(digits, 16);
    const isSurrogate = point >= 0xd800 && point <= 0xdfff;
    return point > 0x10ffff || isSurrogate ? this.#fail("no such character") : point;
  }

  /** Reads a character and the whitespace after it. @returns false if the next character is a different one */
  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    this.#skipSpace();
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#at = pattern.lastIndex;
    return found;
  }

  #skipSpace(): void {
    this.#match(/(?:\s|#[^\n]*)*/y);
  }

  #fail(reason: string): never {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    throw new GrammarTextError(`line ${line}: ${reason}`);
  }
}

const BACKSLASH = 0x5c;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
