// The stages of one sequence, in order. Each takes what the one before it gives.

import { NO_PIECES, type Piece, type TextStage } from "./text-stage.ts";

export class TextPipeline {
  readonly #stages: readonly TextStage[];

  constructor(stages: readonly TextStage[]) {
    this.#stages = stages;
  }

  /** Do not call it again after a stop piece came out. */
  push(piece: Piece): readonly Piece[] {
    return this.#pushFrom(0, piece);
  }

  /** Ends the sequence: what a stage held back still goes through those behind it. */
  flush(): readonly Piece[] {
    return this.#stages.flatMap((stage, i) =>
      stage.flush().flatMap((piece) => this.#pushFrom(i + 1, piece)),
    );
  }

  /** One piece from one is the usual case: it needs no array between two stages. */
  #pushFrom(index: number, piece: Piece): readonly Piece[] {
    const stage = this.#stages[index];
    if (stage === undefined) return [piece];
    const pieces = stage.push(piece);
    if (index === this.#stages.length - 1) return pieces;
    const [first, second] = pieces;
    if (first === undefined) return NO_PIECES;
    if (second === undefined) return this.#pushFrom(index + 1, first);
    return pieces.flatMap((next) => this.#pushFrom(index + 1, next));
  }
}
