// `use_beam_search` against the complete engine with the fake model, whose chosen token has log-probability
// -0.5 and whose other tokens are "A", "B", ... with -1, -2, ...

import { describe, expect, spyOn, test } from "bun:test";
import { DEFAULT_ANSWER_OPTIONS } from "../../src/api/answer-options.ts";
import { makeApp, readEvents } from "../support/fake-engine.ts";
import { until } from "../support/waiting.ts";

const COMPLETION = "/v1/completions";
const body = { prompt: "x", temperature: 0, use_beam_search: true, n: 2, max_tokens: 3 };
const messages = [{ role: "user", content: "x" }];

interface Answer {
  readonly choices: {
    readonly text: string;
    readonly index: number;
    readonly finish_reason: string;
    readonly logprobs: { readonly token_logprobs: number[]; readonly top_logprobs: object[] };
  }[];
  readonly usage: object;
}

const answer = async (response: Promise<Response>) => (await (await response).json()) as Answer;

describe("beam search", () => {
  const { post, engine } = makeApp();

  test("returns the best beams, most likely first", async () => {
    const { choices, usage } = await answer(post(COMPLETION, { ...body, logprobs: 1 }));
    const sums = choices.map(({ logprobs }) =>
      logprobs.token_logprobs.reduce((sum, logprob) => sum + logprob, 0),
    );
    expect(sums).toEqual([-1.5, -2]);
    expect(choices.map(({ text }) => text.length)).toEqual([3, 3]);
    expect(choices.map(({ index, finish_reason }) => [index, finish_reason])).toEqual([
      [0, "length"],
      [1, "length"],
    ]);
    expect(choices[0]?.logprobs.top_logprobs.map((top) => Object.keys(top).length)).toEqual([
      1, 1, 1,
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 6 });
  });

  test("returns the greedy output as the best beam if the top token always dominates", async () => {
    const greedy = await answer(post(COMPLETION, { ...body, n: 1, use_beam_search: false }));
    const beams = await answer(post(COMPLETION, body));
    expect(beams.choices[0]?.text).toBe(greedy.choices[0]?.text as string);
  });

  test("answers each of several prompts", async () => {
    const { choices } = await answer(post(COMPLETION, { ...body, prompt: ["x", "y"] }));
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const alone = await answer(post(COMPLETION, { ...body, prompt: "y" }));
    expect(choices.slice(2).map(({ text }) => text)).toEqual(alone.choices.map(({ text }) => text));
  });

  test("answers chats and streams one event per beam", async () => {
    const chat = { ...body, messages };
    const whole = await post("/v1/chat/completions", chat);
    const { choices } = (await whole.json()) as { choices: { message: { content: string } }[] };
    const events = (await readEvents(
      await post("/v1/chat/completions", { ...chat, stream: true }),
    )) as { choices: { index: number; delta: { content: string } }[] }[];
    const deltas = events.slice(2, -1).map(({ choices: [choice] }) => choice);
    expect(deltas.map((choice) => [choice?.index, choice?.delta.content])).toEqual(
      choices.map(({ message }, index) => [index, message.content]),
    );
  });

  test("returns the prompt's log-probabilities", async () => {
    const asked = { ...body, prompt: "xyz", echo: true, logprobs: 0 };
    const { choices } = await answer(post(COMPLETION, asked));
    expect(choices[0]?.text).toStartWith("xyz");
    expect(choices[0]?.logprobs.token_logprobs).toHaveLength(4 + 3);
  });

  test("is refused if the answer does not fit, and leaves no request queued", async () => {
    const refused = await post(COMPLETION, { ...body, max_tokens: 5000 });
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining("maximum context length"),
    ]);
    expect(engine.numLiveSequences).toBe(0);
  });

  test("queues only as many beams at a time as the prompt-token limit allows", async () => {
    const limits = { maxNumQueuedTokens: 64 };
    const limited = makeApp({ engine: { limits } });
    const long = { ...body, prompt: "x".repeat(40), n: 4 };
    const { choices } = await answer(limited.post(COMPLETION, long));
    const free = await answer(post(COMPLETION, long));
    expect(choices.map(({ text }) => text)).toEqual(free.choices.map(({ text }) => text));
  });

  test("is refused immediately if the queue has no room for its beams", async () => {
    const limits = { maxNumQueuedReqs: 3 };
    const refused = await makeApp({ engine: { limits } }).post("/v1/chat/completions", {
      ...{ ...body, messages, n: 4 },
    });
    expect(refused.status).toBe(400);
  });

  test("is not refused later, even if other requests have filled the queue by then", async () => {
    const busy = makeApp({
      model: { stepDelayMs: 2 },
      engine: { limits: { maxNumQueuedReqs: 3, maxNumQueuedTokens: 64 } },
    });
    const search = busy.post(COMPLETION, { ...body, n: 2 });
    await until(() => busy.engine.numLiveSequences > 0);
    const other = { prompt: "x".repeat(20), max_tokens: 200 };
    const others = [busy.post(COMPLETION, other), busy.post(COMPLETION, other)];
    const refused = await busy.post(COMPLETION, other);
    expect([(await search).status, refused.status]).toEqual([200, 503]);
    await Promise.all(others);
  });

  test("ends beams at end tokens, which count but are not shown", async () => {
    const ending = { ...body, n: 1, length_penalty: 0, stop_token_ids: [65], logprobs: 0 };
    const { choices } = await answer(post(COMPLETION, ending));
    expect(choices[0]).toMatchObject({ text: "", finish_reason: "stop", stop_reason: 65 });
    const shown = { ...ending, include_stop_str_in_output: true };
    const { choices: whole } = await answer(post(COMPLETION, shown));
    expect(whole[0]).toMatchObject({ text: "A", logprobs: { token_logprobs: [-1] } });
    const ignoring = await answer(post(COMPLETION, { ...ending, length_penalty: 2 }));
    expect(ignoring.choices[0]).toMatchObject({ finish_reason: "length" });
  });

  test("accepts a single beam and a single token", async () => {
    const { choices } = await answer(post(COMPLETION, { ...body, n: 1, max_tokens: 1 }));
    expect(choices.map(({ text }) => text.length)).toEqual([1]);
  });

  test.each(["stop", "bad_words", "tools", "structured_outputs"])("refuses %s", async (name) => {
    const value = {
      ...{ stop: ["x"], bad_words: ["x"], structured_outputs: { regex: "a" } },
      tools: [{ type: "function", function: { name: "f" } }],
    }[name];
    const refused = await post("/v1/chat/completions", { ...body, messages, [name]: value });
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining(`use_beam_search cannot be combined with ${name}.`),
    ]);
  });
});

