// POST /invocations responds like the route that the body is meant for.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const { post } = makeApp();
const messages = [{ role: "user", content: "x" }];

describe("POST /invocations", () => {
  test("responds to messages with a chat", async () => {
    const answer = await post("/invocations", { messages, max_tokens: 3 });
    expect(await answer.json()).toMatchObject({ object: "chat.completion" });
  });

  test("responds to a prompt with a completion, which is streamed on request", async () => {
    const answer = await post("/invocations", { prompt: "x", stream: true });
    expect(answer.headers.get("content-type")).toStartWith("text/event-stream");
    expect(await answer.text()).toContain('"object":"text_completion"');
  });

  test("reports invalid bodies and unknown models as those routes do", async () => {
    const fault = await post("/invocations", { messages, max_tokens: "many" });
    expect([fault.status, await fault.text()]).toEqual([
      400,
      expect.stringContaining("int_parsing"),
    ]);
    expect((await post("/invocations", { prompt: "x", model: "nope" })).status).toBe(404);
  });

  test("refuses a body that fits neither route", async () => {
    const answer = await post("/invocations", { input: "x" });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: { type: "BadRequestError", message: expect.stringContaining("suitable handler") } },
    ]);
  });
});
