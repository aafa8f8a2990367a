// Finds stop strings in a growing text and holds back what may be the beginning of one. Text is
// released as soon as it can no longer belong to a stop string.

export interface StopCheck {
  /** Text that may be shown now. */
  readonly text: string;
  /** The stop string that was found; null = none yet. */
  readonly stop: string | null;
}

export class StopChecker {
  readonly #stops: readonly string[];
  readonly #includeStop: boolean;
  #held = "";

  /** @param stops none empty */
  constructor(stops: readonly string[], includeStop: boolean) {
    this.#stops = stops;
    this.#includeStop = includeStop;
  }

  /**
   * Adds text. Do not call it again after a stop was found.
   * @param canStop whether a stop string may end in this text; it may begin before it
   */
  push(text: string, canStop = true): StopCheck {
    if (this.#stops.length === 0) return { text, stop: null };
    const all = this.#held + text;
    const found = canStop ? this.#earliest(all, this.#held.length) : null;
    if (found !== null) {
      const end = this.#includeStop ? found.at + found.stop.length : found.at;
      this.#held = "";
      return { text: all.slice(0, end), stop: found.stop };
    }
    const keep = this.#numHeld(all);
    this.#held = keep === 0 ? "" : all.slice(-keep);
    return { text: keep === 0 ? all : all.slice(0, -keep), stop: null };
  }

  /** What was held back: the sequence ended in another way, so it is ordinary text. */
  flush(): string {
    const held = this.#held;
    this.#held = "";
    return held;
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
