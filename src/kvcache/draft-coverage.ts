// Tracks which K and V the draft model has computed. It uses the same blocks as the model, but computes them only when
// drafts are wanted, so its K and V end earlier.

export class DraftCoverage {
  readonly #blockSize: number;
  /** uint8 [numBlocks]: number of leading slots that the draft model has computed for each block's current content. */
  readonly #counts: Uint8Array;

  /** @param blockSize at most 64 */
  constructor(numBlocks: number, blockSize: number) {
    this.#blockSize = blockSize;
    this.#counts = new Uint8Array(numBlocks);
  }

  /** Forgets slots [offset, blockSize) of a block, whose content is about to change. */
  truncate(blockId: number, offset: number): void {
    if ((this.#counts[blockId] ?? 0) > offset) this.#counts[blockId] = offset;
  }

  copy(source: number, destination: number): void {
    this.#counts[destination] = this.#counts[source] ?? 0;
  }

  /**
   * @param blockIds a request's blocks, in order
   * @returns the number of tokens that the draft model has computed without a gap, at most `limit`
   */
  end(blockIds: Int32Array, limit: number): number {
    let end = 0;
    for (let i = 0; end < limit; i++) {
      const count = this.#counts[blockIds[i] ?? 0] ?? 0;
      end += count;
      if (count < this.#blockSize) break;
    }
    return Math.min(end, limit);
  }

  /** Records that the draft model has computed positions [start, end) and all earlier ones. */
  extend(blockIds: Int32Array, start: number, end: number): void {
    const first = Math.floor(start / this.#blockSize);
    for (let i = first; i * this.#blockSize < end; i++) {
      this.#counts[blockIds[i] ?? 0] = Math.min(this.#blockSize, end - i * this.#blockSize);
    }
  }
}
