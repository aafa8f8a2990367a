// The text stages of one sequence, in order. Each stage receives the previous stage's pieces.

import { NO_PIECES, type Piece, type TextStage } from "./text-stage.ts";

export class TextPipeline {
  readonly #stages: readonly TextStage[];

  constructor(stages: readonly TextStage[]) {
    this.#stages = stages;
  }

  /** Passes a piece through all stages. Must not be called again after it has returned a stop piece. */
  push(piece: Piece): readonly Piece[] {
    return this.#pushFrom(0, piece);
  }

  /** Ends the sequence. Pieces that a stage has held back still pass through the later stages. */
  flush(): readonly Piece[] {
    return this.#stages.flatMap((stage, i) =>
      stage.flush().flatMap((piece) => this.#pushFrom(i + 1, piece)),
    );
  }

  /** Passes a piece through the stages starting at `index`. Needs no intermediate array if each stage returns one piece. */
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
