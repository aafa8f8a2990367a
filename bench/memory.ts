// Measures the KV pool's size relative to the requested size, and memory growth during many short requests.

import { planMemory } from "../src/engine/memory-plan.ts";
import { loadAddon } from "../src/runner/addon.ts";
import {
  type BenchEngine,
  generateAll,
  LIMITS,
  loadRunner,
  MODEL_PATH,
  startEngine,
} from "./engine.ts";
import { report, tokensOf } from "./measure.ts";

const REQUESTED_BYTES = 64 * 1024 ** 2;
const NUM_WARM_UP = 400;
const NUM_REQUESTS = 2000;
const AT_ONCE = 16;
const PROMPT_LENGTH = 2;
/** The penalty makes every request create and free a native sampler. */
const PARAMS = { maxTokens: 2, presencePenalty: 0.5 };

/** Number of blocks that the server plans for --kv-cache-memory-bytes. */
async function numBlocksFor(kvCacheMemoryBytes: number): Promise<number> {
  const header = await (await loadAddon()).readModelHeader(MODEL_PATH, "f16");
  const plan = planMemory({
    ...header,
    ...LIMITS,
    ...{ availableBytes: null, allowLongMaxModelLen: false },
    kvCacheMemoryBytes,
    numBlocksOverride: null,
  });
  return plan.numBlocks;
}

async function serve({ engine }: BenchEngine, count: number, seed: number): Promise<void> {
  for (let i = 0; i < count; i += AT_ONCE) {
    const prompts = Array.from({ length: AT_ONCE }, (_, k) =>
      tokensOf(seed + i + k, PROMPT_LENGTH),
    );
    await generateAll(engine, prompts, PARAMS);
  }
}

function residentBytes(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}

export async function memory(): Promise<void> {
  const numBlocks = await numBlocksFor(REQUESTED_BYTES);
  const runner = await loadRunner(numBlocks);
  const kvShare = runner.memory().kv / REQUESTED_BYTES;
  const engine = startEngine(runner, numBlocks);
  await serve(engine, NUM_WARM_UP, 0);
  const before = residentBytes();
  await serve(engine, NUM_REQUESTS, NUM_WARM_UP);
  const growth = residentBytes() / before - 1;
  await engine.shutdown();
  report("KV pool / requested bytes", kvShare.toFixed(4), "0.99 .. 1.01");
  report("resident memory before, MiB", (before / 1024 ** 2).toFixed(0));
  report(`growth over ${NUM_REQUESTS} requests`, `${(100 * growth).toFixed(2)}%`, "<= 2%");
}
