// Requests that the server rejects under overload: the response and the cleanup.

import { describe, expect, test } from "bun:test";
import { EngineError } from "../../src/errors.ts";
import { listen } from "../../src/runtime/http-server.ts";
import { MemoryGuard } from "../../src/server/memory-guard.ts";
import { DEFAULT_LIMITS } from "../../src/server/server-context.ts";
import { makeApp } from "../support/fake-engine.ts";
import type { FakeTokenizer } from "../support/fake-model-runner.ts";
import { settled, until } from "../support/waiting.ts";

const TEXT = "/v1/completions";
const CHAT = "/v1/chat/completions";
const messages = [{ role: "user", content: "x" }];

/**
 * Delays tokenization by several event-loop turns so that all prompts in a burst are tokenized at the same
 * time.
 */
function slowTokenizer(tokenizer: FakeTokenizer): void {
  const encode = tokenizer.encode.bind(tokenizer);
  tokenizer.encode = async (text, addSpecial, parseSpecial) => {
    await settled();
    return encode(text, addSpecial, parseSpecial);
  };
}

const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { message: string; type: string; code: number } }).error;

describe("a full queue", () => {
  const options = {
    model: { stepTurns: 3 },
    engine: { limits: { maxNumQueuedReqs: 3, maxNumQueuedTokens: 200 } },
  };

  test("returns 503 with a retry time before the body is read", async () => {
    const { post, engine } = makeApp(options);
    const running = [1, 2, 3].map(() => post(TEXT, { prompt: "a", max_tokens: 20 }));
    await until(() => engine.numLiveSequences === 3);
    for (const [path, body] of [
      [TEXT, { prompt: "a" }],
      [CHAT, { messages }],
      [TEXT, "no JSON"],
    ] as const) {
      const response = await post(path, body);
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(await errorOf(response)).toMatchObject({
        message: "The server is at its limit of 3 requests in flight. Retry later.",
        type: "ServiceUnavailableError",
        code: 503,
      });
    }
    for (const response of await Promise.all(running)) expect(response.status).toBe(200);
    expect((await post(TEXT, { prompt: "a", n: 3, temperature: 1 })).status).toBe(200);
  });

  test("returns 400 for requests that can never fit", async () => {
    const { post, engine } = makeApp(options);
    const many = await post(TEXT, { prompt: ["a", "b"], n: 2, temperature: 1 });
    expect(many.status).toBe(400);
    expect((await errorOf(many)).message).toContain("4 sequences (n times prompts)");
    const long = await post(TEXT, { prompt: "a".repeat(300) });
    expect(long.status).toBe(400);
    expect((await errorOf(long)).message).toContain("301 prompt tokens exceed this server's limit");
    expect(engine.numLiveSequences).toBe(0);
  });

  test.each([
    [TEXT, { prompt: "a" }],
    [CHAT, { messages }],
  ])(
    "includes prompts that are still being tokenized, so a burst is admitted only up to the limit",
    async (path, body) => {
      const { post, runner } = makeApp(options);
      slowTokenizer(runner.tokenizer);
      const burst = Array.from({ length: 20 }, () => post(path, { ...body, max_tokens: 2 }));
      const statuses = (await Promise.all(burst)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(3);
      expect(statuses.filter((status) => status === 503)).toHaveLength(17);
    },
  );

  test("counts prompt tokens once they are known, and then rejects prompts that exceed the limit", async () => {
    const { post, engine, scheduler } = makeApp(options);
    const long = "a".repeat(150);
    const [first, second] = [
      post(TEXT, { prompt: long, max_tokens: 2 }),
      post(TEXT, { prompt: long, max_tokens: 800, ignore_eos: true }),
    ];
    const refused = await second;
    expect((await errorOf(refused)).message).toContain("limit of 200 waiting prompt tokens");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await first).status).toBe(200);
    await settled();
    expect([engine.numLiveSequences, scheduler.hasWork]).toEqual([0, false]);
    const room = engine.reserve(3);
    room.addTokens(200);
    room.release();
  });

  test("releases the capacity that a rejected request had reserved", async () => {
    const { post } = makeApp(options);
    for (let i = 0; i < 10; i++) {
      expect((await post(TEXT, { prompt: ["a", "b", [9999]] })).status).toBe(400);
      expect((await post(CHAT, { messages, max_tokens: 10 ** 6 })).status).toBe(400);
    }
    expect((await post(TEXT, { prompt: ["a", "b", "c"] })).status).toBe(200);
  });

  test("computes none of a request's prompts if one does not fit", async () => {
    const { post, runner } = makeApp(options);
    const prompt = ["a", "b".repeat(100)];
    expect((await post(TEXT, { prompt, max_tokens: 1000 })).status).toBe(400);
    await settled();
    expect(runner.numSteps).toBe(0);
  });

  test("aborts queued requests whose prompt cannot be echoed", async () => {
    const { post, engine } = makeApp(options);
    engine.calls.decode = async () => {
      throw new EngineError("engine_dead", "gone");
    };
    const body = { prompt: [72], echo: true, max_tokens: 900, ignore_eos: true };
    expect((await post(TEXT, body)).status).toBe(503);
    await until(() => engine.numLiveSequences === 0);
  });
});

