// Sends 5,000 random malformed requests, each on its own socket. No request may cause a server error, and
// the server must still work afterward. PAGODA_FUZZ_SEED=<n> sets another seed.

import { afterAll, describe, expect, test } from "bun:test";
import { listen } from "../../src/runtime/http-server.ts";
import { DEFAULT_LIMITS } from "../../src/server/server-context.ts";
import { makeApp } from "../support/fake-engine.ts";
import { type MalformedRequest, malformedRequest } from "../support/malformed-requests.ts";
import { Prng } from "../support/prng.ts";
import { until } from "../support/waiting.ts";

const NUM_REQUESTS = 5000;
const NUM_AT_ONCE = 50;

/** How long to wait for a response, since the server may be waiting for more bytes. */
const PATIENCE_MS = 150;

/** Allowed 5xx statuses: a full queue, and the listener's own response to an unsupported HTTP version. */
const ALLOWED = [503, 505];

const seed = Number(process.env["PAGODA_FUZZ_SEED"] ?? 1);
const { app, engine, scheduler, client } = makeApp({
  engine: { limits: { maxNumQueuedReqs: 64 } },
});
const { maxBodyBytes } = DEFAULT_LIMITS;
const server = await listen({ host: "127.0.0.1", port: 0, maxBodyBytes, fetch: app.fetch });

afterAll(async () => {
  await server.stop(true);
  await client.shutdown();
});

/** @returns the bytes received until the connection is closed or the wait times out */
function exchange({ bytes, isIncomplete }: MalformedRequest): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const chunks: string[] = [];
  let sent = 0;
  const send = (socket: Bun.Socket) => {
    sent += Math.max(0, socket.write(bytes.subarray(sent)));
    if (sent === bytes.length && isIncomplete) socket.end();
  };
  const end = () => resolve(chunks.join(""));
  Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: {
      open(socket) {
        send(socket);
        setTimeout(() => socket.terminate(), PATIENCE_MS); // a missing response must not hold up the test
      },
      drain: send,
      data: (_, data) => void chunks.push(data.toString("latin1")),
      close: end,
      error: end,
    },
  }).catch(end);
  return promise;
}

const statusesOf = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

describe("malformed requests", () => {
  test(`cause no server errors (${NUM_REQUESTS} requests)`, async () => {
    const prng = new Prng(seed);
    const counts = new Map<number, number>();
    let numStarted = 0;
    const worker = async () => {
      while (numStarted < NUM_REQUESTS) {
        const index = numStarted++;
        const request = malformedRequest(prng);
        for (const status of statusesOf(await exchange(request))) {
          counts.set(status, (counts.get(status) ?? 0) + 1);
          if (status < 500 || ALLOWED.includes(status)) continue;
          const text = JSON.stringify(Buffer.from(request.bytes).toString("latin1").slice(0, 600));
          const which = `PAGODA_FUZZ_SEED=${seed}, request ${index} (${request.kind})`;
          throw new Error(`${which} got ${status}: ${text}`);
        }
      }
    };
    await Promise.all(Array.from({ length: NUM_AT_ONCE }, worker));
    console.log(
      [...counts]
        .sort()
        .map(([status, count]) => `${status}: ${count}`)
        .join(", "),
    );
    for (const status of [200, 400, 404, 405, 431]) {
      expect([status, (counts.get(status) ?? 0) > 10]).toEqual([status, true]);
    }
  }, 120_000);

  test("leave no requests or blocks behind", async () => {
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await until(() => engine.numLiveSequences === 0);
    expect(scheduler.hasWork).toBe(false);
    expect(scheduler.kvCache.pool.usage).toBe(0);
    scheduler.kvCache.checkIntegrity();
    engine.reserve(64).release();
    const response = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"prompt":"hello","max_tokens":1}',
    });
    expect(response.status).toBe(200);
  });
});
