// The pieces and stages of the pipeline that turns sampled tokens into visible text.

import type { MessagePart } from "../../protocol/message-part.ts";

/** A sampled token, before any stage. */
export interface TokenPiece {
  readonly kind: "token";
  readonly tokenId: number;
  /** Position in the output, from 1. */
  readonly tokenNumber: number;
}

/** Whole characters, at least one. */
export interface TextPiece {
  readonly kind: "text";
  readonly text: string;
  /** Position of the token that completed the text, from 1. */
  readonly tokenNumber: number;
}

/** A part of a parsed message that is not ordinary text. */
export interface PartPiece {
  readonly kind: "part";
  readonly part: MessagePart;
}

/** The end of the output. No piece follows it. */
export interface StopPiece {
  readonly kind: "stop";
  /** The stop string that was found; null if the message is complete. */
  readonly stop: string | null;
}

export type Piece = TokenPiece | TextPiece | PartPiece | StopPiece;

/** A stage of the pipeline, with the state of one sequence. */
export interface TextStage {
  /** Takes a piece, or passes it through unchanged. @returns pieces for the next stage, in order */
  push(piece: Piece): readonly Piece[];
  /** Ends the sequence. @returns the pieces that were held back, for the next stage */
  flush(): readonly Piece[];
}

export const NO_PIECES: readonly Piece[] = [];
