// Messages over a stream socket. What the socket does not take waits here, in order; the sender sees how
// much that is and holds back.

import type { ByteSocket, Connect } from "../../byte-socket.ts";
import { FrameSplitter, frameHead } from "./frames.ts";

export interface ChannelEvents {
  /** `frame` holds until the call returns. What it throws closes the channel. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** Nothing waits any more. */
  readonly onDrained: () => void;
  /** Called once. `fault` is what broke it, null when the other side has gone. */
  readonly onClose: (fault: Error | null) => void;
}

/** Several small messages of a turn go out together; a large one is not copied for that. */
const JOINED_BYTES = 64 * 1024;

export class Channel {
  readonly #events: ChannelEvents;
  readonly #splitter = new FrameSplitter();
  #socket: ByteSocket | null = null;
  #queue: Uint8Array[] = [];
  #unsentBytes = 0;
  #isBlocked = false;
  #isFlushQueued = false;
  #isClosed = false;

  private constructor(events: ChannelEvents) {
    this.#events = events;
  }

  static async open(connect: Connect, events: ChannelEvents): Promise<Channel> {
    const channel = new Channel(events);
    channel.#socket = await connect({
      onData: (bytes) => channel.#receive(bytes),
      onDrain: () => channel.#drain(),
      onClose: () => channel.#end(null),
    });
    return channel;
  }

  /** Bytes that the socket has not taken. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Goes out at the end of this turn of the event loop. Without effect once closed. */
  send(frame: Uint8Array): void {
    if (this.#isClosed) return;
    const head = frameHead(frame.length);
    this.#queue.push(head, frame);
    this.#unsentBytes += head.length + frame.length;
    if (this.#isBlocked || this.#isFlushQueued) return;
    this.#isFlushQueued = true;
    queueMicrotask(() => {
      this.#isFlushQueued = false;
      this.#flush();
    });
  }

  close(): void {
    this.#end(null);
  }

  #receive(bytes: Uint8Array): void {
    try {
      for (const frame of this.#splitter.push(bytes)) {
        if (this.#isClosed) return;
        this.#events.onFrame(frame);
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #flush(): void {
    while (!this.#isClosed && this.#queue.length > 0) {
      const bytes = this.#nextBytes();
      const taken = Math.max(0, this.#socket?.write(bytes) ?? 0);
      this.#unsentBytes -= taken;
      if (taken === bytes.length) continue;
      this.#queue.unshift(bytes.subarray(taken));
      this.#isBlocked = true;
      return;
    }
  }

  /** Takes the first of the queue, small ones joined. */
  #nextBytes(): Uint8Array {
    let count = 0;
    let numBytes = 0;
    for (const { length } of this.#queue) {
      if (count > 0 && numBytes + length > JOINED_BYTES) break;
      numBytes += length;
      count++;
    }
    const parts = this.#queue.splice(0, count);
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, numBytes);
  }

  #drain(): void {
    this.#isBlocked = false;
    this.#flush();
    if (this.#unsentBytes === 0) this.#events.onDrained();
  }

  #end(fault: Error | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue = [];
    this.#unsentBytes = 0;
    this.#socket?.close();
    this.#events.onClose(fault);
  }
}
