// The benchmark client over a real socket to Pagoda with the fake model.

import { afterAll, describe, expect, test } from "bun:test";
import { runAlone } from "../../bench/compare/workload-run.ts";
import { sideResult } from "../../bench/output/result-file.ts";
import type { Workload } from "../../bench/workloads/workload.ts";
import { allAtOnce, closedLoop, decodeRate, decodeTogether } from "../../src/benchmark/load.ts";
import { measureRequest } from "../../src/benchmark/measured-request.ts";
import { itlsMs } from "../../src/benchmark/timeline.ts";
import { makeApp } from "../support/fake-engine.ts";

const { app } = makeApp({ model: { stepDelayMs: 1 } });
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => app.handle(request),
});
const target = { url: `http://127.0.0.1:${server.port}`, model: "tiny" };
afterAll(() => server.stop(true));

const spec = { prompt: [97, 98, 99], maxTokens: 8 };

describe("complete", () => {
  test("records an event for each token and the server's own count", async () => {
    const timeline = await measureRequest(target, spec);
    expect(timeline).toMatchObject({ error: null, isCut: false, numPromptTokens: 3 });
    expect([timeline.numOutputTokens, timeline.events.length]).toEqual([8, 8]);
    expect(itlsMs(timeline)).toHaveLength(7);
    expect(timeline.text).toHaveLength(8);
  });

  test("receives all sequences of n", async () => {
    const timeline = await measureRequest(target, { ...spec, fields: { n: 3, temperature: 1 } });
    expect(timeline.numOutputTokens).toBe(24);
    expect(new Set(timeline.events.map(({ choice }) => choice))).toEqual(new Set([0, 1, 2]));
  });

  test("reports a rejected request and a missing server", async () => {
    const refused = await measureRequest(target, { prompt: [97], maxTokens: 100_000 });
    expect(refused.error).toStartWith("HTTP 400: ");
    const nobody = await measureRequest({ url: "http://127.0.0.1:9", model: "x" }, spec);
    expect(nobody.error).not.toBeNull();
  });
});

describe("loads", () => {
  test("a closed loop respects its concurrency limit", async () => {
    const load = await closedLoop(target, () => spec, { concurrency: 3, maxRequests: 7 });
    expect(load.timelines.map(({ error }) => error)).toEqual(new Array(7).fill(null));
    expect((await allAtOnce(target, [spec, spec])).timelines).toHaveLength(2);
  });

  test("concurrent decode streams are cut off after the given time", async () => {
    const long = { prompt: [97, 98], maxTokens: 900 };
    const window = await decodeTogether(target, [long, long, long], 100);
    expect(window.timelines.map(({ isCut }) => isCut)).toEqual([true, true, true]);
    expect(window.endMs - window.startMs).toBeWithin(90, 1000);
    expect(decodeRate(window)).toBeGreaterThan(0);
  });
});

describe("a workload", () => {
  const workload: Workload = {
    id: "W0",
    title: "two at a time",
    figure: { name: "output tok/s", better: "higher" },
    room: { concurrency: 2, maxTokens: 32 },
    numPairs: 9,
    candidates: [],
    slice: async (server) => {
      const load = await closedLoop(server, () => spec, { concurrency: 2, maxRequests: 4 });
      return { ...load, figure: 1 };
    },
  };
  const ours = {
    ...target,
    name: "tiny",
    pid: null,
    flags: null,
    death: () => null,
    stop: async () => {},
  };
  const options = { seed: 0, pairs: null, slices: 2, limits: null };

  test("can be measured without a peer, in the requested number of slices", async () => {
    const run = await runAlone(workload, ours, options);
    expect(run.ours.observed).toHaveLength(2);
    expect(sideResult(run.ours, null)).toMatchObject({
      ...{ completed: 8, failed: 0, total_input_tokens: 24, total_output_tokens: 64 },
    });
  });

  test("that fails is reported with the error", async () => {
    const broken = { ...ours, url: "http://127.0.0.1:9" };
    await expect(runAlone(workload, broken, options)).rejects.toThrow("W0: tiny failed: ");
  });
});

describe("usage", () => {
  const chunk = (text: string, index: number, reason: string | null, usage: unknown = null) =>
    `data: ${JSON.stringify({ choices: [{ text, index, finish_reason: reason }], usage })}\n\n`;
  const used = (tokens: number) => ({ prompt_tokens: 3, completion_tokens: tokens });

  /** Measures a request to a server that sends these events. */
  async function answerOf(events: readonly string[]) {
    const body = events.join("");
    const fake = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(body) });
    const timeline = await measureRequest(
      { url: `http://127.0.0.1:${fake.port}`, model: "x" },
      spec,
    );
    await fake.stop(true);
    return timeline;
  }

  test("is summed if each choice ends with its own, as from llama-server", async () => {
    const ends = [chunk("", 0, "length", used(1)), chunk("", 1, "length", used(2))];
    const events = [chunk("a", 0, null), chunk("b", 1, null), chunk("c", 1, null), ...ends];
    const timeline = await answerOf([...events, "data: [DONE]\n\n"]);
    expect([timeline.numOutputTokens, timeline.events.length, timeline.error]).toEqual([
      3,
      3,
      null,
    ]);
  });

  test("is required: its absence is an error, and so is a stream that is cut off", async () => {
    expect((await answerOf([chunk("a", 0, "length"), "data: [DONE]\n\n"])).error).toBe(
      "the server sent no usage",
    );
    expect((await answerOf([chunk("a", 0, null)])).error).toBe("the stream ended before [DONE]");
    const failed = 'data: {"error":{"message":"it failed"}}\n\n';
    expect((await answerOf([chunk("a", 0, null), failed])).error).toBe("it failed");
  });
});
