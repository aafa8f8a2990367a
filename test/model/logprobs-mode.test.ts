// --logprobs-mode on SmolLM2: processed values come from the distribution that the token is drawn from, with
// top_k 2 and a temperature of 0.5.

import { beforeAll, expect, test } from "bun:test";
import { startServer } from "../support/server-process.ts";

const EXCLUDED = -9999;
const TIMEOUT_MS = 60_000;

const REQUEST = {
  messages: [{ role: "user", content: "Name a color." }],
  ...{ max_tokens: 1, temperature: 0.5, top_k: 2, seed: 1 },
  ...{ logprobs: true, top_logprobs: 5 },
};

interface Entry {
  readonly token: string;
  readonly logprob: number;
}

interface Answer {
  readonly choices: readonly [
    {
      readonly logprobs: {
        readonly content: readonly [Entry & { readonly top_logprobs: readonly Entry[] }];
      };
    },
  ];
}

/** @returns the first token and the five most likely tokens, in order */
async function firstToken(mode: string) {
  const server = await startServer(["--max-model-len=256", `--logprobs-mode=${mode}`]);
  try {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(REQUEST),
    });
    expect(response.status).toBe(200);
    const { choices } = (await response.json()) as Answer;
    const { top_logprobs: top, ...chosen } = choices[0].logprobs.content[0];
    return { chosen, top, values: top.map(({ logprob }) => logprob) };
  } finally {
    server.process.kill();
  }
}

let raw: Awaited<ReturnType<typeof firstToken>>;
beforeAll(async () => {
  raw = await firstToken("raw_logprobs");
}, TIMEOUT_MS);

test("raw log-probabilities are those of all tokens", () => {
  const [first = 0, second = 0] = raw.values;
  expect(raw.values.every((value) => value > EXCLUDED)).toBe(true);
  expect(Math.exp(first) + Math.exp(second)).toBeLessThan(1);
});

test(
  "processed log-probabilities are those of the two tokens that remain",
  async () => {
    const [first = 0, second = 0] = raw.values;
    const { chosen, top, values } = await firstToken("processed_logprobs");
    const [likeliest = 0, other = 0, ...rest] = values;
    expect(Math.exp(likeliest) + Math.exp(other)).toBeCloseTo(1, 5);
    expect(likeliest - other).toBeCloseTo((first - second) / 0.5, 4);
    expect(rest).toEqual([EXCLUDED, EXCLUDED, EXCLUDED]);
    expect(top.slice(0, 2).map(({ token }) => token)).toEqual(
      raw.top.slice(0, 2).map(({ token }) => token),
    );
    expect(top).toContainEqual(expect.objectContaining({ ...chosen }));
  },
  TIMEOUT_MS,
);

test(
  "processed logits are the logits of the two tokens, divided by the temperature",
  async () => {
    const logits = await firstToken("raw_logits");
    const processed = await firstToken("processed_logits");
    const [likeliest = 0, other = 0, ...rest] = processed.values;
    expect(likeliest).toBeCloseTo((logits.values[0] ?? 0) / 0.5, 3);
    expect(other).toBeCloseTo((logits.values[1] ?? 0) / 0.5, 3);
    expect(rest).toEqual([EXCLUDED, EXCLUDED, EXCLUDED]);
    expect(logits.values.every((value) => value > EXCLUDED)).toBe(true);
  },
  TIMEOUT_MS,
);
