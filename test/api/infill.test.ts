// `suffix` in completions from models with fill-in-the-middle tokens. The fake model has one token
// per byte, and its BOS is 256.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const PATH = "/v1/completions";
const bytes = (text: string) => [...Buffer.from(text)];

function start(fimTokenIds = { prefix: 1, suffix: 2, middle: 3 }) {
  const parts = makeApp({ scheduler: { maxModelLen: 64 } });
  Object.assign(parts.engine.info.model, { fimTokenIds });
  const prompts = async (body: object) => {
    const answer = await parts.post(PATH, { max_tokens: 1, return_token_ids: true, ...body });
    const { choices } = (await answer.json()) as { choices: { prompt_token_ids: number[] }[] };
    return choices.map((choice) => choice.prompt_token_ids);
  };
  return { ...parts, prompts };
}

describe("a suffix", () => {
  test("produces a prompt of BOS, prefix, suffix and gap", async () => {
    expect(await start().prompts({ prompt: "ab", suffix: "cd" })).toEqual([
      [256, 1, ...bytes("ab"), 2, ...bytes("cd"), 3],
    ]);
  });

  test("applies to each of several prompts, including token IDs", async () => {
    expect(await start().prompts({ prompt: ["", "x"], suffix: "y" })).toEqual([
      [256, 1, 2, 121, 3],
      [256, 1, 120, 2, 121, 3],
    ]);
    expect(await start().prompts({ prompt: [[97]], suffix: "y" })).toEqual([
      [256, 1, 97, 2, 121, 3],
    ]);
  });

  test("has no effect if it is empty", async () => {
    expect(await start().prompts({ prompt: "ab", suffix: "" })).toEqual([[256, ...bytes("ab")]]);
  });

  test.each([
    ["echo", { echo: true }],
    ["truncate_prompt_tokens", { truncate_prompt_tokens: 5 }],
  ])("cannot be combined with %s", async (name, fields) => {
    const answer = await start().post(PATH, { prompt: "a", suffix: "b", ...fields });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(name)]);
  });

  test("counts toward the context length", async () => {
    const answer = await start().post(PATH, { prompt: "a", suffix: "b".repeat(70) });
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining("maximum context length is 64 tokens"),
    ]);
  });

  test("is refused for a model without infill tokens", async () => {
    const answer = await makeApp().post(PATH, { prompt: "a", suffix: "b" });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: { param: "suffix", message: expect.stringContaining("suffix is not currently") } },
    ]);
  });
});
