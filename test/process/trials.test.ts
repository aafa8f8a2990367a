// Calls that wait for their trial: the time limit, and cleanup when a call is aborted.

import { expect, test } from "bun:test";
import { Trials, trialOf } from "../../src/process/trials.ts";

test("rejects a suspect that waits too long, and continues the queue without it", async () => {
  const trials = new Trials(20);
  const died = [trialOf("cmpl-a", "a", []), trialOf("cmpl-b", "b", [])];
  for (const trial of died) expect(trials.arrive(trial)).toBeNull();
  trials.recordDeath(performance.now());
  const first = trialOf("cmpl-a", "a", []);
  expect(trials.arrive(first)).toBeNull();
  const turn = trials.arrive(trialOf("cmpl-b", "b", []));
  const error = await turn?.catch((refusal: Error) => refusal);
  expect(error).toMatchObject({ code: "queue_timeout", retryAfterS: 10 });
  expect(trials.running).toEqual(["cmpl-a"]);
  trials.returned(first);
  expect(trials.running).toEqual([]);
  expect(trials.arrive(trialOf("cmpl-b", "b", []))).toBeNull();
});

test("a request with several sequences counts as successful only if all of them succeed", () => {
  const outputs = (...reasons: ("stop" | "abort" | "length")[]) =>
    reasons.map((finishReason, i) => ({ requestId: `${i}`, finishReason }) as never);
  const trials = new Trials();
  const ids = ["0", "1", "2"];
  const dieTwice = () => {
    for (let i = 0; i < 2; i++) {
      trials.arrive(trialOf("cmpl-a", "a", ids));
      trials.recordDeath(performance.now());
    }
  };
  trials.arrive(trialOf("cmpl-a", "a", ids));
  trials.record(outputs("stop", "abort", "length"));
  expect(trials.running).toEqual([]);
  dieTwice();
  expect(() => trials.arrive(trialOf("cmpl-a", "a", ids))).toThrow("crashed repeatedly");
  const other = new Trials();
  other.arrive(trialOf("cmpl-a", "a", ids));
  other.record(outputs("stop", "length"));
  expect(other.running).toEqual(["cmpl-a"]);
  other.record(outputs("stop", "length", "stop").slice(2));
  expect(other.running).toEqual([]);
});

test("rejects an aborted call and a dropped queued call with different errors", async () => {
  const trials = new Trials();
  const names = ["a", "b", "c"];
  const arrive = (name: string) => trials.arrive(trialOf(`cmpl-${name}`, name, [name]));
  for (const name of names) arrive(name);
  trials.recordDeath(performance.now());
  const [first, ...waiting] = names.map(arrive);
  expect(first).toBeNull();
  const refusals = waiting.map((turn) => turn?.catch((refusal: Error) => refusal));
  trials.abort(["b"]);
  trials.abortQueued(["c"]);
  expect(await Promise.all(refusals)).toMatchObject([
    { code: "request_canceled", message: "The request was canceled." },
    { code: "queue_timeout", retryAfterS: 10 },
  ]);
});
