// Each workload's slice against a fast fake server: requests are valid, and figures are finite.

import { afterAll, describe, expect, test } from "bun:test";
import { parseArguments } from "../../bench/arguments.ts";
import { allWorkloads } from "../../bench/workloads/catalogue.ts";

interface Body {
  readonly prompt: string | readonly number[];
  readonly max_tokens: number;
  readonly n?: number;
}

const LONGEST = 8192;
/** Delay of each of the first tokens, so a stream lasts for a while. */
const TOKEN_MS = 1;
const NUM_SLOW_TOKENS = 24;

/** Streams `max_tokens` tokens for each of n choices, then usage as in OpenAI's API. */
async function* answerOf({ prompt, max_tokens: maxTokens, n = 1 }: Body) {
  for (let token = 0; token < maxTokens; token++) {
    if (token < NUM_SLOW_TOKENS) await Bun.sleep(TOKEN_MS);
    for (let index = 0; index < n; index++) {
      yield event({ choices: [{ index, text: " a", finish_reason: null }] });
    }
  }
  const usage = { prompt_tokens: prompt.length, completion_tokens: n * maxTokens };
  yield `${event({ choices: [], usage })}data: [DONE]\n\n`;
}

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;

const refused: string[] = [];
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    const body = (await request.json()) as Body;
    const isText = typeof body.prompt === "string";
    const isFine =
      body.prompt.length > 0 && (isText || body.prompt.length + body.max_tokens <= LONGEST);
    if (!isFine) refused.push(JSON.stringify(body).slice(0, 100));
    return new Response(answerOf(body));
  },
});
const target = { url: `http://127.0.0.1:${server.port}`, model: "x" };
afterAll(() => server.stop(true));

describe("every workload", () => {
  const options = parseArguments(["--duration", "1", "--request-rate", "20"]);
  const workloads = allWorkloads(options);

  test("has a unique id and room for its requests", () => {
    expect(new Set(workloads.map(({ id }) => id)).size).toBe(workloads.length);
    for (const { room } of workloads) expect(room.concurrency * room.maxTokens).toBeGreaterThan(0);
  });

  test("yields a finite figure, and no request fails", async () => {
    // Runs all workloads at once, because some wait by design.
    const seen = workloads.map(async ({ id, warmUp, slice }) => {
      await warmUp?.(target);
      const { figure, timelines, durationS } = await slice(target, 1);
      const errors = timelines.map(({ error }) => error).filter((error) => error !== null);
      return { id, errors, isFine: Number.isFinite(figure) && durationS > 0 };
    });
    const expected = workloads.map(({ id }) => ({ id, errors: [], isFine: true }));
    expect(await Promise.all(seen)).toEqual(expected);
    expect(refused).toEqual([]);
  }, 60_000);
});
