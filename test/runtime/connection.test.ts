// Connections beyond one request at a time (RFC 9112): empty lines, pipelined requests, disconnects.
// The tests use real sockets, byte by byte where needed.

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { listen } from "../../src/runtime/http-server.ts";
import { startFakeServer } from "../support/fake-server.ts";
import { Prng } from "../support/prng.ts";
import { answersOf, getText, postText, type RawAnswer, RawClient } from "../support/raw-client.ts";
import { settled, turn, until } from "../support/waiting.ts";

const server = await startFakeServer({ model: { stepDelayMs: 5 } });
const { engine, runner, scheduler, url } = server;
const clients: RawClient[] = [];

async function connect(to = url): Promise<RawClient> {
  const client = await RawClient.connect(to);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await until(() => engine.numLiveSequences === 0);
});
afterAll(() => server.stop());

const TEXT = "/v1/completions";
const completion = (prompt: string, headers = "") =>
  postText(TEXT, { prompt, max_tokens: 3, echo: true, ignore_eos: true }, headers);
const stream = (maxTokens: number) =>
  postText(TEXT, { prompt: "a", max_tokens: maxTokens, stream: true, ignore_eos: true });

const promptOf = ({ body }: RawAnswer) => JSON.parse(body).choices[0].text.slice(0, 2);
const statuses = (answers: readonly RawAnswer[]) => answers.map(({ status }) => status);
const events = ({ body }: RawAnswer) =>
  body.split("\n\n").filter((event) => event.startsWith("data:"));

describe("empty lines", () => {
  test.each([
    ["before a request", `\r\n${completion("p1")}`, 1],
    ["many of them", `${"\r\n".repeat(50)}${completion("p1")}`, 1],
    ["after a request", `${completion("p1")}\r\n`, 1],
    ["between two", `${completion("p1")}\r\n\r\n${completion("p2")}`, 2],
    ["after a request without a body", `${getText("/version")}\r\n${getText("/health")}`, 2],
  ])("%s are ignored", async (_, text, numAnswers) => {
    const client = await connect();
    client.send(text);
    const answers = await client.answers(numAnswers);
    expect(statuses(answers)).toEqual(Array.from({ length: numAnswers }, () => 200));
    expect(client.isClosed).toBe(false);
  });

  test("are ignored during a response and between responses", async () => {
    const client = await connect();
    client.send(completion("p1"));
    await client.until(() => engine.numLiveSequences > 0);
    client.send("\r\n");
    await client.answers(1);
    client.send("\r\n");
    await settled();
    client.send(completion("p2"));
    expect((await client.answers(2)).map(promptOf)).toEqual(["p1", "p2"]);
  });

  test("are ignored during a stream", async () => {
    const client = await connect();
    client.send(stream(20));
    await client.until(() => client.received.includes("data:"));
    client.send("\r\n");
    const [answer] = (await client.answers(1)) as [RawAnswer];
    expect(events(answer)).toHaveLength(21);
    expect(answer.body).toEndWith("data: [DONE]\n\n");
    expect(client.isClosed).toBe(false);
  });
});

