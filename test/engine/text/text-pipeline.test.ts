// TextPipeline: each stage takes the output of the previous one.

import { describe, expect, test } from "bun:test";
import { TextPipeline } from "../../../src/engine/text/text-pipeline.ts";
import { NO_PIECES, type Piece, type TextStage } from "../../../src/engine/text/text-stage.ts";

const text = (value: string, tokenNumber = 1): Piece => ({
  kind: "text",
  text: value,
  tokenNumber,
});
const token = (tokenId: number): Piece => ({ kind: "token", tokenId, tokenNumber: 1 });

/** Emits one letter at a time, each followed by a mark; holds back the last letter. */
class Marking implements TextStage {
  readonly #mark: string;
  #held: string | null = null;

  constructor(mark: string) {
    this.#mark = mark;
  }

  push(piece: Piece): readonly Piece[] {
    if (piece.kind !== "text") return [piece];
    const letters = [...(this.#held === null ? [] : [this.#held]), ...piece.text];
    this.#held = letters.pop() ?? null;
    return letters.map((letter) => text(letter + this.#mark));
  }

  flush(): readonly Piece[] {
    return this.#held === null ? NO_PIECES : [text(`${this.#held}${this.#mark}`)];
  }
}

describe("TextPipeline", () => {
  test("passes input through and flushes nothing if there are no stages", () => {
    const pipeline = new TextPipeline([]);
    expect(pipeline.push(text("a"))).toEqual([text("a")]);
    expect(pipeline.flush()).toEqual([]);
  });

  test("passes every piece from each stage to the next, in order", () => {
    const pipeline = new TextPipeline([new Marking("1"), new Marking("2")]);
    expect(pipeline.push(text("a"))).toEqual([]);
    expect(pipeline.push(text("bc"))).toEqual([text("a2"), text("12"), text("b2")]);
    expect(pipeline.push(text("d"))).toEqual([text("12"), text("c2")]);
  });

  test("flushes the stages from first to last, each through all later ones", () => {
    const pipeline = new TextPipeline([new Marking("1"), new Marking("2")]);
    pipeline.push(text("ab"));
    expect(pipeline.flush()).toEqual([text("12"), text("b2"), text("12")]);
  });

  test("passes through pieces that no stage handles", () => {
    const pipeline = new TextPipeline([new Marking("1"), new Marking("2")]);
    expect(pipeline.push(token(5))).toEqual([token(5)]);
    expect(pipeline.push({ kind: "stop", stop: "x" })).toEqual([{ kind: "stop", stop: "x" }]);
  });
});
