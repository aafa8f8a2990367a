// If a peer crashes, the bench fails with a one-line error that names the signal and the configuration. The
// peers are real processes that crash on purpose.

import { afterEach, describe, expect, test } from "bun:test";
import { BenchError, ServerDeath } from "../../bench/bench-error.ts";
import { bestPeer, type Trial } from "../../bench/compare/best-peer.ts";
import { runPairs } from "../../bench/compare/workload-run.ts";
import { startChild, untilReady } from "../../bench/servers/child.ts";
import { type Candidate, candidateName } from "../../bench/servers/llama-server.ts";
import type { Server } from "../../bench/servers/server.ts";
import type { Workload } from "../../bench/workloads/workload.ts";
import { measureRequest } from "../../src/benchmark/measured-request.ts";

/** Program that returns one token per completion, or exits as configured. */
const PEER = `
const [end] = process.argv.slice(1);
if (end === "at-start") process.kill(process.pid, "SIGILL");
if (end === "refuses") { console.error("unknown flag"); process.exit(1); }
const body = 'data: {"choices":[{"index":0,"text":"a","finish_reason":"length"}],' +
  '"usage":{"prompt_tokens":1,"completion_tokens":1}}\\n\\ndata: [DONE]\\n\\n';
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", async fetch() {
  if (end === "SIGILL" || end === "SIGABRT") process.kill(process.pid, end);
  if (end === "exits") process.exit(3);
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
} });
console.log("at " + server.url.origin);
`;

const started: Server[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});

async function startPeer(candidate: Candidate): Promise<Server> {
  const flags = candidateName(candidate);
  const child = startChild([process.execPath, "-e", PEER, ...candidate.flags]);
  const url = await untilReady(
    `peer with ${flags}`,
    child,
    async () => /at (\S+)\n/.exec(child.output())?.[1] ?? null,
  );
  const { pid, death, stop } = child;
  const server = { name: "peer", model: "m", url, pid, flags, death, stop };
  started.push(server);
  return server;
}

const WORKLOAD: Workload = {
  id: "W0",
  title: "one token",
  figure: { name: "tokens", better: "higher" },
  room: { concurrency: 1, maxTokens: 2 },
  numPairs: 2,
  candidates: [],
  slice: async (target) => {
    const timeline = await measureRequest(target, { prompt: "a", maxTokens: 1 });
    return { timelines: [timeline], durationS: 1, figure: timeline.events.length };
  },
};

const tried: Trial[] = [];
function best(...ends: string[]) {
  tried.length = 0;
  const candidates = ends.map((end) => ({ flags: [end] }));
  const onTrial = (trial: Trial) => tried.push(trial);
  return bestPeer(WORKLOAD, { candidates, start: startPeer, onTrial });
}

describe("a peer that crashes", () => {
  test.each([
    ["with a signal during startup", "at-start", "peer with at-start crashed (SIGILL)"],
    ["with a signal during a request", "SIGILL", "peer crashed (SIGILL): SIGILL"],
    ["with an abort during a request", "SIGABRT", "peer crashed (SIGABRT): SIGABRT"],
    ["with an exit during a request", "exits", "peer exited with code 3: exits"],
  ])("ends the trials with a one-line error: %s", async (_, end, message) => {
    const error = await best("serves", end, "serves").catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ServerDeath);
    expect((error as Error).message).toBe(message);
    expect(tried).toEqual([{ name: "serves", figure: 1 }]);
    for (const { pid } of started) expect(() => process.kill(pid ?? 0, 0)).toThrow("ESRCH");
  });

  test("during the comparison ends the comparison too", async () => {
    const [ours, peer] = [
      await startPeer({ flags: ["serves"] }),
      await startPeer({ flags: ["SIGABRT"] }),
    ];
    const options = { limits: null, seed: 0, pairs: null, slices: 1 };
    const run = runPairs(WORKLOAD, ours, peer, options);
    await expect(run).rejects.toThrow("peer crashed (SIGABRT): SIGABRT");
  });
});

test("a candidate that does not start is skipped, and it is an error if none is left", async () => {
  const { server, trials } = await best("refuses", "serves");
  expect(server.flags).toBe("serves");
  expect(trials).toEqual([
    { name: "refuses", figure: null },
    { name: "serves", figure: 1 },
  ]);
  const error = await best("refuses").catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(BenchError);
  expect((error as Error).message).toBe("W0: no llama-server configuration can run it");
});

test("a server that was stopped on purpose does not count as crashed", async () => {
  const server = await startPeer({ flags: ["serves"] });
  expect(server.death()).toBeNull();
  await server.stop();
  expect(server.death()).toBeNull();
});