describe("pipelined requests", () => {
  test.each([2, 10, 100])("get their responses in order: %d at once", async (count) => {
    const client = await connect();
    const prompts = Array.from({ length: count }, (_, i) =>
      String(i + 10)
        .padStart(3, "p")
        .slice(-2),
    );
    client.send(prompts.map((prompt) => completion(prompt)).join(""));
    const answers = await client.answers(count);
    expect(answers.map(promptOf)).toEqual(prompts);
    expect(client.isClosed).toBe(false);
  });

  test("are processed one at a time", async () => {
    const client = await connect();
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, engine.numLiveSequences);
    }, 1);
    client.send(Array.from({ length: 5 }, () => completion("pp")).join(""));
    await client.answers(5);
    clearInterval(watch);
    expect(most).toBe(1);
  });

  test("wait for a stream to end", async () => {
    const client = await connect();
    client.send(stream(20));
    await client.until(() => client.received.includes("data:"));
    client.send(getText("/version"));
    client.send(getText("/nowhere"));
    const answers = await client.answers(3);
    expect(statuses(answers)).toEqual([200, 200, 404]);
    expect(answers[0]?.body).toEndWith("data: [DONE]\n\n");
    expect(answers[1]?.body).toContain("version");
  });

  test("can follow a chunked body, and can arrive in pieces", async () => {
    const client = await connect();
    const body = '{"prompt":"p1","max_tokens":2,"echo":true}';
    const chunks = [...body].map((char) => `1\r\n${char}\r\n`).join("");
    const head = `POST ${TEXT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    client.send(`${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\nX-Trailer: y\r\n\r\n`);
    const second = completion("p2");
    client.send(second.slice(0, 30));
    await client.answers(1);
    client.send(second.slice(30, -5));
    await settled();
    client.send(second.slice(-5));
    expect((await client.answers(2)).map(promptOf)).toEqual(["p1", "p2"]);
  });

  test("can follow a request that is rejected before its body is read", async () => {
    const client = await connect();
    client.send(postText("/v1/nowhere", { prompt: "x".repeat(1000) }));
    client.send(postText(TEXT, "no JSON"));
    client.send(completion("p3"));
    expect(statuses(await client.answers(3))).toEqual([404, 400, 200]);
  });

  test("can follow an unread body of any length", async () => {
    const client = await connect();
    client.send(postText("/v1/nowhere", "x".repeat(3_000_000)));
    client.send(getText("/version", `Content-Length: 1000000\r\n`) + "x".repeat(1_000_000));
    client.send(completion("p3"));
    expect(statuses(await client.answers(3))).toEqual([404, 200, 200]);
  });

  test("get responses up to the request that closes the connection", async () => {
    const client = await connect();
    client.send(completion("p1") + completion("p2", "Connection: close\r\n") + completion("p3"));
    const answers = await client.all();
    expect(answers.map(promptOf)).toEqual(["p1", "p2"]);
    expect(answers[1]?.head).toContain("connection: close");
  });

  test("get the same responses no matter how the bytes are split", async () => {
    const prng = new Prng(Number(process.env["PAGODA_FUZZ_SEED"] ?? 1));
    const requests = [
      completion("p1"),
      "\r\n",
      getText("/version"),
      getText("/health").replace("GET", "HEAD"),
      postText(TEXT, "no JSON"),
      `\r\n\r\n${completion("p2", "Expect: 100-continue\r\n")}`,
      completion("p3"),
    ].join("");
    for (let round = 0; round < 20; round++) {
      const client = await connect();
      for (let at = 0; at < requests.length; ) {
        const size = prng.int(1, prng.int(1, 200));
        client.send(requests.slice(at, at + size));
        at += size;
        if (prng.int(0, 2) === 0) await turn();
      }
      const whole = () => statuses(answers()).filter((status) => status >= 200);
      const answers = () => withoutHeadBody(client.received);
      await client.until(() => client.isClosed || whole().length === 6);
      expect([round, whole()]).toEqual([round, [200, 200, 200, 400, 200, 200]]);
      client.close();
    }
  }, 30_000);
});

/** Parses only statuses, since a HEAD response has a length but no body. */
function withoutHeadBody(received: string): RawAnswer[] {
  return received
    .split("HTTP/1.1 ")
    .slice(1)
    .map((text) => ({ status: Number(text.slice(0, 3)), head: "", body: text, isWhole: true }));
}

describe("an invalid request", () => {
  const garbage = "GARBAGE \u0000\r\n\r\n";

  test("is rejected after the responses to earlier requests", async () => {
    const client = await connect();
    client.send(completion("p1") + completion("p2") + garbage + completion("p3"));
    const answers = await client.all();
    expect(statuses(answers)).toEqual([200, 200, 400]);
    expect(answers.slice(0, 2).map(promptOf)).toEqual(["p1", "p2"]);
  });

  test.each([
    ["bytes that are not HTTP", garbage, 400],
    ["TLS", "\u0016\u0003\u0001\u0002\u0000\u0001", 400],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["a CONNECT request", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400],
    ["a request without a Host", "GET /version HTTP/1.1\r\n\r\n", 400],
    ["a request with two Hosts", "GET /version HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400],
    ["headers that are too long", getText("/version", `X: ${"y".repeat(20_000)}\r\n`), 431],
    ["an unknown expectation", getText("/version", "Expect: 200-maybe\r\n"), 200],
    [
      "a request to switch protocols",
      getText("/version", "Upgrade: h2c\r\nConnection: upgrade\r\n"),
      200,
    ],
    ["an HTTP/1.0 request", "GET /version HTTP/1.0\r\n\r\n", 200],
    ["two lengths", getText("/version", "Content-Length: 1\r\nContent-Length: 2\r\n"), 400],
  ])("does not cut off the stream before it: %s", async (_, text, status) => {
    const client = await connect();
    client.send(stream(20));
    await client.until(() => client.received.includes("data:"));
    client.send(text);
    const answers = await client.answers(2);
    expect(statuses(answers)).toEqual([200, status]);
    expect(answers[0]?.body).toEndWith("data: [DONE]\n\n");
  });

  test("with a broken chunk in its body gets an error response of its own", async () => {
    const client = await connect();
    const head = `POST ${TEXT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    client.send(`${completion("p1")}${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"pro\r\nzz\r\n`);
    const answers = await client.all();
    expect(statuses(answers)).toEqual([200, 400]);
    expect(answers[1]?.body).toContain("could not be read to the end");
    expect(answers[1]?.head.toLowerCase()).toContain("connection: close");
  });
});

