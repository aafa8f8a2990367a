// GET /load counts generation requests from their arrival to the last byte of their responses.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";
import { turn } from "../support/waiting.ts";

const get = (path: string) => new Request(`http://localhost${path}`);
const messages = [{ role: "user", content: "x" }];

describe("GET /load", () => {
  const { app, post } = makeApp({ model: { stepDelayMs: 1 } }, { tracksLoad: true });
  const load = async () => (await app.handle(get("/load"))).json();

  test("returns 0 while no request is in progress", async () => {
    const answer = await app.handle(get("/load"));
    expect([answer.status, await answer.json()]).toEqual([200, { server_load: 0 }]);
  });

  test("counts a stream until its last event", async () => {
    const stream = await post("/v1/chat/completions", { messages, max_tokens: 4, stream: true });
    expect(await load()).toEqual({ server_load: 1 });
    await stream.text();
    await turn();
    expect(await load()).toEqual({ server_load: 0 });
  });

  test("counts a request until its response is sent, even if it is refused", async () => {
    const answering = post("/v1/completions", { prompt: "x", max_tokens: 4 });
    const refused = post("/v1/completions", { prompt: [] });
    expect(await load()).toEqual({ server_load: 2 });
    await Promise.all([answering, refused]);
    await turn();
    expect(await load()).toEqual({ server_load: 0 });
  });

  test("does not count requests that generate no tokens", async () => {
    const counting = post("/tokenize", { prompt: "x" });
    expect(await load()).toEqual({ server_load: 0 });
    await counting;
  });

  test("is absent without the option", async () => {
    const answer = await makeApp().app.handle(get("/load"));
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain("--enable-server-load-tracking");
  });
});
