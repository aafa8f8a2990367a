// Frames messages in a byte stream: each message is preceded by its length as 4 little-endian bytes.

import { ChannelError } from "./bytes.ts";

const HEAD_BYTES = 4;

/** Maximum size of a message, in bytes. Log-probabilities for a whole vocabulary take several MB per sequence. */
export const MAX_FRAME_BYTES = 2 ** 31 - 1;

/** @throws ChannelError for a message over the limit, which the other side would refuse */
export function frameHead(numBytes: number): Uint8Array {
  if (numBytes > MAX_FRAME_BYTES) throw tooLarge(numBytes);
  const head = new Uint8Array(HEAD_BYTES);
  new DataView(head.buffer).setUint32(0, numBytes, true);
  return head;
}

/** Splits a stream into messages, no matter how the stream is chunked. Holds at most one incomplete message. */
export class FrameSplitter {
  #kept: Uint8Array = new Uint8Array(0);
  /** Number of bytes in use in #kept, which can be longer. */
  #length = 0;

  /**
   * @param chunk not retained: the caller can overwrite it afterwards
   * @returns the messages that are now complete, in order, as views that are valid until the next push
   * @throws ChannelError for a length over the limit
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

  /** Grows by doubling, so a long message in small chunks is not copied for each chunk. */
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
    // Not Buffer.slice(), which would return a view of the buffer that the socket reads into next.
    this.#kept = new Uint8Array(bytes.subarray(at));
    this.#length = this.#kept.length;
  }
}

/** @returns the end of the frame; null until the length itself is complete */
function frameEnd(bytes: Uint8Array, at: number): number | null {
  if (at + HEAD_BYTES > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEAD_BYTES);
  const numBytes = view.getUint32(0, true);
  if (numBytes > MAX_FRAME_BYTES) throw tooLarge(numBytes);
  return at + HEAD_BYTES + numBytes;
}

function tooLarge(numBytes: number): ChannelError {
  return new ChannelError(`a message of ${numBytes} bytes exceeds the limit of ${MAX_FRAME_BYTES}`);
}
