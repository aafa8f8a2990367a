// Answers of an app that is mounted without a listener: there the stream's reader is all that tells when
// the client has left.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const ROUTES = [
  ["/v1/chat/completions", { messages: [{ role: "user", content: "x" }] }, 1],
  ["/v1/completions", { prompt: ["x", "y"] }, 2],
] as const;

describe("a streamed answer whose reader leaves", () => {
  test.each(ROUTES)("ends what %s runs", async (path, prompt, numSequences) => {
    const { post, engine } = makeApp({ model: { stepDelayMs: 10 } });
    const body = { ...prompt, stream: true, max_tokens: 900, ignore_eos: true };
    const reader = (await post(path, body)).body?.getReader();
    await reader?.read();
    expect(engine.numLiveSequences).toBe(numSequences);
    await reader?.cancel();
    for (let i = 0; i < 100 && engine.numLiveSequences > 0; i++) await Bun.sleep(1);
    expect(engine.numLiveSequences).toBe(0);
  });
});
