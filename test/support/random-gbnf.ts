// Random GBNF grammars over a few letters, with their source, text derived from them, and a naive
// matcher.

import fc from "fast-check";
import type { Expression } from "../../src/api/grammar/gbnf-parser.ts";

export interface RandomGrammar {
  readonly rules: ReadonlyMap<string, Expression>;
  readonly text: string;
}

const LETTERS = ["a", "b", "c", '"', "]", "\\", "é", "\n", "/", "-", "^"];

const literal: fc.Arbitrary<Expression> = fc
  .array(fc.constantFrom(...LETTERS), { minLength: 1, maxLength: 3 })
  .map((letters) => ({ kind: "text", text: letters.join("") }));

const range = fc
  .tuple(fc.constantFrom(...LETTERS), fc.nat(2))
  .map(([letter, size]): [number, number] => {
    const first = letter.codePointAt(0) ?? 0;
    return [first, first + size];
  });

const letterClass: fc.Arbitrary<Expression> = fc.record({
  kind: fc.constant("class" as const),
  isNegated: fc.boolean(),
  ranges: fc.array(range, { minLength: 1, maxLength: 2 }),
});

/** @param names rules that can be referenced */
function expression(names: readonly string[]): fc.Arbitrary<Expression> {
  const reference = names.map((name): Expression => ({ kind: "rule", name }));
  const any: Expression = { kind: "any" };
  return fc.letrec<{ node: Expression; leaf: Expression }>((tie) => ({
    leaf: fc.oneof(literal, letterClass, fc.constantFrom(any, ...reference)),
    node: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("leaf"),
      items("sequence", tie("node")),
      items("choice", tie("node")),
      fc
        .tuple(
          tie("node"),
          fc.constantFrom([0, null], [1, null], [0, 1], [2, 2], [1, 3], [2, null]),
        )
        .map(([item, [min, max]]): Expression => {
          return { kind: "repeat", item, min: min ?? 0, max: max ?? null };
        }),
    ),
  })).node;
}

const items = (kind: "sequence" | "choice", node: fc.Arbitrary<Expression>) =>
  fc.array(node, { minLength: 2, maxLength: 3 }).map((list): Expression => ({ kind, items: list }));

/** Grammars whose rules refer only to later rules. */
export const plainGrammar: fc.Arbitrary<RandomGrammar> = fc
  .tuple(expression(["x-1", "y"]), expression(["y"]), expression([]))
  .map(([root, x, y]) =>
    grammarOf([
      ["root", root],
      ["x-1", x],
      ["y", y],
    ]),
  );

/** Grammars whose rules refer to themselves in parentheses: root ::= "(" ... root ... ")" | ... */
export const recursiveGrammar: fc.Arbitrary<RandomGrammar> = fc
  .tuple(expression(["y"]), expression([]), expression(["y"]))
  .map(([before, y, other]) => {
    const nested: Expression = {
      kind: "sequence",
      items: [text("("), before, { kind: "rule", name: "root" }, text(")")],
    };
    return grammarOf([
      ["root", { kind: "choice", items: [nested, other] }],
      ["y", y],
    ]);
  });

const text = (value: string): Expression => ({ kind: "text", text: value });

function grammarOf(rules: readonly (readonly [string, Expression])[]): RandomGrammar {
  const lines = rules.map(([name, body]) => `${name} ::= ${written(body)} # ${name}`);
  return { rules: new Map(rules), text: lines.join("\n") };
}

