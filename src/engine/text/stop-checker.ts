// Finds stop strings in a growing text and holds back what may be the beginning of one. Text is
// released as soon as it can no longer belong to a stop string.

import { NO_PIECES, type Piece, type TextStage } from "./text-stage.ts";

export class StopChecker implements TextStage {
  readonly #stops: readonly string[];
  readonly #includeStop: boolean;
  readonly #minTokens: number;
  #held = "";
  /** The token that completed the held text. */
  #tokenNumber = 0;

  /**
   * @param stops none empty
   * @param includeStop whether the stop string is shown
   * @param minTokens a stop string ends in the text of a later token only; it may begin before, as in vLLM's
   * detokenizer
   */
  constructor(stops: readonly string[], includeStop: boolean, minTokens: number) {
    this.#stops = stops;
    this.#includeStop = includeStop;
    this.#minTokens = minTokens;
  }

  /** Gives what can be shown now, and a stop piece when a stop string was found. */
  push(piece: Piece): readonly Piece[] {
    if (piece.kind !== "text") return [piece];
    const all = this.#held + piece.text;
    this.#tokenNumber = piece.tokenNumber;
    const canStop = piece.tokenNumber > this.#minTokens;
    const found = canStop ? this.#earliest(all, this.#held.length) : null;
    if (found !== null) {
      this.#held = "";
      const end = this.#includeStop ? found.at + found.stop.length : found.at;
      return [...this.#textPieces(all.slice(0, end)), { kind: "stop", stop: found.stop }];
    }
    const numShown = all.length - this.#numHeld(all);
    this.#held = all.slice(numShown);
    return this.#textPieces(all.slice(0, numShown));
  }

  /** What was held back: the sequence ended in another way, so it is ordinary text. */
  flush(): readonly Piece[] {
    const held = this.#held;
    this.#held = "";
    return this.#textPieces(held);
  }

  #textPieces(text: string): readonly Piece[] {
    return text === "" ? NO_PIECES : [{ kind: "text", text, tokenNumber: this.#tokenNumber }];
  }

  /** Finds the stop string that begins first and ends after `end`; among equals, the first listed. */
  #earliest(text: string, end: number): { at: number; stop: string } | null {
    let best: { at: number; stop: string } | null = null;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop, Math.max(0, end + 1 - stop.length));
      if (at >= 0 && (best === null || at < best.at)) best = { at, stop };
    }
    return best;
  }

  /** Length of the longest end of `text` that is a proper beginning of a stop string. */
  #numHeld(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let n = Math.min(stop.length - 1, text.length); n > longest; n--) {
        if (text.endsWith(stop.slice(0, n))) longest = n;
      }
    }
    return longest;
  }
}
