// Log lines for requests: one on arrival, and one on completion.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";
import { until } from "../support/waiting.ts";

/** @returns an app whose requests always take 250 ms by the log's clock, and its log lines */
function makeLogged(maxPromptLength: number | null = null, logsOutputs = false) {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const parts = makeApp(
    {},
    { requestLog: { log, nowMs: () => 250, maxPromptLength, logsOutputs } },
  );
  // Use a fixed clock in place of the real one.
  Object.assign(parts.engine, { nowMs: () => 0 });
  return { ...parts, lines };
}

const id = (name: string) => ({ "x-request-id": name });
const TOOK = "first token after 0.250 s, total 0.250 s";

describe("the generated text", () => {
  const body = { prompt: "abc", max_tokens: 4, temperature: 0, n: 1, ignore_eos: true };
  const text = async (response: Response) =>
    ((await response.json()) as { choices: { text: string }[] }).choices[0]?.text ?? "";

  test("is logged at the end if the operator enables it", async () => {
    const { post, lines } = makeLogged(null, true);
    const answer = await text(await post("/v1/completions", body, id("one")));
    expect(lines).toEqual([
      expect.stringMatching(/^Received request cmpl-one: /),
      `Generated response cmpl-one: output: ${JSON.stringify(answer)}`,
      expect.stringMatching(/^Finished request cmpl-one: /),
    ]);
  });

  test("has one entry per sequence, each truncated to the same length as prompts", async () => {
    const { post, lines } = makeLogged(2, true);
    await (await post("/v1/completions", { ...body, n: 2, temperature: 1 }, id("two"))).text();
    expect(lines[1]).toMatch(/^Generated response cmpl-two: output: \[".."\.\.\., ".."\.\.\.\]$/);
  });

  test("is not logged for a refused request", async () => {
    const { post, lines } = makeLogged(null, true);
    await post("/v1/completions", { ...body, prompt: [] }, id("three"));
    expect(lines.map((line) => line.split(" ")[0])).toEqual(["Received", "Failed"]);
  });
});

describe("a successful request", () => {
  test.each([false, true])(
    "logs one line on arrival and one at the end; stream: %p",
    async (stream) => {
      const { post, lines } = makeLogged();
      const body = { prompt: "abc", max_tokens: 4, temperature: 0, ignore_eos: true, stream };
      await (await post("/v1/completions", body, id("one"))).text();
      const said = stream ? '"stream":true,' : "";
      expect(lines).toEqual([
        `Received request cmpl-one: prompt: "abc", params: {${said}"temperature":0,"ignore_eos":true,"max_tokens":4}`,
        `Finished request cmpl-one: 200, length, 4 prompt tokens, 4 output tokens, ${TOOK}`,
      ]);
    },
  );

  test("counts all prompts and choices, each prompt once", async () => {
    const { post, lines } = makeLogged();
    const body = {
      prompt: [
        [1, 2],
        [1, 2, 3],
      ],
      n: 2,
      max_tokens: 4,
      ignore_eos: true,
    };
    await (await post("/v1/completions", body, id("two"))).text();
    expect(lines[0]).toContain('prompt: [[1,2], [1,2,3]], params: {"n":2,');
    expect(lines[1]).toStartWith(
      "Finished request cmpl-two: 200, length, 5 prompt tokens, 16 output tokens, ",
    );
  });

  test("logs a chat's messages", async () => {
    const { post, lines } = makeLogged();
    const messages = [{ role: "user", content: "a\nb" }];
    await (await post("/v1/chat/completions", { messages, max_tokens: 1 }, id("c"))).text();
    expect(lines[0]).toBe(
      'Received request chatcmpl-c: prompt: {"role":"user","content":"a\\nb"}, params: {"max_tokens":1}',
    );
    expect(lines).toHaveLength(2);
  });
});

describe("a prompt in the log", () => {
  test("is truncated at the operator's limit, as text or IDs, separately for each prompt", async () => {
    const { post, lines } = makeLogged(2);
    for (const prompt of ["abc", "ab", [7, 8, 9], ["abc", "d"]])
      await (await post("/v1/completions", { prompt, max_tokens: 1 })).text();
    const shown = lines
      .filter((line) => line.startsWith("Received"))
      .map((line) => /prompt: (.*), params/.exec(line)?.[1]);
    expect(shown).toEqual(['"ab"...', '"ab"', "[7,8]...", '["ab"..., "d"]']);
  });

  test("is never truncated within a character", async () => {
    const { post, lines } = makeLogged(2);
    for (const prompt of ["a\u{1f600}b", "\u{1f600}\u{1f600}"])
      await (await post("/v1/completions", { prompt, max_tokens: 1 })).text();
    expect(lines[0]).toContain('prompt: "a\u{1f600}"..., params');
    expect(lines[2]).toContain('prompt: "\u{1f600}\u{1f600}", params');
  });

  test("is omitted with a limit of 0", async () => {
    const { post, lines } = makeLogged(0);
    await (await post("/v1/completions", { prompt: "secret", max_tokens: 1 })).text();
    expect(lines.join("\n")).not.toContain("secret");
    expect(lines[0]).toContain('prompt: ""..., params');
  });

  test("cannot forge another log line", async () => {
    const { post, lines } = makeLogged();
    const prompt = "a\nERROR 11-30 00:00:00 it is on fire";
    await (await post("/v1/completions", { prompt, max_tokens: 1 })).text();
    expect(lines.every((line) => !line.includes("\n"))).toBe(true);
  });

  test("has its control characters and line breaks escaped", async () => {
    const { post, lines } = makeLogged();
    const prompt = "a\u001b[2J\u009b2J\u0085\u2028\u2029\u007f\u202e\u2066\u200f";
    await (await post("/v1/completions", { prompt, max_tokens: 1 })).text();
    expect(lines[0]).toContain(
      'prompt: "a\\u001b[2J\\u009b2J\\u0085\\u2028\\u2029\\u007f\\u202e\\u2066\\u200f", params',
    );
  });

  test("comes with parameters whose numbers keep every digit", async () => {
    const { post, lines } = makeLogged();
    const body = '{"prompt":"a","max_tokens":1,"seed":9007199254740993}';
    await (await post("/v1/completions", body)).text();
    expect(lines[0]).toContain('params: {"seed":9007199254740993,"max_tokens":1}');
  });
});

describe("a request that fails", () => {
  test("because it was rejected is logged with its status and the reason", async () => {
    const { post, lines } = makeLogged();
    expect((await post("/v1/completions", { prompt: "a", n: 1000 }, id("x"))).status).toBe(400);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^Failed request cmpl-x: 400, "n must be .*", total 0\.250 s$/);
  });

  test.each([0, 1])(
    "because its client disconnected after %d events is logged as aborted",
    async (numRead) => {
      const { post, lines } = makeLogged();
      const body = { prompt: "abc", max_tokens: 200, ignore_eos: true, stream: true };
      const response = await post("/v1/completions", body, id("gone"));
      const reader = response.body?.getReader();
      for (let i = 0; i < numRead; i++) await reader?.read();
      await reader?.cancel();
      await until(() => lines.length > 1);
      expect(lines[1]).toMatch(/^Aborted request cmpl-gone: 4 prompt tokens, \d+ output tokens, /);
      expect(lines).toHaveLength(2);
    },
  );
});

test("requests are not logged unless the operator enables it", async () => {
  const lines: string[] = [];
  const { post } = makeApp();
  expect((await post("/v1/completions", { prompt: "abc" })).status).toBe(200);
  expect(lines).toEqual([]);
});
