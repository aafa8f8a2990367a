// A small front-end benchmark run with real processes and sockets. The counts on both sides must be
// right on any machine; timings are left to the bench.

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

test("loses no streams or tokens with hundreds of concurrent streams", async () => {
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

test("with more requests than fit in the queue, each is completed or rejected with a retry time", async () => {
  const { url } = await open(4, ["--max-num-queued-reqs", "8"]);
  // With 10 ms per step and 20 tokens per request, four at a time complete 20 requests per second.
  const arrivals = { perSecond: 100 };
  const books = await loadServer({ url, arrivals, seconds: 1, tokens: [20, 20] });
  expect(books.faults).toEqual([]);
  const [finished, refused] = [countOf(books, "finished"), countOf(books, "refused")];
  expect(finished + refused).toBe(books.entries.length);
  expect(finished).toBeGreaterThanOrEqual(8);
  expect(refused).toBeGreaterThan(0);
});

test("requests lost by the server are counted, and make the bench fail", async () => {
  let numRequests = 0;
  const chunk = (finish: string | null) =>
    `data: {"choices":[{"token_ids":[1],"finish_reason":${JSON.stringify(finish)}}]}\n\n`;
  const server = Bun.serve({
    port: 0,
    routes: {
      // The server reports two tokens and a finish for each request, but cuts off every other response.
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
    `tokens: ${books.numTokens} counted by the clients, ${2 * books.entries.length} by the server`,
    `finished: ${finished} counted by the clients, ${books.entries.length} by the server`,
  ]);
  expect(() => reportFaults(books)).toThrow("client and server counts differ");
});

test("an event-loop stall counts once for each tick that it delays", async () => {
  const lag = new LoopLag();
  // LoopLag measures real time.
  await Bun.sleep(20);
  Bun.sleepSync(400);
  await Bun.sleep(20);
  const { p50, max } = lag.take();
  expect(max).toBeGreaterThan(350);
  expect(p50).toBeGreaterThan(100);
});
