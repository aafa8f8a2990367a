// Responses from an app that is mounted without a listener. The app learns of a disconnect from the stream's
// reader or from the request's signal.

import { describe, expect, spyOn, test } from "bun:test";
import { eventsOf } from "../../src/api/events.ts";
import { EngineError } from "../../src/errors.ts";
import { makeApp } from "../support/fake-engine.ts";
import { until } from "../support/waiting.ts";

const ROUTES = [
  ["/v1/chat/completions", { messages: [{ role: "user", content: "x" }] }, 1],
  ["/v1/completions", { prompt: ["x", "y"] }, 2],
] as const;

describe("a streamed response whose reader disconnects", () => {
  test.each(ROUTES)("aborts its sequences on %s", async (path, prompt, numSequences) => {
    const { post, engine } = makeApp({ model: { stepTurns: 3 } });
    const body = { ...prompt, stream: true, max_tokens: 900, ignore_eos: true };
    const reader = (await post(path, body)).body?.getReader();
    await reader?.read();
    expect(engine.numLiveSequences).toBe(numSequences);
    await reader?.cancel();
    await until(() => engine.numLiveSequences === 0);
  });
});

describe("a client that disconnects before its prompt is tokenized", () => {
  test.each([
    ["/v1/chat/completions", { messages: [{ role: "user", content: "x" }] }],
    ["/v1/completions", { prompt: "x" }],
  ])("aborts its request to %s immediately", async (path, prompt) => {
    const { app, client, engine, runner } = makeApp();
    const tokenized = Promise.withResolvers<Int32Array>();
    runner.tokenizer.encode = () => tokenized.promise;
    runner.tokenizer.encodeChat = () => tokenized.promise;
    const abort = spyOn(client, "abort");
    const left = new AbortController();
    const answer = app.handle(
      new Request(`http://localhost${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(prompt),
        signal: left.signal,
      }),
    );
    await until(() => engine.numLiveSequences === 1);
    left.abort();
    expect(abort.mock.calls).toEqual([[["0"]]]);
    tokenized.resolve(Int32Array.of(1, 2, 3));
    await answer;
    expect([engine.numLiveSequences, runner.numSteps]).toEqual([0, 0]);
  });
});

describe("an error", () => {
  const UNFORESEEN = new Error("a secret");
  const FORESEEN = new EngineError("engine_step_failed", "Internal server error");
  const SHOWN =
    '{"error":{"message":"Internal server error","type":"InternalServerError","param":null,"code":500}}';
  const cases = [
    ["that is unexpected is logged and hidden from the client", UNFORESEEN, [UNFORESEEN]],
    ["that the engine has already logged is not logged again", FORESEEN, []],
  ] as const;

  test.each(cases)("%s", async (_, error, expected) => {
    const logged: unknown[] = [];
    const { post, engine } = makeApp({}, { logFault: (fault) => logged.push(fault) });
    engine.calls.encode = () => Promise.reject(error);
    const answer = await post("/tokenize", { prompt: "x" });
    expect([answer.status, await answer.text()]).toEqual([500, SHOWN]);
    expect(logged).toEqual([...expected]);
  });

  test.each(cases)("%s, in a stream that has started", async (_, error, expected) => {
    const logged: unknown[] = [];
    async function* failing() {
      yield "first";
      throw error;
    }
    const writer = { event: (output: string) => `${output} `, end: () => "end" };
    const events = eventsOf(failing(), writer, (fault) => logged.push(fault));
    expect(await Array.fromAsync(events)).toEqual([
      ...["first ", `data: ${SHOWN}\n\n`, "data: [DONE]\n\n"],
    ]);
    expect(logged).toEqual([...expected]);
  });
});
