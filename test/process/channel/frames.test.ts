// Splits a byte stream into messages, no matter how the stream itself is split.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { ChannelError } from "../../../src/process/channel/bytes.ts";
import { FrameSplitter, frameHead, MAX_FRAME_BYTES } from "../../../src/process/channel/frames.ts";

const streamOf = (frames: readonly Uint8Array[]) =>
  Uint8Array.from(frames.flatMap((frame) => [...frameHead(frame.length), ...frame]));

function framesOf(chunks: readonly Uint8Array[]): number[][] {
  const splitter = new FrameSplitter();
  return chunks.flatMap((chunk) => [...splitter.push(chunk)].map((frame) => [...frame]));
}

test("any split of the stream yields the same messages", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), fc.array(fc.nat()), (frames, cuts) => {
      const stream = streamOf(frames);
      const ends = [...cuts.map((cut) => cut % (stream.length + 1)), 0, stream.length];
      ends.sort((a, b) => a - b);
      const chunks = ends.slice(1).map((end, i) => stream.subarray(ends[i], end));
      expect(framesOf(chunks)).toEqual(frames.map((frame) => [...frame]));
    }),
  );
});

test("one byte at a time yields the same messages as all at once", () => {
  const stream = streamOf([Uint8Array.of(1, 2, 3), Uint8Array.of(), Uint8Array.of(4)]);
  expect(framesOf([...stream].map((byte) => Uint8Array.of(byte)))).toEqual([[1, 2, 3], [], [4]]);
});

test("partial messages survive reuse of the socket's read buffer", () => {
  const stream = streamOf([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)]);
  const splitter = new FrameSplitter();
  const frames: number[][] = [];
  for (let at = 0; at < stream.length; at += 3) {
    const chunk = Buffer.from(stream.subarray(at, at + 3));
    for (const frame of splitter.push(chunk)) frames.push([...frame]);
    chunk.fill(255);
  }
  expect(frames).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
});

test("rejects a length above the limit before allocating memory for it", () => {
  const head = frameHead(MAX_FRAME_BYTES);
  expect(framesOf([head])).toEqual([]);
  expect(() => frameHead(MAX_FRAME_BYTES + 1)).toThrow(ChannelError);
  expect(() => framesOf([Uint8Array.of(255, 255, 255, 255)])).toThrow(ChannelError);
});
