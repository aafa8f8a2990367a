// Finds stop strings in streamed text and holds back text that could be the start of one. Text is released as
// soon as it can no longer belong to a stop string.

import { MatchedPrefix } from "./matched-prefix.ts";
import { NO_PIECES, type Piece, type TextStage } from "./text-stage.ts";

export class StopChecker implements TextStage {
  readonly #stops: readonly string[];
  /** For each stop string, its longest prefix that the text ends with. */
  readonly #prefixes: readonly MatchedPrefix[];
  readonly #includeStop: boolean;
  readonly #minTokens: number;
  #held = "";
  /** Number of the token that completed the held text. */
  #tokenNumber = 0;

  /**
   * @param stops nonempty strings of at most 65,535 UTF-16 units
   * @param includeStop whether to include the stop string in the output
   * @param minTokens number of tokens before a stop string may end; as in vLLM's detokenizer, it may start earlier
   */
  constructor(stops: readonly string[], includeStop: boolean, minTokens: number) {
    this.#stops = stops;
    this.#prefixes = stops.map((stop) => new MatchedPrefix(stop));
    this.#includeStop = includeStop;
    this.#minTokens = minTokens;
  }

  /** @returns the text that can be shown now, followed by a stop piece if a stop string was found */
  push(piece: Piece): readonly Piece[] {
    if (piece.kind !== "text") return [...this.flush(), piece];
    const all = this.#held + piece.text;
    this.#tokenNumber = piece.tokenNumber;
    const canStop = piece.tokenNumber > this.#minTokens;
    const found = canStop ? this.#earliest(all, this.#held.length) : null;
    if (found !== null) {
      this.#held = "";
      const end = this.#includeStop ? found.at + found.stop.length : found.at;
      return [...this.#textPieces(all.slice(0, end)), { kind: "stop", stop: found.stop }];
    }
    const numShown = all.length - this.#numHeld(piece.text);
    this.#held = all.slice(numShown);
    return this.#textPieces(all.slice(0, numShown));
  }

  /** @returns the held text, which turns out to be ordinary text because no stop string can continue past it */
  flush(): readonly Piece[] {
    const held = this.#held;
    this.#held = "";
    for (const prefix of this.#prefixes) prefix.reset();
    return this.#textPieces(held);
  }

  #textPieces(text: string): readonly Piece[] {
    return text === "" ? NO_PIECES : [{ kind: "text", text, tokenNumber: this.#tokenNumber }];
  }

  /** Finds the stop string that starts first and ends after `end`; if several do, picks the one listed first. */
  #earliest(text: string, end: number): { at: number; stop: string } | null {
    let best: { at: number; stop: string } | null = null;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop, Math.max(0, end + 1 - stop.length));
      if (at >= 0 && (best === null || at < best.at)) best = { at, stop };
    }
    return best;
  }

  /** @returns the length of the longest suffix of the text so far that is a proper prefix of a stop string */
  #numHeld(added: string): number {
    let longest = 0;
    for (const prefix of this.#prefixes) {
      prefix.push(added);
      if (prefix.length > longest) longest = prefix.length;
    }
    return longest;
  }
}
