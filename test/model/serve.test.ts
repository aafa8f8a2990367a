// The server as an operator starts it, with 32 mixed clients at once, some of which disconnect. Afterward,
// the numbers on /metrics must match the clients' counts. Also tests shutdown.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import OpenAI from "openai";
import { ONE_PRESS_MS } from "../../src/runtime/stop-signals.ts";
import {
  change,
  readMetrics,
  type ServerProcess,
  startServer,
  untilIdle,
} from "../support/server-process.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

describe("serving SmolLM2", () => {
  let server: ServerProcess;
  let client: OpenAI;

  beforeAll(async () => {
    const options = ["--num-gpu-blocks-override", "257", "--max-logprobs", "-1"];
    server = await startServer(["--served-model-name", "smol", ...options]);
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  }, 30_000);
  afterAll(() => server.process.kill());

  test("with 32 mixed clients, all requests end, and the counters match the sum of the reported usage", async () => {
    const before = await readMetrics(server.url);
    const totals = { prompt: 0, completion: 0, finished: 0, left: 0 };
    const count = (
      usage: { prompt_tokens: number; completion_tokens: number } | null | undefined,
    ) => {
      totals.prompt += usage?.prompt_tokens ?? 0;
      totals.completion += usage?.completion_tokens ?? 0;
    };
    const messages = (i: number) => [
      { role: "user" as const, content: `Tell me about the number ${i}. `.repeat(1 + (i % 4)) },
    ];
    const streamed = async (i: number) => {
      const stream = await client.chat.completions.create({
        model: "smol",
        messages: messages(i),
        max_tokens: 30,
        temperature: 0.8,
        stream: true,
        stream_options: { include_usage: true },
      });
      for await (const chunk of stream) count(chunk.usage);
      totals.finished++;
    };
    const whole = async (i: number) => {
      const prompt = `Number ${i} is`;
      count((await client.completions.create({ model: "smol", prompt, max_tokens: 24 })).usage);
      totals.finished++;
    };
    const several = async (i: number) => {
      const request = { model: "smol", messages: messages(i), max_tokens: 12, n: 2 };
      const { usage } = await client.chat.completions.create(request);
      // The prompt counts once in the usage, but once per sequence in the metrics.
      count(usage);
      totals.prompt += usage?.prompt_tokens ?? 0;
      totals.finished += 2;
    };
    const leaving = async (i: number) => {
      const stream = await client.chat.completions.create({
        model: "smol",
        messages: messages(i),
        max_tokens: 400,
        stream: true,
        stream_options: { include_usage: true, continuous_usage_stats: true } as never,
        // Keeps the response from ending before its reader disconnects.
        ...{ ignore_eos: true },
      });
      let chunks = 0;
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content && ++chunks > 3) break;
      totals.left++;
    };
    const kinds = [streamed, whole, several, leaving];
    await Promise.all(
      Array.from({ length: 32 }, (_, i) => (kinds[i % kinds.length] as typeof streamed)(i)),
    );
    const after = await untilIdle(server.url);
    const ended = (reason: string) =>
      change(before, after, `vllm:request_success_total{finished_reason="${reason}"}`);
    expect(ended("stop") + ended("length")).toBe(totals.finished);
    expect(ended("abort")).toBe(totals.left);
    expect(ended("error")).toBe(0);
    expect(after.get("vllm:num_requests_waiting{}")).toBe(0);
    expect(after.get("vllm:kv_cache_usage_perc{}")).toBe(0);
    // The prompts of disconnected clients were computed, and each got at least four tokens.
    const generated = change(before, after, "vllm:generation_tokens_total{}");
    expect(generated).toBeGreaterThanOrEqual(totals.completion + 4 * totals.left);
  }, 120_000);

  test("without disconnects, the counters exactly match the sum of the reported usage", async () => {
    const before = await untilIdle(server.url);
    const usages = await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        const prompt = ["The sky is", `One, two, ${i}`];
        return (await client.completions.create({ model: "smol", prompt, max_tokens: 9 })).usage;
      }),
    );
    const after = await untilIdle(server.url);
    const sum = (of: "prompt_tokens" | "completion_tokens") =>
      usages.reduce((total, usage) => total + (usage?.[of] ?? 0), 0);
    expect(change(before, after, "vllm:prompt_tokens_total{}")).toBe(sum("prompt_tokens"));
    expect(change(before, after, "vllm:generation_tokens_total{}")).toBe(sum("completion_tokens"));
    expect(change(before, after, "vllm:request_prompt_tokens_count{}")).toBe(32);
    expect(change(before, after, "vllm:time_to_first_token_seconds_count{}")).toBe(32);
  }, 60_000);

  test("sampling uses the model card's defaults, which values in the request override", async () => {
    const say = async (asked: { temperature?: number; top_p?: number }) => {
      const messages = [{ role: "user" as const, content: "Name a color." }];
      const request = { model: "smol", messages, max_tokens: 24, seed: 3, ...asked };
      return (await client.chat.completions.create(request)).choices[0]?.message.content;
    };
    const plain = await say({});
    expect(await say({ temperature: 0.2, top_p: 0.9 })).toBe(plain as string);
    expect(await say({ temperature: 1, top_p: 1 })).not.toBe(plain as string);
  }, 30_000);

  test("stop strings are matched only after min_tokens", async () => {
    // The output is " 5, 6, 7, 8, 9, 10, ...": the comma after 9 is token 15, and that after 10 is token 19.
    const body = { prompt: "1, 2, 3, 4,", max_tokens: 40, temperature: 0, stop: [","] };
    const answer = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, min_tokens: 15 }),
    });
    expect(await answer.json()).toMatchObject({
      usage: { completion_tokens: 19 },
      choices: [{ text: " 5, 6, 7, 8, 9, 10", finish_reason: "stop", stop_reason: "," }],
    });
  });

  const post = async (path: string, body: string) =>
    (await (
      await fetch(server.url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      })
    ).json()) as never;

  test("every digit of a seed matters", async () => {
    const say = async (seed: string) => {
      const body = `{"prompt":"Once","max_tokens":16,"temperature":1,"top_p":1,"seed":${seed}}`;
      const { choices } = (await post("/v1/completions", body)) as { choices: { text: string }[] };
      return choices[0]?.text;
    };
    const texts = await Promise.all(
      ["9007199254740992", "9007199254740993", "9223372036854775807"].map(say),
    );
    expect(new Set(texts).size).toBe(3);
    expect(await say("9007199254740993")).toBe(texts[1] as string);
  }, 30_000);

  test("top_logprobs of -1 returns the whole vocabulary, the sampled token first, with a total probability of 1", async () => {
    const answer = await client.chat.completions.create({
      ...{ model: "smol", messages: [{ role: "user", content: "Name a color." }] },
      ...{ max_tokens: 1, logprobs: true, top_logprobs: -1, temperature: 2, top_p: 1, seed: 5 },
    });
    const [position] = answer.choices[0]?.logprobs?.content ?? [];
    const tops = position?.top_logprobs ?? [];
    expect(tops).toHaveLength(49_152);
    expect(tops[0]).toMatchObject({ token: position?.token, logprob: position?.logprob });
    const rest = tops.slice(1).map(({ logprob }) => logprob);
    expect(rest).toEqual(rest.toSorted((a, b) => b - a));
    expect(tops.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)).toBeCloseTo(1, 3);
  }, 30_000);

  test("token strings are those in the vocabulary", async () => {
    const body = '{"prompt":"The sky is\\n<|im_end|>","return_token_strs":true}';
    expect(await post("/tokenize", body)).toMatchObject({
      token_strs: ["The", "\u0120sky", "\u0120is", "\u010a", "<|im_end|>"],
    } as never);
  });

  test("a second request with the same prefix does not recompute the prefix", async () => {
    const prompt = "A long story begins with these words, which are the same for all. ".repeat(8);
    const ask = () => client.completions.create({ model: "smol", prompt, max_tokens: 1 });
    const numPromptTokens = (await ask()).usage?.prompt_tokens ?? 0;
    const before = await untilIdle(server.url);
    const { usage } = await ask();
    const after = await untilIdle(server.url);
    const hits = change(before, after, "vllm:prefix_cache_hits_total{}");
    expect(usage?.prompt_tokens_details).toEqual({ cached_tokens: hits });
    expect(hits).toBe(16 * Math.floor((numPromptTokens - 1) / 16));
    const computed = 'vllm:prompt_tokens_by_source_total{source="local_compute"}';
    expect(change(before, after, computed)).toBe(numPromptTokens - hits);
  }, 60_000);

  test("requests are preempted and resumed when blocks run out, and every response has its full length", async () => {
    const before = await untilIdle(server.url);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        client.completions.create({
          model: "smol",
          prompt: `${i} `.repeat(128),
          max_tokens: 400,
          temperature: 0,
          ignore_eos: true,
        } as never),
      ),
    );
    for (const answer of answers as OpenAI.Completion[]) {
      expect(answer.usage?.completion_tokens).toBe(400);
    }
    const after = await untilIdle(server.url);
    expect(change(before, after, "vllm:num_preemptions_total{}")).toBeGreaterThan(0);
  }, 120_000);

  test("after SIGTERM, requests in progress finish, /health returns 503, and the exit code is 0", async () => {
    const stream = await client.completions.create({
      model: "smol",
      prompt: "Count:",
      max_tokens: 60,
      stream: true,
      ignore_eos: true,
    } as never);
    let text = "";
    const statuses: number[] = [];
    for await (const chunk of stream as unknown as AsyncIterable<OpenAI.Completion>) {
      if (text === "") server.process.kill("SIGTERM");
      text += chunk.choices[0]?.text ?? "";
      // The listener closes once the last response is sent, which can be before it is read.
      const health = await fetch(`${server.url}/health`).catch(() => null);
      if (health !== null) statuses.push(health.status);
    }
    expect(text.length).toBeGreaterThan(40);
    expect(statuses.at(-1)).toBe(503);
    expect(await server.process.exited).toBe(0);
  }, 30_000);
});