function written(expression: Expression): string {
  switch (expression.kind) {
    case "text":
      return `"${expression.text.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
    case "class": {
      const ranges = expression.ranges.map(([first, last]) => `${code(first)}-${code(last)}`);
      return `[${expression.isNegated ? "^" : ""}${ranges.join("")}]`;
    }
    case "any":
      return ".";
    case "token":
      return expression.text;
    case "rule":
      return expression.name;
    case "sequence":
      return `(${expression.items.map(written).join(" ")})`;
    case "choice":
      return `(${expression.items.map(written).join(" | ")})`;
    case "repeat":
      return `(${written(expression.item)}){${expression.min},${expression.max ?? ""}}`;
  }
}

const code = (point: number) => `\\u${point.toString(16).padStart(4, "0")}`;

/** @returns whether the grammar derives the text */
export function derives({ rules }: RandomGrammar, target: string): boolean {
  const points = [...target];
  return new Matcher(rules, points).ends({ kind: "rule", name: "root" }, 0).has(points.length);
}

class Matcher {
  readonly #rules: ReadonlyMap<string, Expression>;
  readonly #points: readonly string[];
  readonly #known = new Map<Expression, Map<number, Set<number>>>();

  constructor(rules: ReadonlyMap<string, Expression>, points: readonly string[]) {
    this.#rules = rules;
    this.#points = points;
  }

  /** @returns positions at which a match that begins at `start` can end */
  ends(expression: Expression, start: number): Set<number> {
    const known = this.#known.get(expression) ?? new Map<number, Set<number>>();
    this.#known.set(expression, known);
    const ends = known.get(start) ?? this.#newEnds(expression, start);
    known.set(start, ends);
    return ends;
  }

  #newEnds(expression: Expression, start: number): Set<number> {
    switch (expression.kind) {
      case "text": {
        const letters = [...expression.text];
        const isEqual = letters.every((letter, i) => this.#points[start + i] === letter);
        return new Set(isEqual ? [start + letters.length] : []);
      }
      case "any":
        return new Set(start < this.#points.length ? [start + 1] : []);
      case "class": {
        const point = this.#points[start]?.codePointAt(0);
        if (point === undefined) return new Set();
        const isIn = expression.ranges.some(([first, last]) => first <= point && point <= last);
        return new Set(isIn !== expression.isNegated ? [start + 1] : []);
      }
      case "token":
        return new Set();
      case "rule":
        return this.ends(this.#rules.get(expression.name) as Expression, start);
      case "choice":
        return union(expression.items.map((item) => this.ends(item, start)));
      case "sequence":
        return expression.items.reduce(
          (starts, item) => union(Array.from(starts, (at) => this.ends(item, at))),
          new Set([start]),
        );
      case "repeat":
        return this.#repeated(expression, start);
    }
  }

  #repeated(
    { item, min, max }: Extract<Expression, { kind: "repeat" }>,
    start: number,
  ): Set<number> {
    const all = new Set<number>(min === 0 ? [start] : []);
    let ends = new Set([start]);
    for (let count = 1; count <= (max ?? this.#points.length + min); count++) {
      ends = union([...ends].map((at) => this.ends(item, at)));
      const numEnds = all.size;
      if (count >= min) for (const end of ends) all.add(end);
      if (ends.size === 0 || (count > min && all.size === numEnds)) break;
    }
    return all;
  }
}

const union = (sets: readonly Set<number>[]) => new Set(sets.flatMap((set) => [...set]));

/** Derives text from the grammar. @param picks random numbers in [0, 1) */
export function derived({ rules }: RandomGrammar, picks: () => number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(picks() * list.length)] as T;
  const from = (expression: Expression, depth: number): string => {
    switch (expression.kind) {
      case "text":
        return expression.text;
      case "any":
        return pick(LETTERS);
      case "class":
        return letterIn(expression, pick);
      case "token":
        return "";
      case "rule":
        return from(rules.get(expression.name) as Expression, depth + 1);
      case "choice":
        return from(
          depth > 4 ? (expression.items.at(-1) as Expression) : pick(expression.items),
          depth,
        );
      case "sequence":
        return expression.items.map((item) => from(item, depth)).join("");
      case "repeat": {
        const { min, max, item } = expression;
        const count = min + Math.floor(picks() * (Math.min(max ?? min + 3, min + 3) - min + 1));
        return Array.from({ length: count }, () => from(item, depth)).join("");
      }
    }
  };
  return from({ kind: "rule", name: "root" }, 0);
}

function letterIn(
  { isNegated, ranges }: Extract<Expression, { kind: "class" }>,
  pick: <T>(list: readonly T[]) => T,
): string {
  if (!isNegated) return String.fromCodePoint(pick(pick(ranges)));
  const isIn = (point: number) => ranges.some(([first, last]) => first <= point && point <= last);
  return pick(["x", "y", ...LETTERS].filter((letter) => !isIn(letter.codePointAt(0) ?? 0)));
}
