// Outputs of finished requests, as text to predict from. Bounded: the newest outputs fill one part, and when it is full,
// it replaces the older part.

import { NgramIndex } from "./ngram-index.ts";

/** Maximum number of tokens in each of the two parts, which take 12 bytes per token. */
const PART_TOKENS = 256 * 1024;

/** Separates outputs; never a token ID. */
const END = -1;

/** A growing text and the index of its n-grams. */
class IndexedText {
  readonly index: NgramIndex;
  #tokenIds = new Int32Array(1024);
  #length = 0;
  numOutputs = 0;

  constructor(n: number) {
    this.index = new NgramIndex(n);
  }

  get tokenIds(): Int32Array {
    return this.#tokenIds.subarray(0, this.#length);
  }

  add(output: Int32Array): void {
    const length = this.#length + output.length + 1;
    if (length > this.#tokenIds.length) {
      const grown = new Int32Array(2 * length);
      grown.set(this.tokenIds);
      this.#tokenIds = grown;
    }
    this.#tokenIds.set(output, this.#length);
    this.#tokenIds[length - 1] = END;
    this.#length = length;
    this.index.extend(this.tokenIds, length);
    this.numOutputs++;
  }
}

export class PastOutputs {
  readonly #n: number;
  readonly #maxOutputs: number;
  #newer: IndexedText;
  #older: IndexedText;

  /**
   * @param n length of the n-grams to index
   * @param maxOutputs maximum number of outputs to keep; 0 = none
   */
  constructor(n: number, maxOutputs: number) {
    this.#n = n;
    this.#maxOutputs = maxOutputs;
    this.#newer = new IndexedText(n);
    this.#older = new IndexedText(n);
  }

  /** The texts that hold the outputs, newer ones first. */
  get texts(): readonly IndexedText[] {
    return [this.#newer, this.#older];
  }

  add(output: Int32Array): void {
    if (this.#maxOutputs === 0 || output.length > PART_TOKENS) return;
    const numTokens = this.#newer.tokenIds.length + output.length;
    if (numTokens > PART_TOKENS || 2 * this.#newer.numOutputs >= this.#maxOutputs) {
      this.#older = this.#newer;
      this.#newer = new IndexedText(this.#n);
    }
    this.#newer.add(output);
  }
}
