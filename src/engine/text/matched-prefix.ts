// Tracks the longest prefix of a pattern that streamed text ends with, using the Knuth-Morris-Pratt algorithm.
// Comparing the end of the text with every prefix would take time quadratic in the pattern's length.

export class MatchedPrefix {
  readonly #pattern: string;
  /** For each i, the length of the longest proper prefix of pattern[0..i] that is also a suffix of pattern[0..i]. */
  readonly #borders: Uint16Array;
  #length = 0;

  /** @param pattern 1 to 65,535 UTF-16 units */
  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#borders = new Uint16Array(pattern.length);
    for (let i = 1, length = 0; i < pattern.length; i++) {
      length = this.#extended(length, pattern.charCodeAt(i));
      this.#borders[i] = length;
    }
  }

  /** Length, in UTF-16 units, of the longest proper prefix of the pattern that the text so far ends with. */
  get length(): number {
    return this.#length;
  }

  /** Starts over, as if there had been no text. */
  reset(): void {
    this.#length = 0;
  }

  push(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const length = this.#extended(this.#length, text.charCodeAt(i));
      this.#length = length === this.#pattern.length ? this.#border(length) : length;
    }
  }

  /** @returns the matched length after one more unit */
  #extended(matched: number, unit: number): number {
    let length = matched;
    while (length > 0 && this.#pattern.charCodeAt(length) !== unit) length = this.#border(length);
    return this.#pattern.charCodeAt(length) === unit ? length + 1 : 0;
  }

  #border(length: number): number {
    return this.#borders[length - 1] ?? 0;
  }
}
