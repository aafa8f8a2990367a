// Splits a message's text into content, reasoning and tool calls.

import type { MessageParser } from "../../formats/message-parser.ts";
import type { MessagePart } from "../../protocol/message-part.ts";
import type { Piece, TextStage } from "./text-stage.ts";

export class MessageStage implements TextStage {
  readonly #parser: MessageParser;
  /** Number of the token that completed the latest text. */
  #tokenNumber = 0;

  constructor(parser: MessageParser) {
    this.#parser = parser;
  }

  push(piece: Piece): readonly Piece[] {
    if (piece.kind !== "text") return [piece];
    this.#tokenNumber = piece.tokenNumber;
    const pieces = this.#pieces(this.#parser.push(piece.text));
    return this.#parser.isComplete ? [...pieces, { kind: "stop", stop: null }] : pieces;
  }

  flush(): readonly Piece[] {
    return this.#pieces(this.#parser.flush());
  }

  #pieces(parts: readonly MessagePart[]): Piece[] {
    return parts.map((part) =>
      part.kind === "text"
        ? { kind: "text", text: part.text, tokenNumber: this.#tokenNumber }
        : { kind: "part", part },
    );
  }
}
