// Where one message ends and the next begins in a stream of bytes: each has its length before it, 4
// bytes, little-endian.

import { ChannelError } from "./bytes.ts";

const HEAD_BYTES = 4;

/** Largest message, bytes: log-probabilities of whole vocabularies take some MB a sequence. */
export const MAX_FRAME_BYTES = 2 ** 31 - 1;

/** @throws ChannelError for a message that the other side would refuse */
export function frameHead(numBytes: number): Uint8Array {
  if (numBytes > MAX_FRAME_BYTES) throw new ChannelError(`a message of ${numBytes} bytes`);
  const head = new Uint8Array(HEAD_BYTES);
  new DataView(head.buffer).setUint32(0, numBytes, true);
  return head;
}

/** Cuts a stream into messages, however it arrives. Holds at most one that is not complete. */
export class FrameSplitter {
  #kept: Uint8Array = new Uint8Array(0);
  /** Of #kept; its buffer is longer. */
  #length = 0;

  /**
   * @param chunk not kept: it may be written over afterwards
   * @returns the messages that are complete now, in order; views that hold until the next push
   * @throws ChannelError for a length beyond the limit
   */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    const bytes = this.#length === 0 ? chunk : this.#join(chunk);
    let at = 0;
    for (;;) {
      const end = frameEnd(bytes, at);
      if (end === null || end > bytes.length) break;
      yield bytes.subarray(at + HEAD_BYTES, end);
      at = end;
    }
    this.#keep(bytes, at);
  }

  /** Grows by doubling, so that a long message in small pieces is not copied for each of them. */
  #join(chunk: Uint8Array): Uint8Array {
    const length = this.#length + chunk.length;
    if (length > this.#kept.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#kept.length));
      larger.set(this.#kept.subarray(0, this.#length));
      this.#kept = larger;
    }
    this.#kept.set(chunk, this.#length);
    this.#length = length;
    return this.#kept.subarray(0, length);
  }

  #keep(bytes: Uint8Array, at: number): void {
    if (at === 0 && this.#length > 0) return;
    // A copy: a Buffer's own slice() would be a view of what the socket reads into next.
    this.#kept = new Uint8Array(bytes.subarray(at));
    this.#length = this.#kept.length;
  }
}

/** @returns null while the length itself is not there */
function frameEnd(bytes: Uint8Array, at: number): number | null {
  if (at + HEAD_BYTES > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEAD_BYTES);
  const numBytes = view.getUint32(0, true);
  if (numBytes > MAX_FRAME_BYTES) throw new ChannelError(`a message of ${numBytes} bytes`);
  return at + HEAD_BYTES + numBytes;
}
