// The bench of the front, small: real processes, real sockets, the books of both sides. What it counts must
// hold on any machine; what it times is for the bench alone.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { FrontProcess } from "../../bench/front/front-process.ts";
import { countOf, loadServer } from "../../bench/front/load.ts";
import { LoopLag } from "../../bench/front/loop-lag.ts";

setDefaultTimeout(60_000);

const fronts: FrontProcess[] = [];

async function open(maxNumSeqs: number, words: readonly string[]): Promise<FrontProcess> {
  const front = await FrontProcess.start({ stepMs: 10, maxNumSeqs }, words);
  fronts.push(front);
  return front;
}

afterEach(async () => {
  for (const front of fronts.splice(0)) await front.stop();
});

test("of hundreds of streams at a time none is lost, and no token", async () => {
  const words = ["--max-num-queued-reqs", "400", "--max-num-queued-tokens", "100k"];
  const front = await open(400, words);
  const { url } = front;
  const arrivals = { concurrency: 400 };
  const books = await loadServer({ url, arrivals, seconds: 0.5, tokens: [20, 60] });
  expect(books.faults).toEqual([]);
  expect(books.entries.length).toBeGreaterThanOrEqual(400);
  expect(countOf(books, "finished")).toBe(books.entries.length);
  expect((await front.figures()).lag.max).toBeGreaterThan(0);
});

test("more requests than can be queued: each is answered whole or refused with a time to come back", async () => {
  const { url } = await open(4, ["--max-num-queued-reqs", "8"]);
  // Of 10 ms a step and 20 tokens four at a time give 20 a second.
  const arrivals = { perSecond: 100 };
  const books = await loadServer({ url, arrivals, seconds: 1, tokens: [20, 20] });
  expect(books.faults).toEqual([]);
  const [finished, refused] = [countOf(books, "finished"), countOf(books, "refused")];
  expect(finished + refused).toBe(books.entries.length);
  expect(finished).toBeGreaterThanOrEqual(8);
  expect(refused).toBeGreaterThan(0);
});

test("a hold-up of the event loop weighs as every tick within it", async () => {
  const lag = new LoopLag();
  await Bun.sleep(20);
  Bun.sleepSync(400);
  await Bun.sleep(20);
  const { p50, max } = lag.take();
  expect(max).toBeGreaterThan(350);
  expect(p50).toBeGreaterThan(100);
});
