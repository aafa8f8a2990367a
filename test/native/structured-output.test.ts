// Structured output through the whole server with a tiny model: both routes, streaming, n > 1, preemption, sleep, and
// requests that end with an error without affecting others.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readEvents } from "../support/fake-engine.ts";
import { type RealApp, startRealApp } from "../support/real-app.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";
const folder = tempFolder();
const path = join(folder.path, "tiny.gguf");
/** Token whose embedding is NaN: every row after the letter Q has no finite logits. */
const NAN_TOKEN = "Q".charCodeAt(0);

let app: RealApp;
beforeAll(async () => {
  writeTinyGguf(path, { tokenizer: "bpe", nanTokenId: NAN_TOKEN, weightType: "Q8_0" });
  app = await startRealApp(path, ["--max-model-len=256"]);
});
afterAll(async () => {
  await app?.shutdown();
  folder.remove();
});

const body = (fields: object = {}) => ({
  ...{ prompt: "a b", max_tokens: 100, temperature: 1, seed: 1, ...fields },
});
const regex = (pattern: string, fields: object = {}) =>
  body({ structured_outputs: { regex: pattern }, ...fields });

interface Choice {
  readonly text: string;
  readonly finish_reason: string;
}

async function choices(fields: object, on = app): Promise<Choice[]> {
  const response = await on.post(TEXT, fields);
  expect(response.status).toBe(200);
  return ((await response.json()) as { choices: Choice[] }).choices;
}

const textOf = async (fields: object, on = app) => (await choices(fields, on))[0]?.text ?? "";

describe("an answer with a constraint", () => {
  test("conforms to it, in completions and in chats", async () => {
    expect(await textOf(regex("[a-f]{3}-[0-9]{4}"))).toMatch(/^[a-f]{3}-[0-9]{4}$/);
    const response = await app.post(CHAT, {
      messages: [{ role: "user", content: "hi" }],
      ...{ max_tokens: 100, temperature: 1, seed: 1 },
      response_format: {
        type: "json_schema",
        json_schema: {
          name: "s",
          schema: {
            type: "object",
            properties: { n: { enum: [1, 2] } },
            required: ["n"],
            additionalProperties: false,
          },
        },
      },
    });
    const { choices: all } = (await response.json()) as {
      choices: { message: { content: string }; finish_reason: string }[];
    };
    expect(JSON.parse(all[0]?.message.content ?? "")).toEqual({ n: expect.any(Number) });
    expect(all[0]?.finish_reason).toBe("stop");
  });

  test("is the same if it is streamed", async () => {
    const fields = regex("(ab|cd|ef){5}");
    const whole = await textOf(fields);
    const events = await readEvents(await app.post(TEXT, { ...fields, stream: true }));
    const parts = events.slice(0, -1) as { choices: Choice[] }[];
    expect(parts.map(({ choices: [part] }) => part?.text).join("")).toBe(whole);
    expect(parts.at(-1)?.choices[0]?.finish_reason).toBe("stop");
  });

  test("has finish reason length if max_tokens cuts it off", async () => {
    const [choice] = await choices(regex("[a-z]{50}", { max_tokens: 7 }));
    expect(choice).toMatchObject({
      text: expect.stringMatching(/^[a-z]{7,}$/),
      finish_reason: "length",
    });
  });

  test("conforms to it in each of n different sequences", async () => {
    const all = await choices(regex("[a-z]{8}", { n: 4 }));
    expect(all).toHaveLength(4);
    for (const { text } of all) expect(text).toMatch(/^[a-z]{8}$/);
    expect(new Set(all.map(({ text }) => text)).size).toBe(4);
  });

  test("conforms to it with log-probabilities, penalties, biases and min_tokens", async () => {
    const fields = {
      ...{ logprobs: 2, frequency_penalty: 2, presence_penalty: 1, repetition_penalty: 1.5 },
      ...{ logit_bias: { 97: 100, 81: 100 }, min_tokens: 20, ignore_eos: false },
    };
    const response = await app.post(TEXT, regex("[a-d]{6}x?", fields));
    const answer = (await response.json()) as {
      choices: [Choice & { logprobs: { tokens: string[] } }];
    };
    const [choice] = answer.choices;
    expect(choice.text).toMatch(/^[a-d]{6}x?$/);
    expect(choice.logprobs.tokens.join("")).toStartWith(choice.text);
  });

  test("conforms to it if allowed_token_ids leave a token, and otherwise is a client error", async () => {
    const fields = { allowed_token_ids: [97, 98, 265] };
    expect(await textOf(regex("[a-d]{4}", fields))).toMatch(/^[ab]{4}$/);
    const response = await app.post(TEXT, regex("[x-z]{4}", fields));
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("the other constraints leave no token");
  });

  test("continues with end tokens if the request ignores them", async () => {
    const [choice] = await choices(regex("ab", { ignore_eos: true, max_tokens: 5 }));
    expect(choice).toEqual(expect.objectContaining({ text: "ab", finish_reason: "length" }));
  });

  test("ends at a stop string inside it", async () => {
    const [choice] = await choices(regex("[ab]{0,5}-[cd]{9}", { stop: "-" }));
    expect(choice?.text).toMatch(/^[ab]{0,5}$/);
    expect(choice?.finish_reason).toBe("stop");
  });

  test("does not change answers in the same batch", async () => {
    const plain = body({ max_tokens: 30, seed: 5 });
    const alone = await textOf(plain);
    const [beside] = await Promise.all([
      textOf(plain),
      textOf(regex("[a-z ]{30}")),
      textOf(regex("[0-9]{30}")),
    ]);
    expect(beside).toBe(alone);
  });
});

