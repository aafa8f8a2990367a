// /v1/completions against the fake model: bodies, choices, logprobs and streams.

import { describe, expect, test } from "bun:test";
import { makeApp, readEvents } from "../support/fake-engine.ts";

const BODY = { prompt: "Hello", max_tokens: 4, temperature: 0 };

interface LogprobChoice {
  index: number;
  text: string;
  logprobs: Record<string, unknown[]>;
}

async function complete(body: object) {
  const { post } = makeApp();
  const response = await post("/v1/completions", { ...BODY, ...body });
  expect(response.status).toBe(200);
  return (await response.json()) as {
    choices: { text: string; [key: string]: unknown }[];
    usage: object;
    [key: string]: unknown;
  };
}

describe("POST /v1/completions", () => {
  test("returns vLLM's keys, including nulls", async () => {
    const body = await complete({});
    expect(Object.keys(body)).toEqual([
      "id",
      "object",
      "created",
      "model",
      "choices",
      "service_tier",
      "system_fingerprint",
      "usage",
      "kv_transfer_params",
    ]);
    expect(body.choices[0]).toEqual({
      index: 0,
      text: expect.stringMatching(/^[a-z ]{4}$/),
      logprobs: null,
      finish_reason: "length",
      stop_reason: null,
      token_ids: null,
      prompt_logprobs: null,
      prompt_token_ids: null,
    });
    expect(body.usage).toEqual({
      prompt_tokens: 6,
      total_tokens: 10,
      completion_tokens: 4,
      prompt_tokens_details: null,
    });
  });

  test("numbers the choices of several prompts in prompt order", async () => {
    const one = await complete({ prompt: ["a", "b"], temperature: 1, n: 2, seed: 3 });
    expect(one.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const again = await complete({ prompt: ["a", "b"], temperature: 1, n: 2, seed: 3 });
    expect(again.choices.map(({ text }) => text)).toEqual(one.choices.map(({ text }) => text));
  });

  test("generates the same output from token IDs as from text", async () => {
    const text = await complete({});
    const ids = await complete({ prompt: [256, ...new TextEncoder().encode("Hello")] });
    expect(ids.choices[0]?.text).toBe(text.choices[0]?.text);
  });

  test("echo puts the prompt first; with max_tokens set to 0, the prompt is the whole text", async () => {
    const plain = await complete({});
    const echoed = await complete({ echo: true });
    expect(echoed.choices[0]?.text).toBe(`Hello${plain.choices[0]?.text}`);
    expect((await complete({ echo: true, max_tokens: 0 })).choices[0]?.text).toBe("Hello");
  });

  test.each([
    ["16 tokens without max_tokens", {}, 16],
    ["fewer if the context length is reached first", { prompt: "x".repeat(1014) }, 9],
    ["as many as fit if max_tokens is null, as in vLLM", { max_tokens: null }, 1018],
  ])("generates %s", async (_, fields, numTokens) => {
    const { post } = makeApp();
    const body = { prompt: "Hello", temperature: 0, ignore_eos: true, ...fields };
    const { usage } = (await (await post("/v1/completions", body)).json()) as {
      usage: { completion_tokens: number };
    };
    expect(usage.completion_tokens).toBe(numTokens);
  });

  test("the text ends before a stop string, or after it on request", async () => {
    const { text = "" } = (await complete({ max_tokens: 8 })).choices[0] ?? {};
    const stop = text.slice(3, 5);
    const stopped = (await complete({ max_tokens: 8, stop })).choices[0];
    expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), stop_reason: stop });
    expect(stopped?.["finish_reason"]).toBe("stop");
    const shown = await complete({ max_tokens: 8, stop: [stop], include_stop_str_in_output: true });
    expect(shown.choices[0]?.text).toBe(text.slice(0, text.indexOf(stop) + 2));
  });

  test("logprobs contain offsets, tokens, and the most likely tokens", async () => {
    const body = await complete({ logprobs: 1, max_tokens: 2 });
    const text = body.choices[0]?.text ?? "";
    const [a = "", b = ""] = text;
    expect(body.choices[0]?.["logprobs"]).toEqual({
      text_offset: [0, 1],
      token_logprobs: [-0.5, -0.5],
      tokens: [a, b],
      top_logprobs: [{ [a]: -0.5 }, { [b]: -0.5 }],
    });
  });

  test("echoed logprobs begin with the prompt's tokens, in every choice", async () => {
    const options = { prompt: "Hi", echo: true, logprobs: 0, max_tokens: 1 };
    const { choices } = await complete({ ...options, temperature: 1, n: 2, seed: 1 });
    expect(choices.map(({ logprobs }) => logprobs)).toEqual(
      choices.map(({ text }) => ({
        text_offset: [0, 3, 4, 5],
        token_logprobs: [null, -0.5, -0.5, -0.5],
        tokens: ["<s>", "H", "i", text.slice(2)],
        top_logprobs: [null, { H: -0.5 }, { i: -0.5 }, { [text.slice(2)]: -0.5 }],
      })),
    );
    // vLLM also returns prompt_logprobs in this case, since it has computed them anyway.
    expect(choices.map((choice) => Object.keys(choice["prompt_logprobs"] ?? {}))).toEqual([
      ["0", "1", "2"],
      ["0", "1", "2"],
    ]);
  });

  test("returns tokens as IDs on request, since several tokens can have the same text", async () => {
    const ids = { return_tokens_as_token_ids: true, allowed_token_ids: [0xc3] };
    const body = await complete({ ...ids, logprobs: 0, max_tokens: 1, prompt: [72], echo: true });
    expect(body.choices[0]?.["logprobs"]).toMatchObject({
      tokens: ["token_id:72", "token_id:195"],
      top_logprobs: [null, { "token_id:195": -0.5 }],
    });
  });

  test("prompt_logprobs begins with null and covers the rest of the prompt", async () => {
    const body = await complete({ prompt: "Hi", prompt_logprobs: 0 });
    expect(body.choices[0]?.["prompt_logprobs"]).toEqual([
      null,
      { "72": { logprob: -0.5, rank: 1, decoded_token: "H" } },
      { "105": { logprob: -0.5, rank: 1, decoded_token: "i" } },
    ]);
  });

  test("an echo of token IDs includes special tokens", async () => {
    const ids = [256, 72, 257, 105];
    for (const skip_special_tokens of [true, false]) {
      const body = await complete({ prompt: ids, echo: true, max_tokens: 0, skip_special_tokens });
      expect(body.choices[0]?.text).toBe("<s>H</s>i");
    }
  });

  test("return_token_ids adds prompt and output IDs", async () => {
    const body = await complete({ prompt: "Hi", return_token_ids: true, max_tokens: 2 });
    const text = body.choices[0]?.text ?? "";
    expect(body.choices[0]?.["prompt_token_ids"]).toEqual([256, 72, 105]);
    expect(body.choices[0]?.["token_ids"]).toEqual([...new TextEncoder().encode(text)]);
  });

  describe("min_tokens", () => {
    const COMMA = 44;
    const request = { allowed_token_ids: [COMMA], stop: [","], min_tokens: 3, max_tokens: 9 };
    const ended = async (fields: object) => {
      const { choices, usage } = await complete({ ...request, ...fields });
      const { text, finish_reason, stop_reason } = choices[0] as Record<string, unknown>;
      return [
        text,
        (usage as { completion_tokens: number }).completion_tokens,
        finish_reason,
        stop_reason,
      ];
    };

    test("applies stop strings only to tokens after the minimum", async () => {
      expect(await ended({ min_tokens: 0 })).toEqual(["", 1, "stop", ","]);
      expect(await ended({})).toEqual([",,,", 4, "stop", ","]);
      expect(await ended({ include_stop_str_in_output: true })).toEqual([",,,,", 4, "stop", ","]);
      expect(await ended({ ignore_eos: true })).toEqual([",,,", 4, "stop", ","]);
    });

    test("allows a matched stop string to begin in earlier tokens", async () => {
      expect(await ended({ stop: [",,"] })).toEqual([",,", 4, "stop", ",,"]);
    });

    test("ignores stop strings if it equals max_tokens", async () => {
      expect(await ended({ max_tokens: 3 })).toEqual([",,,", 3, "length", null]);
      expect(await ended({ max_tokens: 3, stop: [",,,,"] })).toEqual([",,,", 3, "length", null]);
    });

    test("yields the same text in a stream", async () => {
      const { post } = makeApp({ model: { stepTurns: 3 } });
      const response = await post("/v1/completions", { ...BODY, ...request, stream: true });
      const chunks = (await readEvents(response)).slice(0, -1) as { choices: { text: string }[] }[];
      expect(chunks.map(({ choices }) => choices[0]?.text).join("")).toBe(",,,");
    });
  });

  test("streams the same text, then usage if requested, then [DONE]", async () => {
    const { post } = makeApp({ model: { stepTurns: 3 } });
    const full = (await complete({})).choices[0]?.text;
    const response = await post("/v1/completions", {
      ...BODY,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = (await readEvents(response)) as never[];
    const chunks = events.slice(0, -2) as { choices: { text: string }[]; usage: null }[];
    expect(chunks.map(({ choices }) => choices[0]?.text).join("")).toBe(full as string);
    expect(chunks[0]).toEqual({
      id: expect.stringMatching(/^cmpl-[0-9a-f]{16}$/),
      object: "text_completion",
      created: expect.any(Number),
      model: "tiny",
      choices: [
        {
          index: 0,
          text: expect.any(String),
          logprobs: null,
          finish_reason: null,
          stop_reason: null,
          prompt_token_ids: null,
          token_ids: null,
        },
      ],
      usage: null,
    } as never);
    expect(events.at(-2)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 6, total_tokens: 10, completion_tokens: 4 },
    } as never);
    expect(events.at(-1)).toBe("[DONE]" as never);
  });

  test("a streamed echo is identical to a nonstreamed echo", async () => {
    const { post } = makeApp({ model: { stepTurns: 3 } });
    const request = { ...BODY, echo: true, logprobs: 1, n: 2, temperature: 1, seed: 2 };
    const whole = (await complete(request)).choices;
    const response = await post("/v1/completions", { ...request, stream: true });
    const chunks = (await readEvents(response)).slice(0, -1) as { choices: LogprobChoice[] }[];
    for (const { index, text, logprobs } of whole as unknown as LogprobChoice[]) {
      const parts = chunks.flatMap(({ choices }) => choices.filter((c) => c.index === index));
      expect(parts.map((part) => part.text).join("")).toBe(text);
      for (const [key, values] of Object.entries(logprobs)) {
        expect(parts.flatMap((part) => part.logprobs[key])).toEqual(values);
      }
    }
  });

  test("streams token IDs even before their character is complete", async () => {
    const { post } = makeApp({ model: { stepTurns: 3 } });
    const request = { ...BODY, allowed_token_ids: [0xe2], max_tokens: 3, stream: true };
    const response = await post("/v1/completions", { ...request, return_token_ids: true });
    const chunks = (await readEvents(response)).slice(0, -1) as {
      choices: { token_ids: number[]; prompt_token_ids: number[] | null }[];
    }[];
    const choices = chunks.flatMap((chunk) => chunk.choices);
    expect(choices.flatMap((choice) => choice.token_ids)).toEqual([0xe2, 0xe2, 0xe2]);
    expect(choices.map((choice) => choice.prompt_token_ids?.length)).toEqual([
      6,
      undefined,
      undefined,
    ]);
  });

  test("continuous usage increases in every chunk", async () => {
    const { post } = makeApp({ model: { stepTurns: 3 } });
    const stream_options = { include_usage: true, continuous_usage_stats: true };
    const response = await post("/v1/completions", { ...BODY, stream: true, stream_options });
    const chunks = (await readEvents(response)).slice(0, -1) as {
      usage: { completion_tokens: number };
    }[];
    expect(chunks.map(({ usage }) => usage.completion_tokens)).toEqual([1, 2, 3, 4, 4]);
  });

  test("a failed step causes a 500, or an error event before [DONE]; the next request works", async () => {
    const { post, runner } = makeApp();
    runner.failNextStep = true;
    const failed = await post("/v1/completions", BODY);
    expect(failed.status).toBe(500);
    expect(await failed.json()).toEqual({
      error: {
        message: "Internal server error",
        type: "InternalServerError",
        param: null,
        code: 500,
      },
    });
    runner.failNextStep = true;
    const events = await readEvents(await post("/v1/completions", { ...BODY, stream: true }));
    expect(events).toEqual([{ error: expect.objectContaining({ code: 500 }) }, "[DONE]"]);
    expect((await post("/v1/completions", BODY)).status).toBe(200);
  });
});
