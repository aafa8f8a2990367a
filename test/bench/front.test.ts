// The bench of the front, small: real processes, real sockets, the books of both sides. What it counts must
// hold on any machine; what it times is for the bench alone.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { FrontProcess } from "../../bench/front/front-process.ts";
import { countOf, loadServer, reportFaults } from "../../bench/front/load.ts";
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

test("what a server loses is in the books, and ends the bench", async () => {
  let numRequests = 0;
  const chunk = (finish: string | null) =>
    `data: {"choices":[{"token_ids":[1],"finish_reason":${JSON.stringify(finish)}}]}\n\n`;
  const server = Bun.serve({
    port: 0,
    routes: {
      // It counts two tokens of each answer and ends them all, but every second one breaks off.
      "/metrics": () =>
        new Response(
          `vllm:num_requests_running{} 0\nvllm:generation_tokens_total{} ${2 * numRequests}\n` +
            `vllm:request_success_total{finished_reason="length"} ${numRequests}\n`,
        ),
      "/v1/completions": () =>
        new Response(
          numRequests++ % 2 === 0
            ? `${chunk(null)}${chunk("length")}data: [DONE]\n\n`
            : chunk(null),
        ),
    },
  });
  const arrivals = { perSecond: 20 };
  const plan = { url: server.url.origin, arrivals, seconds: 0.5, tokens: [2, 2] as const };
  const books = await loadServer(plan);
  await server.stop(true);
  const finished = countOf(books, "finished");
  expect(finished).toBeGreaterThan(0);
  const numLost = books.entries.length - finished;
  expect(books.faults).toEqual([
    ...Array.from({ length: numLost }, () => "stream ended with: "),
    `tokens: ${books.numTokens} of the clients, ${2 * books.entries.length} of the server`,
    `finished: ${finished} of the clients, ${books.entries.length} of the server`,
  ]);
  expect(() => reportFaults(books)).toThrow("do not balance");
});

test("a hold-up of the event loop weighs as every tick within it", async () => {
  const lag = new LoopLag();
  // What is measured is real time.
  await Bun.sleep(20);
  Bun.sleepSync(400);
  await Bun.sleep(20);
  const { p50, max } = lag.take();
  expect(max).toBeGreaterThan(350);
  expect(p50).toBeGreaterThan(100);
});