describe("shutdown", () => {
  test("ends streams with an error event after the grace period and exits with 0", async () => {
    const { url, process } = await startServer(["--shutdown-timeout", "0"]);
    const body = JSON.stringify({ prompt: "x", max_tokens: 2000, ignore_eos: true, stream: true });
    const response = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    // The first event has already arrived, with the headers.
    process.kill("SIGINT");
    const events = (await response.text()).trim().split("\n\n");
    expect(events.at(-2)).toContain("The server is shutting down.");
    expect(events.at(-1)).toBe("data: [DONE]");
    expect(await process.exited).toBe(0);
  }, 30_000);

  test("is immediate after a second signal that is too late to be a duplicate of the first", async () => {
    const { url, process } = await startServer();
    void fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "x", max_tokens: 8000, ignore_eos: true }),
    }).catch(() => {});
    const isRunning = async () => (await readMetrics(url)).get("vllm:num_requests_running{}") === 1;
    while (!(await isRunning())) await Bun.sleep(5);
    process.kill("SIGINT");
    // Only the delay distinguishes a second key press from a duplicate of the first.
    await Bun.sleep(ONE_PRESS_MS + 100);
    process.kill("SIGINT");
    expect(await process.exited).toBe(1);
  }, 30_000);
});

test("an invalid model or option causes a one-line error with an exit code", async () => {
  for (const [words, code, line] of [
    [["missing.gguf"], 3, "error: there is no file missing.gguf"],
    [["--prot", "1"], 2, "unknown option --prot; did you mean --port?"],
    [["--show-hidden-metrics-for-version", "x"], 2, "Invalid version: 'x'"],
    [["--max-model-len", "4k", "--num-gpu-blocks-override", "9"], 1, "does not fit"],
    [["--max-model-len", "32k"], 2, "--max-model-len 32000 exceeds the 8192 tokens"],
    [["/"], 3, "error: / is a folder; name a GGUF file in it"],
  ] as const) {
    const child = Bun.spawnSync([process.execPath, MAIN, "serve", ...words]);
    expect(child.stderr.toString()).toContain(line);
    expect(child.exitCode).toBe(code);
  }
}, 30_000);

test("an unknown PAGODA_CPU causes a one-line error with an exit code", () => {
  const env = { ...process.env, PAGODA_CPU: "foo" };
  const child = Bun.spawnSync([process.execPath, MAIN, "serve"], { env });
  expect(child.stderr.toString()).toContain(
    "PAGODA_CPU: expected avx512, avxvnni, avx2, generic or nothing, got foo",
  );
  expect(child.exitCode).toBe(2);
}, 30_000);