describe("a request over the time limit", () => {
  test("in the queue gets a 503, or in a stream an error event before [DONE]", async () => {
    const { post, runner } = makeApp({
      model: { stepDelayMs: 10 },
      scheduler: { maxNumSeqs: 1 },
      engine: { limits: { queueTimeoutMs: 50 } },
    });
    const running = post(TEXT, { prompt: "a", max_tokens: 40 });
    await until(() => runner.numSteps > 0);
    const [plain, stream] = await Promise.all([
      post(TEXT, { prompt: "b" }),
      post(TEXT, { prompt: "c", stream: true }),
    ]);
    expect([plain.status, plain.headers.get("retry-after") !== null]).toEqual([503, true]);
    const [error, done] = (await stream.text()).trim().split("\n\n");
    expect(error).toContain("The request waited in the queue for 0.05 s. Retry later.");
    expect(done).toBe("data: [DONE]");
    expect((await running).status).toBe(200);
  });

  test("for the whole response gets a 504", async () => {
    const { post } = makeApp({
      model: { stepDelayMs: 5 },
      engine: { limits: { requestTimeoutMs: 50 } },
    });
    const response = await post(TEXT, { prompt: "a", max_tokens: 900, ignore_eos: true });
    expect(response.status).toBe(504);
    expect((await errorOf(response)).message).toBe("The request took longer than 0.05 s.");
  });
});

describe("memory pressure", () => {
  const guarded = () => {
    const state = { use: 0 as number | null, nowMs: 0, numReads: 0 };
    const memory = new MemoryGuard({
      limit: 0.95,
      readUse: () => {
        state.numReads++;
        return state.use;
      },
      nowMs: () => state.nowMs,
    });
    return { state, ...makeApp({}, { memory }) };
  };

  test("makes the server reject new requests; probes and metrics still work", async () => {
    const { state, post, app } = guarded();
    state.use = 0.951;
    const response = await post(TEXT, { prompt: "a" });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await errorOf(response)).message).toBe(
      "Memory use is 95%; new work is refused at 95% or more. Retry later.",
    );
    for (const path of ["/health", "/metrics"]) {
      expect((await app.handle(new Request(`http://localhost${path}`))).status).toBe(200);
    }
    state.use = 0.9;
    state.nowMs += 250;
    expect((await post(TEXT, { prompt: "a" })).status).toBe(200);
  });

  test("closes connections after the response if memory use nears the limit", async () => {
    const { state, post } = guarded();
    const connection = async () => (await post(TEXT, { prompt: "a" })).headers.get("connection");
    expect(await connection()).toBeNull();
    state.use = 0.93;
    state.nowMs += 250;
    expect(await connection()).toBe("close");
  });

  test("is measured at most every 250 ms, and causes no rejections if it is unknown", async () => {
    const { state, post } = guarded();
    state.use = null;
    for (let i = 0; i < 5; i++) expect((await post(TEXT, { prompt: "a" })).status).toBe(200);
    expect(state.numReads).toBe(1);
  });
});

describe("a connection", () => {
  /** Sends text over a new socket. @returns everything received until the server closes it, or within 10 s */
  function exchange(port: number, text: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    let received = "";
    void Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write(text),
        data: (_, data) => {
          received += data.toString();
        },
        close: () => resolve(received),
      },
    });
    setTimeout(() => resolve(`${received} (still open)`), 10_000); // reached only if the test fails
    return promise;
  }

  test("whose request body does not arrive gets an error and is closed", async () => {
    const { app } = makeApp({}, { limits: { ...DEFAULT_LIMITS, bodyTimeoutMs: 50 } });
    const { maxBodyBytes } = DEFAULT_LIMITS;
    const server = await listen({ host: "127.0.0.1", port: 0, maxBodyBytes, fetch: app.fetch });
    const head = `POST ${TEXT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const answer = await exchange(server.port, `${head}Content-Length: 100\r\n\r\n{"prompt"`);
    expect(answer).toStartWith("HTTP/1.1 408");
    expect(answer).toContain("The request body did not arrive within 0.05 s.");
    expect(answer).not.toContain("still open");
    await server.stop(true);
  });

  test("whose client does not read has its request aborted, and its blocks freed, long before the last token", async () => {
    const maxModelLen = 16_384;
    const { app, engine, scheduler, runner } = makeApp({
      model: { stepDelayMs: 0.1 },
      scheduler: { numBlocks: maxModelLen / 16 + 1, maxModelLen },
      engine: { limits: { maxUnreadBytes: 256 * 1024 } },
    });
    const { maxBodyBytes } = DEFAULT_LIMITS;
    const server = await listen({ host: "127.0.0.1", port: 0, maxBodyBytes, fetch: app.fetch });
    const options = '"stream":true,"ignore_eos":true,"max_tokens":16000,"logprobs":20';
    const body = `{"prompt":"a",${options}}`;
    const head = `POST ${TEXT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.port,
      socket: { data: (reader) => void reader.pause() },
    });
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    await until(() => engine.numLiveSequences > 0);
    await until(() => engine.numLiveSequences === 0);
    expect(scheduler.kvCache.pool.usage).toBe(0);
    expect(runner.numSteps).toBeGreaterThan(100);
    expect(runner.numSteps).toBeLessThan(16_000);
    socket.terminate();
    await server.stop(true);
  }, 30_000);
});