describe("a constraint that is refused before the first byte", () => {
  test.each([
    ["grammar", { structured_outputs: { grammar: "start: missing" } }, "unknown"],
    ["grammar", { structured_outputs: { grammar: 'start: start "a"' } }, "no text fits"],
    ["regex", { structured_outputs: { regex: "a^b" } }, "lookarounds"],
    [
      "schema",
      {
        response_format: {
          type: "json_schema",
          json_schema: { schema: { type: "integer", minimum: 5, maximum: 3 } },
        },
      },
      "minimum",
    ],
  ])("is a %s that cannot be compiled, streamed or not: %#", async (_, fields, message) => {
    for (const stream of [false, true]) {
      const response = await app.post(TEXT, body({ ...fields, stream }));
      expect(response.status).toBe(400);
      const { error } = (await response.json()) as { error: { message: string; param: string } };
      expect(error.message).toContain("cannot be enforced");
      expect(error.message).toContain(message);
      expect(Object.keys(fields)).toContain(error.param);
    }
  });
});

describe("preemption, sleep, and faults", () => {
  test("preemption and resumption do not change the text", async () => {
    const tight = await startRealApp(path, [
      ...["--max-model-len=256", "--num-gpu-blocks-override=24", "--block-size=16"],
    ]);
    const all = ["[a-z]{90}", "[0-9]{90}", "[A-F]{90}", "([a-c]|[x-z]){90}"];
    const alone: string[] = [];
    for (const pattern of all) alone.push(await textOf(regex(pattern)));
    const together = await Promise.all(all.map((pattern) => textOf(regex(pattern), tight)));
    expect(together).toEqual(alone);
    await tight.shutdown();
  });

  test.each([1, 2] as const)(
    "a level %i sleep keeps compiled grammars and their sequences",
    async (level) => {
      const alone = await textOf(regex("[a-z]{60}"));
      const running = textOf(regex("[a-z]{60}"));
      await app.client.calls.sleep(level, "keep");
      expect(await app.client.calls.isSleeping()).toBe(true);
      await app.client.calls.wakeUp(["weights", "kv_cache"]);
      expect(await running).toBe(alone);
      expect(await textOf(regex("[0-9]{5}"))).toMatch(/^[0-9]{5}$/);
    },
  );

  test("a row without finite logits fails only its own request", async () => {
    const other = textOf(regex("[a-z]{60}"));
    const response = await app.post(TEXT, regex("aQ[a-z]{5}"));
    expect(response.status).toBe(500);
    expect(await other).toMatch(/^[a-z]{60}$/);
  });

  test("a grammar that exceeds its limits fails only its own request", async () => {
    const ambiguous = 'start: x x x x x x\nx: ("a" | "b" | y)*\ny: ("a" | "b" | x) ("a" | x)*';
    const other = textOf(regex("[a-z]{60}"));
    const response = await app.post(TEXT, body({ structured_outputs: { grammar: ambiguous } }));
    expect([200, 400]).toContain(response.status);
    expect(await other).toMatch(/^[a-z]{60}$/);
    expect(await textOf(regex("[0-9]{5}"))).toMatch(/^[0-9]{5}$/);
  });
});