describe("a beam search", () => {
  const { post } = makeApp();
  const tools = [{ type: "function", function: { name: "f" } }];

  test.each([
    ["plain text", { response_format: { type: "text" } }],
    ["tools that must not be called", { tools, tool_choice: "none" }],
    ["empty lists", { stop: [], bad_words: [], tools: [] }],
  ])("accepts %s", async (_, fields) => {
    const answered = await post("/v1/chat/completions", { ...body, messages, ...fields });
    expect([answered.status, await answered.text()]).toEqual([200, expect.any(String)]);
  });
});

test("a beam search adds up log-probabilities even if the server reports logits", async () => {
  const answers = { ...DEFAULT_ANSWER_OPTIONS, logprobsMode: "processed_logits" } as const;
  const { engine, post } = makeApp({}, { answers });
  const generate = spyOn(engine, "generate");
  await post(COMPLETION, { ...body, logprobs: 1 });
  await post(COMPLETION, { prompt: "x", max_tokens: 1, logprobs: 1 });
  const modes = generate.mock.calls.map(([request]) => request.samplingParams.logprobsMode);
  expect(modes.pop()).toBe("processed_logits");
  expect(new Set(modes)).toEqual(new Set(["raw_logprobs"]));
});

describe("a canceled beam search", () => {
  test("ends during the round in progress", async () => {
    const { engine, post } = makeApp({ model: { stepDelayMs: 1 } });
    const searching = answer(post(COMPLETION, { ...body, max_tokens: 900, request_id: "b" }));
    while (!engine.cancel("cmpl-b")) await Bun.sleep(1); // until a round is queued
    const { choices } = await searching;
    expect(choices.map(({ finish_reason }) => finish_reason)).toContain("abort");
    expect(engine.numLiveSequences).toBe(0);
  });
});