describe("a request with a broken body", () => {
  test("gets a single response, even if it was sent before the body was read", async () => {
    const client = await connect();
    client.send(`POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`);
    await client.until(() => client.received.includes("Not Found"));
    client.send("zz\r\n");
    expect(statuses(await client.all())).toEqual([404]);
  });
});

describe("framing that could hide a request", () => {
  const post = (headers: string, body = "0\r\n\r\n") =>
    `POST ${TEXT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n${body}`;
  test.each([
    ["a length and chunks", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")],
    ["two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "abcdef")],
    ["a list of lengths", post("Content-Length: 5, 5\r\n", "abcde")],
    ["a length with a sign", post("Content-Length: +5\r\n", "abcde")],
    ["a negative length", post("Content-Length: -1\r\n", "")],
    ["a length in hex", post("Content-Length: 0x5\r\n", "abcde")],
    ["an empty length", post("Content-Length: \r\n", "abcde")],
    ["a length that is too large", post("Content-Length: 99999999999999999999\r\n", "")],
    ["another coding", post("Transfer-Encoding: gzip\r\n")],
    ["another coding before chunked", post("Transfer-Encoding: gzip, chunked\r\n")],
    ["a repeated chunked coding", post("Transfer-Encoding: chunked, chunked\r\n")],
    ["a chunked coding that is not last", post("Transfer-Encoding: chunked, identity\r\n")],
    ["a coding with a similar name", post("Transfer-Encoding: xchunked\r\n")],
    ["a chunked body in HTTP/1.0", post("Transfer-Encoding: chunked\r\n").replace("1.1", "1.0")],
    ["a space before the colon", post("Transfer-Encoding : chunked\r\n")],
    ["chunk lines that end in LF", post("Transfer-Encoding: chunked\r\n", "5\nabcde\n0\n\n")],
    [
      "LF in a chunk extension",
      post("Transfer-Encoding: chunked\r\n", "5;a\nb\r\nabcde\r\n0\r\n\r\n"),
    ],
    [
      "a chunk without its final CRLF",
      post("Transfer-Encoding: chunked\r\n", "5\r\nabcdeXX0\r\n\r\n"),
    ],
    ["a negative chunk", post("Transfer-Encoding: chunked\r\n", "-5\r\nabcde\r\n0\r\n\r\n")],
    ["a header line that ends in LF", "GET /version HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n"],
    ["CR in a header", "GET /version HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n"],
    ["a folded header", "GET /version HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n"],
    ["NUL in a header", "GET /version HTTP/1.1\r\nHost: localhost\r\nX: a\u0000b\r\n\r\n"],
    ["a header without a colon", "GET /version HTTP/1.1\r\nHost: localhost\r\nXY\r\n\r\n"],
    ["two Hosts", "GET /version HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"],
    ["no Host", "GET /version HTTP/1.1\r\n\r\n"],
    ["a user name in the Host", "GET /version HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n"],
    ["a path in the Host", "GET /version HTTP/1.1\r\nHost: evil.example/?x=\r\n\r\n"],
    ["a space before the request line", " GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ])("is rejected and closes the connection: %s", async (_, text) => {
    const client = await connect();
    client.send(text + getText("/version"));
    const answers = await client.all();
    expect(client.isClosed).toBe(true);
    expect(answers.every(({ status }) => status === 400)).toBe(true);
    expect(answers.length).toBeGreaterThan(0);
  });

  test.each([
    [
      "headers beyond 16 KiB",
      `GET /version HTTP/1.1\r\nHost: localhost\r\nX: ${"y".repeat(17_000)}\r\n\r\n`,
      431,
    ],
    [
      "a request line beyond 16 KiB",
      `GET /${"a".repeat(17_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      431,
    ],
    [
      "too many headers",
      `GET /version HTTP/1.1\r\nHost: localhost\r\n${"X: y\r\n".repeat(2500)}\r\n`,
      431,
    ],
    ["lines that end in LF", "GET /version HTTP/1.1\nHost: localhost\n\n", 400],
    ["a space in the path", "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400],
    ["a request line without a version", "GET /version\r\n\r\n", 400],
    ["a later HTTP/1 version", "GET /version HTTP/1.2\r\nHost: localhost\r\n\r\n", 505],
    ["another version", "GET /version HTTP/2.0\r\nHost: localhost\r\n\r\n", 505],
  ])("is rejected with a specific status: %s", async (_, text, status) => {
    const client = await connect();
    client.send(text);
    expect(statuses(await client.all())).toEqual([status]);
  });
});

describe("an oversized body", () => {
  test("is cut off once it is far beyond the app's limit", async () => {
    const { app } = server;
    const small = await listen({
      host: "127.0.0.1",
      port: 0,
      maxBodyBytes: 10_000,
      fetch: app.fetch,
    });
    const client = await connect(small.url);
    const head = `POST ${TEXT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    client.send(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    let numSent = 0;
    for (; numSent < 1000 && !client.isClosed; numSent++) {
      client.send(`3e8\r\n${" ".repeat(1000)}\r\n`);
      await turn();
    }
    expect(client.isClosed).toBe(true);
    expect(numSent).toBeGreaterThan(150);
    await small.stop(true);
  });
});

describe("an idle client", () => {
  const deadlines = { headersMs: 500, requestMs: 1000, idleMs: 500, writeStallMs: 300 };
  const start = () => {
    const { fetch } = server.app;
    return listen({ host: "127.0.0.1", port: 0, maxBodyBytes: 10_000, fetch, deadlines });
  };

  test.each([
    ["before the first byte", "", 408],
    ["within the headers", "GET /version HTTP/1.1\r\nHost:", 408],
    ["between requests", getText("/version"), 200],
    ["within headers after a response", `${getText("/version")}GET /vers`, 200],
    ["within an unread body", postText("/nowhere", "x".repeat(5000)).slice(0, -1), 404],
  ])("is disconnected: %s", async (_, text, status) => {
    const patient = await start();
    const client = await connect(patient.url);
    client.send(text);
    await client.until(() => client.isClosed);
    expect(client.isClosed).toBe(true);
    expect(answersOf(client.received)[0]?.status ?? 408).toBe(status);
    await patient.stop(true);
  });

  test("is not disconnected while a response is computed or streamed", async () => {
    const patient = await start();
    const slow = postText(TEXT, { prompt: "a", max_tokens: 300, ignore_eos: true });
    for (const text of [slow, stream(300)]) {
      const client = await connect(patient.url);
      const startMs = performance.now();
      client.send(text);
      const [answer] = (await client.answers(1)) as [RawAnswer];
      expect([answer.status, answer.isWhole]).toEqual([200, true]);
      expect(performance.now() - startMs).toBeGreaterThan(1000);
    }
    await patient.stop(true);
  }, 20_000);

  test("that does not read its response is disconnected", async () => {
    const patient = await start();
    const client = await connect(patient.url);
    client.socket.pause();
    const body = {
      prompt: "a".repeat(900),
      echo: true,
      max_tokens: 100,
      logprobs: 20,
      stream: true,
    };
    client.send(postText(TEXT, { ...body, n: 16, temperature: 1, ignore_eos: true }));
    await client.until(() => engine.numLiveSequences > 0);
    await until(() => engine.numLiveSequences === 0);
    await patient.stop(true);
  });
});

describe("a response in one piece that exceeds the socket buffers", () => {
  const NUM_BYTES = 20_000_000;
  const start = () =>
    listen({
      ...{ host: "127.0.0.1", port: 0, maxBodyBytes: 10_000 },
      deadlines: { headersMs: 5000, requestMs: 5000, idleMs: 5000, writeStallMs: 1000 },
      fetch: () => {
        const headers = { "content-length": String(NUM_BYTES) };
        return new Response(new Uint8Array(NUM_BYTES), { headers });
      },
    });

  test("reaches a slow client in full", async () => {
    const big = await start();
    const client = await connect(big.url);
    client.send(getText("/"));
    // The fixed delay makes the client read more slowly than the server fills the system's buffers.
    for (let i = 0; i < 200 && client.received.length < NUM_BYTES; i++) {
      client.socket.resume();
      await Bun.sleep(1);
      client.socket.pause();
      await Bun.sleep(20); // slow client, see above
    }
    const [answer] = await client.answers(1);
    expect([answer?.isWhole, answer?.body.length]).toEqual([true, NUM_BYTES]);
    await big.stop(true);
  }, 20_000);

  test("is aborted if the client does not read it", async () => {
    const big = await start();
    const client = await connect(big.url);
    client.socket.pause();
    client.send(getText("/"));
    await Bun.sleep(2500); // longer than a write may stall
    client.socket.resume();
    await client.until(() => client.isClosed);
    expect([client.isClosed, client.received.length < NUM_BYTES]).toEqual([true, true]);
    await big.stop(true);
  });
});

describe("stopping the server", () => {
  test("lets responses finish, closes idle connections, and accepts no new ones", async () => {
    const { fetch } = server.app;
    const ending = await listen({ host: "127.0.0.1", port: 0, maxBodyBytes: 10_000, fetch });
    const [idle, busy] = [await connect(ending.url), await connect(ending.url)];
    idle.send(getText("/version"));
    await idle.answers(1);
    busy.send(stream(30));
    await busy.until(() => busy.received.includes("data:"));
    await ending.stop(false);
    expect(idle.isClosed).toBe(true);
    const [answer] = (await busy.all()) as [RawAnswer];
    expect(answer.body).toEndWith("data: [DONE]\n\n");
    const late = await connect(ending.url);
    late.send(getText("/version"));
    expect(await late.all()).toEqual([]);
  });

  test("cuts off responses if forced, immediately or after a graceful stop has begun", async () => {
    const { fetch } = server.app;
    for (const waits of [false, true]) {
      const ending = await listen({ host: "127.0.0.1", port: 0, maxBodyBytes: 10_000, fetch });
      const busy = await connect(ending.url);
      busy.send(stream(900));
      await busy.until(() => busy.received.includes("data:"));
      const ended = waits ? ending.stop(false) : null;
      await ending.stop(true);
      await ended;
      await busy.all();
      expect([waits, busy.received.includes("[DONE]")]).toEqual([waits, false]);
    }
  });
});

describe("a client", () => {
  test("with HTTP/1.0 needs no Host, and its response ends when the connection closes", async () => {
    for (const head of ["GET /health HTTP/1.0\r\n\r\n", "OPTIONS /x HTTP/1.0\r\n\r\n"]) {
      const client = await connect();
      client.send(head);
      const [answer] = (await client.all()) as [RawAnswer];
      expect([head, answer.status]).toEqual([head, head.startsWith("GET") ? 200 : 404]);
    }
    const client = await connect();
    client.send(stream(3).replace("HTTP/1.1", "HTTP/1.0"));
    const [answer] = (await client.all()) as [RawAnswer];
    expect(answer.head).not.toContain("chunked");
    expect(answer.body).toEndWith("data: [DONE]\n\n");
  });

  test("that expects 100-continue receives it", async () => {
    const client = await connect();
    const whole = completion("p1", "Expect: 100-continue\r\n");
    const at = whole.indexOf("\r\n\r\n") + 4;
    client.send(whole.slice(0, at));
    expect(statuses(await client.answers(1))).toEqual([100]);
    client.send(whole.slice(at));
    expect(statuses(await client.answers(2))).toEqual([100, 200]);
  });

  test("that sends HEAD receives only the headers", async () => {
    const client = await connect();
    client.send(getText("/health").replace("GET", "HEAD"));
    client.send(getText("/version"));
    const answers = await client.answers(2);
    expect(statuses(answers)).toEqual([200, 200]);
  });

  test("that disconnects has its requests aborted: streaming, waiting for a response, or pipelined", async () => {
    for (const text of [
      stream(900),
      postText(TEXT, { prompt: "a", max_tokens: 900, ignore_eos: true }),
      stream(900) + completion("p2"),
    ]) {
      const client = await connect();
      client.send(text);
      await client.until(() => engine.numLiveSequences > 0);
      client.close();
      await until(() => engine.numLiveSequences === 0);
      const { numSteps } = runner;
      await until(() => !scheduler.hasWork);
      await settled();
      expect(runner.numSteps).toBe(numSteps);
    }
  });

  test("that disconnects before or during a stream has the stream canceled", async () => {
    for (const isEarly of [true, false]) {
      const [began, cancelled] = [
        Promise.withResolvers<AbortSignal>(),
        Promise.withResolvers<void>(),
      ];
      const own = await listen({
        ...{ host: "127.0.0.1", port: 0, maxBodyBytes: 10_000 },
        fetch: async ({ signal }) => {
          began.resolve(signal);
          if (isEarly) await new Promise((resolve) => signal.addEventListener("abort", resolve));
          const bytes = new Uint8Array(10_000_000);
          const pull = (controller: ReadableStreamDefaultController) => controller.enqueue(bytes);
          return new Response(new ReadableStream({ pull, cancel: cancelled.resolve }));
        },
      });
      const client = await connect(own.url);
      client.socket.pause();
      client.send(getText("/"));
      const request = await began.promise;
      await settled();
      expect(request.aborted).toBe(false);
      client.close();
      await cancelled.promise;
      expect(request.aborted).toBe(true);
      await own.stop(true);
    }
  });

  test("that half-closes counts as disconnected, as in vLLM, but still gets an immediate response", async () => {
    const client = await connect();
    client.socket.end(getText("/health"));
    expect(statuses(await client.all())).toEqual([200]);
    const other = await connect();
    other.socket.end(postText(TEXT, { prompt: "a", max_tokens: 900, ignore_eos: true }));
    await other.until(() => other.isClosed);
    await until(() => engine.numLiveSequences === 0);
  });

  test("that keeps sending requests is not read any further", async () => {
    const client = await connect();
    client.send(stream(900));
    await client.until(() => client.received.includes("data:"));
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    const many = getText("/version").repeat(1000);
    let numTaken = 0;
    for (let i = 0; i < 1000; i++) if (client.socket.write(many, () => numTaken++)) await turn();
    await Bun.sleep(200); // waits for bytes in system buffers, which are not observable
    Bun.gc(true);
    // Sockets buffer some requests, but not the million that were sent.
    expect(numTaken).toBeLessThan(500);
    expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(200);
  }, 30_000);
});
