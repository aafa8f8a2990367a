// Memory: the KV pool is what was asked for, and many requests leave nothing behind.

import {
  BLOCK_SIZE,
  loadRunner,
  makeRequest,
  makeScheduler,
  report,
  runAll,
  tokensOf,
} from "./measure.ts";

const ASKED_BYTES = 64 * 1024 ** 2;
const NUM_REQUESTS = 2000;
const AT_ONCE = 16;

async function serveSome(
  runner: Awaited<ReturnType<typeof loadRunner>>,
  scheduler: ReturnType<typeof makeScheduler>,
  numRequests: number,
  seed: number,
): Promise<void> {
  for (let i = 0; i < numRequests; i += AT_ONCE) {
    const requests = Array.from({ length: AT_ONCE }, (_, k) =>
      makeRequest(tokensOf(seed + i + k, 8), 3, { presencePenalty: 0.5 }),
    );
    await runAll(runner, scheduler, requests);
  }
}

export async function memory(): Promise<void> {
  const bytesPerBlock = BLOCK_SIZE * 23_040;
  const numBlocks = Math.floor(ASKED_BYTES / bytesPerBlock);
  const runner = await loadRunner({ numBlocks });
  report(
    "KV pool / bytes asked for",
    (runner.memory().kv / ASKED_BYTES).toFixed(4),
    "0.99 .. 1.01",
  );
  const scheduler = makeScheduler(numBlocks);
  await serveSome(runner, scheduler, 400, 0);
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  await serveSome(runner, scheduler, NUM_REQUESTS, 10_000);
  Bun.gc(true);
  const growth = process.memoryUsage.rss() / before;
  await runner.dispose();
  report(`RSS after ${NUM_REQUESTS} more requests / before`, growth.toFixed(4), "<= 1.02");
}
