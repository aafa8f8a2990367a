// POST /v1/requests/{id}/cancel against the complete engine with the fake model: which requests it aborts,
// what their responses contain, and when the route exists.

import { describe, expect, test } from "bun:test";
import type { HttpRecord } from "../../src/metrics/family.ts";
import type { ServerContext } from "../../src/server/server-context.ts";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const KEY = { authorization: "Bearer k" };

interface Answer {
  readonly id: string;
  readonly choices: readonly { readonly finish_reason: string }[];
}

/** Starts a server with an API key and a slow model. */
function start(context: Partial<ServerContext> = {}) {
  const parts = makeApp({ model: { stepDelayMs: 1 } }, { apiKeys: ["k"], ...context });
  const cancel = (id: string, headers: Record<string, string> = KEY, method = "POST") =>
    parts.app.handle(new Request(`http://localhost/v1/requests/${id}/cancel`, { method, headers }));
  const complete = (body: object, id: string) =>
    parts.post(
      "/v1/completions",
      { prompt: "hello", max_tokens: 900, ...body },
      {
        ...KEY,
        "x-request-id": id,
      },
    );
  const untilLive = async (count: number) => {
    while (parts.engine.numLiveSequences < count) await Bun.sleep(1);
  };
  const reasonsOf = async (response: Response) =>
    ((await response.json()) as Answer).choices.map((choice) => choice.finish_reason);
  return { ...parts, cancel, complete, untilLive, reasonsOf };
}

describe("a request in progress", () => {
  test("finishes with the reason abort and frees its blocks, while other requests continue", async () => {
    const { cancel, complete, untilLive, reasonsOf, scheduler } = start();
    const answer = complete({}, "mine");
    const other = complete({ max_tokens: 20, ignore_eos: true }, "other");
    await untilLive(2);
    const response = await cancel("cmpl-mine");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ id: "cmpl-mine", status: "cancelled" });
    expect(await reasonsOf(await answer)).toEqual(["abort"]);
    expect(await reasonsOf(await other)).toEqual(["length"]);
    expect(scheduler.kvCache.pool.usage).toBe(0);
  });

  test("finishes with the reason abort in a stream, which still ends with [DONE]", async () => {
    const { cancel, complete, untilLive } = start();
    const stream = await complete({ stream: true }, "mine");
    await untilLive(1);
    expect((await cancel("cmpl-mine")).status).toBe(200);
    const events = await readEvents(stream);
    expect(events.at(-1)).toBe("[DONE]");
    expect((events.at(-2) as Answer).choices[0]?.finish_reason).toBe("abort");
  });

  test("is canceled with all its prompts and sequences, and so are other requests with the same ID", async () => {
    const { cancel, complete, untilLive, reasonsOf } = start();
    const many = complete({ prompt: ["a", "b"], n: 2 }, "mine");
    const twin = complete({}, "mine");
    await untilLive(5);
    expect((await cancel("cmpl-mine")).status).toBe(200);
    expect(await reasonsOf(await many)).toEqual(["abort", "abort", "abort", "abort"]);
    expect(await reasonsOf(await twin)).toEqual(["abort"]);
  });

  test("can be a chat, under the chat's ID", async () => {
    const { cancel, post, untilLive, reasonsOf } = start();
    const body = { messages: [{ role: "user", content: "hi" }], max_tokens: 900 };
    const answer = post("/v1/chat/completions", { ...body, request_id: "a/b" }, KEY);
    await untilLive(1);
    expect((await cancel("cmpl-a%2Fb")).status).toBe(404);
    expect((await cancel("chatcmpl-a%2Fb")).status).toBe(200);
    expect(await reasonsOf(await answer)).toEqual(["abort"]);
  });

  test("is found by an ID that is not percent-encoded", async () => {
    const { cancel, complete, untilLive, reasonsOf } = start();
    const answer = complete({}, "100%");
    await untilLive(1);
    expect((await cancel("cmpl-100%")).status).toBe(200);
    expect(await reasonsOf(await answer)).toEqual(["abort"]);
  });

  test("can be canceled while the server drains", async () => {
    let isDraining = false;
    const { cancel, complete, untilLive, reasonsOf } = start({ isDraining: () => isDraining });
    const answer = complete({}, "mine");
    await untilLive(1);
    isDraining = true;
    expect((await cancel("cmpl-mine")).status).toBe(200);
    expect(await reasonsOf(await answer)).toEqual(["abort"]);
  });
});

describe("an ID with no request in progress", () => {
  const notFound = (id: string) => ({
    error: {
      message: `No request "${id}" is in progress.`,
      ...{ type: "NotFoundError", param: "id", code: 404 },
    },
  });

  test("returns 404, whether the ID is unknown or its request has finished", async () => {
    const { cancel, complete } = start();
    await (await complete({ max_tokens: 1 }, "done")).json();
    for (const id of ["cmpl-done", "cmpl-never", "%", "%ff"]) {
      const response = await cancel(id);
      expect([response.status, await response.json()]).toEqual([404, notFound(id)]);
    }
  });
});

describe("the route", () => {
  test("requires the API key, but also exists without a key in development mode", async () => {
    const { cancel } = start();
    expect((await cancel("cmpl-a", {})).status).toBe(401);
    const dev = start({ apiKeys: [], isDevMode: true });
    expect(await (await dev.cancel("cmpl-a", {})).json()).toMatchObject({ error: { param: "id" } });
  });

  test("does not exist on a server without a key; the error explains how to get it", async () => {
    const { cancel } = start({ apiKeys: [] });
    const response = await cancel("cmpl-a");
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("A server with an API key also has");
  });

  test("rejects other methods and has a single metric label", async () => {
    const records: HttpRecord[] = [];
    const { cancel } = start({ recordHttp: (record) => records.push(record) });
    const response = await cancel("cmpl-a", KEY, "GET");
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    await cancel("cmpl-b");
    expect(records.map(({ handler, status }) => [handler, status])).toEqual([
      ["/v1/requests/{id}/cancel", 405],
      ["/v1/requests/{id}/cancel", 404],
    ]);
  });
});
