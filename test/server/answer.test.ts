// Answers of an app that is mounted without a listener: there the stream's reader is all that tells when
// the client has left.

import { describe, expect, test } from "bun:test";
import { eventsOf } from "../../src/api/events.ts";
import { EngineError } from "../../src/errors.ts";
import { makeApp } from "../support/fake-engine.ts";
import { until } from "../support/waiting.ts";

const ROUTES = [
  ["/v1/chat/completions", { messages: [{ role: "user", content: "x" }] }, 1],
  ["/v1/completions", { prompt: ["x", "y"] }, 2],
] as const;

describe("a streamed answer whose reader leaves", () => {
  test.each(ROUTES)("ends what %s runs", async (path, prompt, numSequences) => {
    const { post, engine } = makeApp({ model: { stepTurns: 3 } });
    const body = { ...prompt, stream: true, max_tokens: 900, ignore_eos: true };
    const reader = (await post(path, body)).body?.getReader();
    await reader?.read();
    expect(engine.numLiveSequences).toBe(numSequences);
    await reader?.cancel();
    await until(() => engine.numLiveSequences === 0);
  });
});

describe("an error", () => {
  const UNFORESEEN = new Error("a secret");
  const FORESEEN = new EngineError("engine_step_failed", "Internal server error");
  const TOLD =
    '{"error":{"message":"Internal server error","type":"InternalServerError","param":null,"code":500}}';
  const cases = [
    ["that no code foresees is for the log, and not for the client", UNFORESEEN, [UNFORESEEN]],
    ["of the engine, which is in the log already, is not told again", FORESEEN, []],
  ] as const;

  test.each(cases)("%s", async (_, error, expected) => {
    const logged: unknown[] = [];
    const { post, engine } = makeApp({}, { logFault: (fault) => logged.push(fault) });
    engine.calls.encode = () => Promise.reject(error);
    const answer = await post("/tokenize", { prompt: "x" });
    expect([answer.status, await answer.text()]).toEqual([500, TOLD]);
    expect(logged).toEqual([...expected]);
  });

  test.each(cases)("%s, in a stream that has begun", async (_, error, expected) => {
    const logged: unknown[] = [];
    async function* failing() {
      yield "first";
      throw error;
    }
    const writer = { event: (output: string) => `${output} `, end: () => "end" };
    const events = eventsOf(failing(), writer, (fault) => logged.push(fault));
    expect(await Array.fromAsync(events)).toEqual([
      ...["first ", `data: ${TOLD}\n\n`, "data: [DONE]\n\n"],
    ]);
    expect(logged).toEqual([...expected]);
  });
});
