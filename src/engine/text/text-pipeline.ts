// The stages of one sequence, in order. Each takes what the one before it gives.

import { NO_PIECES, type Piece, type TextStage } from "./text-stage.ts";

export class TextPipeline {
  readonly #stages: readonly TextStage[];

  constructor(stages: readonly TextStage[]) {
    this.#stages = stages;
  }

  /** Do not call it again after a stop piece came out. */
  push(piece: Piece): readonly Piece[] {
    return this.#stages.reduce(pushAll, [piece]);
  }

  /** Ends the sequence: what a stage held back still goes through those behind it. */
  flush(): readonly Piece[] {
    return this.#stages.reduce(
      (pieces: readonly Piece[], stage) => [...pushAll(pieces, stage), ...stage.flush()],
      NO_PIECES,
    );
  }
}

/** One piece in is the usual case: it needs no array between. */
function pushAll(pieces: readonly Piece[], stage: TextStage): readonly Piece[] {
  const [first, second] = pieces;
  if (first === undefined) return NO_PIECES;
  return second === undefined ? stage.push(first) : pieces.flatMap((piece) => stage.push(piece));
}
