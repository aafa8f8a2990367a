// The channel over a socket that accepts partial writes: order, backpressure, and closing.

import { describe, expect, test } from "bun:test";
import type { SocketEvents } from "../../../src/byte-socket.ts";
import { Channel } from "../../../src/process/channel/channel.ts";
import { FrameSplitter, frameHead } from "../../../src/process/channel/frames.ts";

/** A socket that accepts `capacity` bytes between drains. */
class TightSocket {
  events: SocketEvents | null = null;
  readonly taken: number[] = [];
  isClosed = false;
  #room: number;
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#room = capacity;
  }

  write(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.#room);
    this.taken.push(...taken);
    this.#room -= taken.length;
    // Bun occasionally returns -1 for a full socket.
    return taken.length === 0 ? -1 : taken.length;
  }

  drain(): void {
    this.#room = this.#capacity;
    this.events?.onDrain();
  }

  close(): void {
    this.isClosed = true;
  }

  get frames(): number[][] {
    const stream = new FrameSplitter().push(Uint8Array.from(this.taken));
    return [...stream].map((frame) => [...frame]);
  }
}

async function open(capacity = Number.POSITIVE_INFINITY) {
  const socket = new TightSocket(capacity);
  const seen = { frames: [] as number[][], numDrained: 0, ends: [] as (Error | null)[] };
  const channel = await Channel.open(
    async (events) => {
      socket.events = events;
      return socket;
    },
    {
      onFrame: (frame) => seen.frames.push([...frame]),
      onDrained: () => seen.numDrained++,
      onClose: (fault) => seen.ends.push(fault),
    },
  );
  return { channel, socket, seen };
}

describe("a channel", () => {
  test("sends the messages of one event-loop turn together, in order", async () => {
    const { channel, socket } = await open();
    channel.send(Uint8Array.of(1));
    channel.send(Uint8Array.of(2, 3));
    expect(socket.taken).toEqual([]);
    await Promise.resolve();
    expect(socket.frames).toEqual([[1], [2, 3]]);
    expect(channel.unsentBytes).toBe(0);
  });

  test("keeps bytes that the socket does not accept, and sends them once it drains", async () => {
    const { channel, socket, seen } = await open(3);
    const frames = Array.from({ length: 20 }, (_, i) => [i, i, i]);
    for (const frame of frames) channel.send(Uint8Array.from(frame));
    await Promise.resolve();
    expect(channel.unsentBytes).toBe(20 * 7 - 3);
    for (let i = 0; i < 46; i++) socket.drain();
    expect(socket.frames).toEqual(frames);
    expect(channel.unsentBytes).toBe(0);
    expect(seen.numDrained).toBe(1);
  });

  test("does not write to a full socket", async () => {
    const { channel, socket } = await open(3);
    channel.send(Uint8Array.of(1, 2, 3));
    await Promise.resolve();
    channel.send(Uint8Array.of(4));
    await Promise.resolve();
    expect(socket.taken.length).toBe(3);
  });

  test("receives messages that arrive in pieces", async () => {
    const { socket, seen } = await open();
    for (const byte of [...frameHead(2), 8, 9]) socket.events?.onData(Uint8Array.of(byte));
    expect(seen.frames).toEqual([[8, 9]]);
  });

  test("closes once, with the error that caused it, and sends nothing afterward", async () => {
    const { channel, socket, seen } = await open();
    socket.events?.onData(Uint8Array.of(255, 255, 255, 255));
    socket.events?.onClose();
    channel.send(Uint8Array.of(1));
    await Promise.resolve();
    expect(seen.ends.map((fault) => fault?.name)).toEqual(["ChannelError"]);
    expect(socket.isClosed).toBe(true);
    expect(socket.taken).toEqual([]);
  });

  test("reports no error when the other side closes it", async () => {
    const { socket, seen } = await open();
    socket.events?.onClose();
    expect(seen.ends).toEqual([null]);
  });
});
