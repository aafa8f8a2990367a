// The way from sampled tokens to shown text: the pieces that flow on it, and what a stage of it is.

/** A sampled token, before any stage. */
export interface TokenPiece {
  readonly kind: "token";
  readonly tokenId: number;
  /** Its place in the output, from 1. */
  readonly tokenNumber: number;
}

/** Whole characters, at least one. */
export interface TextPiece {
  readonly kind: "text";
  readonly text: string;
  /** The token that completed them: its place in the output, from 1. */
  readonly tokenNumber: number;
}

/** A stop string: the output ends here. No piece follows it. */
export interface StopPiece {
  readonly kind: "stop";
  readonly stop: string;
}

export type Piece = TokenPiece | TextPiece | StopPiece;

/** One step on the way, with the state of one sequence. */
export interface TextStage {
  /** Takes a piece; one that is not for this stage passes through. @returns pieces for the next stage, in order */
  push(piece: Piece): readonly Piece[];
  /** Ends the sequence. @returns what was held back, for the next stage */
  flush(): readonly Piece[];
}

export const NO_PIECES: readonly Piece[] = [];
