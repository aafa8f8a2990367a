// Sleep mode with the real model, over HTTP: memory use drops, requests sent in the meantime wait, and the
// output afterward is the same.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_MODEL_FILE } from "../../src/models/default-model.ts";
import { enginePid, residentBytesOf } from "../support/processes.ts";
import { readMetrics, type ServerProcess, startServer } from "../support/server-process.ts";

const WEIGHT_BYTES = statSync(join(import.meta.dir, "../../models", DEFAULT_MODEL_FILE.name)).size;
/** 30 layers x K and V x 3 heads of 64 values in f16. */
const KV_BYTES_PER_TOKEN = 30 * 2 * 3 * 64 * 2;
const NUM_PROMPTS = 5;
const KEY = { authorization: "Bearer secret", "content-type": "application/json" };
/** Default of --shutdown-timeout. */
const DEFAULT_GRACE_MS = 25_000;
/** Minimum drop in resident memory, as a share of the released memory. */
const MIN_SHARE = 0.8;

let server: ServerProcess;
/** Resident bytes in the previous, lighter sleep, which also frees the compute buffers. */
let lighter = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  const kv = ["--kv-cache-memory-bytes", "512M", "--max-num-batched-tokens", "1k"];
  server = await startServer([...kv, "--enable-sleep-mode", "--api-key", "secret"]);
}, 60_000);
afterAll(() => server.process.kill());

const post = (path: string, body?: object) =>
  fetch(`${server.url}/v1${path}`, { method: "POST", headers: KEY, body: JSON.stringify(body) });

async function complete(prompt: string, max_tokens: number) {
  const answer = await post("/completions", { prompt, max_tokens, temperature: 0 });
  return (await answer.json()) as {
    choices: { text: string }[];
    usage: { prompt_tokens: number; completion_tokens: number };
  };
}

const textOf = async () => (await complete("The capital of France is", 24)).choices[0]?.text ?? "";

const residentBytes = () => residentBytesOf(enginePid(server));

async function sleepStates(): Promise<number[]> {
  const metrics = await readMetrics(server.url);
  return ["awake", "weights_offloaded", "discard_all"].map(
    (state) => metrics.get(`vllm:engine_sleep_state{sleep_state="${state}"}`) ?? Number.NaN,
  );
}

/** Sends different prompts, each of which fills its own blocks. @returns bytes of K and V written */
async function fillKvCache(): Promise<number> {
  let numTokens = 0;
  for (let i = 0; i < NUM_PROMPTS; i++) {
    const { usage } = await complete(`${i} ${"and so on ".repeat(200)}`, 1);
    numTokens += usage.prompt_tokens;
  }
  return numTokens * KV_BYTES_PER_TOKEN;
}

describe("a sleeping server", () => {
  test.each([
    [1, 0, [0, 1, 0]],
    [2, WEIGHT_BYTES, [0, 0, 1]],
  ])(
    "at level %d uses less memory and yields the same output afterward",
    async (level, weightBytes, states) => {
      const text = await textOf();
      const kvBytes = await fillKvCache();
      const awake = residentBytes();
      expect((await post(`/sleep?level=${level}`)).status).toBe(200);
      const asleep = residentBytes();
      expect(await sleepStates()).toEqual(states);
      const waiting = textOf();
      expect((await post("/wake_up")).status).toBe(200);
      expect(await waiting).toBe(text);
      expect(await sleepStates()).toEqual([1, 0, 0]);
      const after = residentBytes();
      const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
      console.log(
        `level ${level}: resident ${mib(awake)} awake, ${mib(asleep)} asleep, ${mib(after)} woken; ` +
          `freed: K and V ${mib(kvBytes)}, weights ${mib(weightBytes)}`,
      );
      expect(awake - asleep).toBeGreaterThan(MIN_SHARE * (kvBytes + weightBytes));
      expect(lighter - asleep).toBeGreaterThan(MIN_SHARE * weightBytes);
      lighter = asleep;
      expect(after).toBeLessThan(awake);
    },
    120_000,
  );

  test("drops cached prefixes", async () => {
    const prompt = "The same words for the cache to remember, ".repeat(8);
    await complete(prompt, 1);
    await post("/sleep?level=1");
    await post("/wake_up");
    const before = await readMetrics(server.url);
    await complete(prompt, 1);
    const after = await readMetrics(server.url);
    const hits = "vllm:prefix_cache_hits_total{}";
    expect(after.get(hits)).toBe(before.get(hits) ?? Number.NaN);
  }, 60_000);

  test("reports the duration of each sleep and wake-up", async () => {
    const metrics = await readMetrics(server.url);
    for (const operation of ["sleep", "wake"]) {
      const labels = `{operation="${operation}"}`;
      expect(metrics.get(`vllm:sleep_mode_operation_duration_seconds_count${labels}`)).toBe(3);
      expect(metrics.get(`vllm:sleep_mode_operations_in_flight${labels}`)).toBe(0);
    }
  });

  test("leaks no memory in twenty sleeps", async () => {
    const cycle = async () => {
      await post("/sleep?level=2");
      await post("/wake_up");
      return residentBytes();
    };
    // The first sleeps leave memory in the allocator for later ones to reuse. With one pool per loading
    // thread, this varies by about 20 MiB. A leaked pool or leaked weights would add up to hundreds of MiB.
    for (let i = 0; i < 4; i++) await cycle();
    const early = await cycle();
    for (let i = 0; i < 14; i++) await cycle();
    const late = await cycle();
    expect(late).toBeLessThan(early * 1.15);
  }, 120_000);

  test("stops immediately on SIGTERM, and waiting requests get an error", async () => {
    await post("/sleep");
    const waiting = post("/completions", { prompt: "x" });
    while ((await readMetrics(server.url)).get("vllm:num_requests_waiting{}") !== 1) {
      await Bun.sleep(10); // polls another process
    }
    const startMs = performance.now();
    server.process.kill("SIGTERM");
    const answer = await waiting;
    expect(performance.now() - startMs).toBeLessThan(DEFAULT_GRACE_MS / 2);
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining("The server is shutting down."),
    ]);
    expect(await server.process.exited).toBe(0);
  }, 30_000);
});
