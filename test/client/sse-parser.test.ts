// Events from a stream that is split at any byte.

import { describe, expect, test } from "bun:test";
import { SseParser } from "../../src/client/sse-parser.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Data of all events when the stream arrives in pieces of `size` bytes. */
function inPieces(text: string, size: number): string[] {
  const parser = new SseParser();
  const bytes = bytesOf(text);
  const found: string[] = [];
  for (let i = 0; i < bytes.length; i += size) {
    found.push(...parser.push(bytes.subarray(i, i + size)));
  }
  return found;
}

describe("SseParser", () => {
  const stream = 'data: {"text":"größe 😀"}\n\n: ping\n\ndata: two\r\n\r\ndata: [DONE]\n\n';
  const events = ['{"text":"größe 😀"}', "two", "[DONE]"];

  test("finds the same events no matter where the stream is split, even within a character", () => {
    for (let size = 1; size <= bytesOf(stream).length; size++) {
      expect(inPieces(stream, size)).toEqual(events);
    }
  });

  test.each(["\n", "\r\n", "\r"])("accepts %j as a line end, as the standard requires", (end) => {
    const text = stream.replaceAll("\r\n", "\n").replaceAll("\n", end);
    for (let size = 1; size <= bytesOf(text).length; size++) {
      expect(inPieces(text, size)).toEqual(events);
    }
  });

  test("emits an event only when it is complete", () => {
    const parser = new SseParser();
    expect(parser.push(bytesOf("data: one"))).toEqual([]);
    expect(parser.push(bytesOf("\n"))).toEqual([]);
    expect(parser.push(bytesOf("\ndata: two\n\n"))).toEqual(["one", "two"]);
  });

  test("joins an event's lines and does not require a space after the colon", () => {
    expect(inPieces("event: x\ndata:a\ndata: b\n\n", 100)).toEqual(["a\nb"]);
  });
});
