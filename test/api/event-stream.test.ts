// Event streams: one event per pull, comments while no event is ready, and one report per disconnect.

import { describe, expect, test } from "bun:test";
import { eventStream } from "../../src/api/event-stream.ts";
import { dataEvent } from "../../src/api/events.ts";
import { settled } from "../support/waiting.ts";

/**
 * Counts the requested events.
 * @param delayMs delay before each event, which is long enough for the timer to send comments
 */
function countedEvents(numEvents: number, delayMs = 0) {
  const source = { numPulled: 0 };
  async function* events() {
    for (let i = 0; i < numEvents; i++) {
      source.numPulled++;
      if (delayMs > 0) await Bun.sleep(delayMs); // lets the comment timer fire
      yield dataEvent(String(i));
    }
  }
  return { source, events: events() };
}

const options = { keepAliveMs: 1000, onCancel: () => {}, onEnd: () => {} };

describe("eventStream", () => {
  test("encodes each event, then closes the stream", async () => {
    const { events } = countedEvents(2);
    const chunks: Uint8Array[] = [];
    for await (const chunk of eventStream(events, options)) chunks.push(chunk);
    expect(chunks.map((chunk) => new TextDecoder().decode(chunk))).toEqual([
      "data: 0\n\n",
      "data: 1\n\n",
    ]);
  });

  test("pulls only events that the reader has requested", async () => {
    const { source, events } = countedEvents(100);
    const reader = eventStream(events, options).getReader();
    await settled();
    expect(source.numPulled).toBe(0);
    await reader.read();
    await settled();
    expect(source.numPulled).toBe(1);
    await reader.cancel();
  });

  test("loses no events while comments fill the gaps", async () => {
    const { events } = countedEvents(2, 25);
    const text = await new Response(eventStream(events, { ...options, keepAliveMs: 10 })).text();
    expect(text).toContain(": keep-alive\n\n");
    expect(text.replaceAll(": keep-alive\n\n", "")).toBe("data: 0\n\ndata: 1\n\n");
  });

  test.each([0, 1])(
    "closes its source if the reader disconnects after %d events",
    async (numRead) => {
      let hasEnded = false;
      async function* events() {
        try {
          for (;;) yield dataEvent("x");
        } finally {
          hasEnded = true;
        }
      }
      const reader = eventStream(events(), options).getReader();
      for (let i = 0; i < numRead; i++) await reader.read();
      await reader.cancel();
      await settled();
      expect(hasEnded).toBe(true);
    },
  );

  test("reports a disconnected reader once", async () => {
    let numCancels = 0;
    const onCancel = () => numCancels++;
    const { events } = countedEvents(5);
    const reader = eventStream(events, { ...options, onCancel }).getReader();
    await reader.read();
    await reader.cancel();
    await reader.cancel();
    expect(numCancels).toBe(1);
  });
});
