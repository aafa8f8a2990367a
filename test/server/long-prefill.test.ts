// A long prefill over a real socket: headers arrive at once, then data arrives at each interval, and the
// prefill ends when the client disconnects.

import { describe, expect, spyOn, test } from "bun:test";
import { startFakeServer } from "../support/fake-server.ts";
import { holdSteps } from "../support/held-steps.ts";
import { until } from "../support/waiting.ts";

const messages = [{ role: "user", content: "hi" }];

/** Routes, each with the data that keeps its connection alive. */
const ROUTES: readonly (readonly [path: string, body: object, signs: string])[] = [
  ["/v1/messages", { messages, max_tokens: 5 }, "event: ping\n"],
  ["/v1/responses", { input: "hi" }, "event: response.in_progress\n"],
  ["/v1/chat/completions", { messages }, ": keep-alive\n"],
];

describe("a long prefill", () => {
  test.each(ROUTES)(
    "for %s sends headers and keep-alive data before the first token",
    async (path, body, sign) => {
      const server = await startFakeServer({}, { keepAliveMs: 10 });
      const release = holdSteps(server.runner);
      const abort = spyOn(server.client, "abort");
      const client = new AbortController();
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...body, stream: true }),
        signal: client.signal,
      });
      expect(response.status).toBe(200);
      let text = "";
      for await (const chunk of response.body ?? []) {
        text += new TextDecoder().decode(chunk);
        if (text.split(sign).length > 3) break;
      }
      expect(server.runner.numSteps).toBe(0);
      client.abort();
      await until(() => abort.mock.calls.some(([ids]) => ids.length > 0));
      release();
      await until(() => server.engine.numLiveSequences === 0);
      expect(server.runner.numSteps).toBeLessThanOrEqual(1);
      await server.stop();
    },
  );
});
