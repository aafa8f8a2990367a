// Sends and receives messages over a stream socket. Bytes that the socket does not accept are queued in order; senders
// can check how many bytes are queued and hold back.

import type { ByteSocket, Connect } from "../../byte-socket.ts";
import { FrameSplitter, frameHead } from "./frames.ts";

export interface ChannelEvents {
  /** Receives a message. `frame` is valid only until the call returns. An exception closes the channel. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** Called when the queue has become empty. */
  readonly onDrained: () => void;
  /** Called once. `fault` is the error that broke the channel, or null if either side closed it. */
  readonly onClose: (fault: Error | null) => void;
}

/** Small messages from one turn are joined into writes of up to this size; larger messages are not copied. */
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

  /** Number of bytes that the socket has not accepted. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Sends `frame` at the end of this turn of the event loop. Does nothing once the channel is closed. */
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

  /** Takes the next bytes from the queue, joining small messages. */
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
