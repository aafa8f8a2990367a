// Grammars in the sampler: which tokens each allows, together with everything else that changes a row, and with steps
// that fail.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FLAG_BAN_END } from "../../src/runner/addon-types.ts";
import { GrammarProbe } from "../support/grammar-probe.ts";
import type { StepRow } from "../support/native-step.ts";

let probe: GrammarProbe;
let eos: number;
let ends: number[];

beforeAll(async () => {
  probe = await GrammarProbe.load("bpe");
  eos = probe.vocabulary.eosId;
  ends = [eos, probe.vocabulary.imEndId];
});

afterAll(() => probe?.remove());

const textsAfter = async (grammar: number, text: string) => {
  const ids = await probe.allowedAfter(grammar, text);
  return ids.map((id) => (ends.includes(id) ? "END" : probe.textOf(id))).sort();
};

/** Samples `numTokens` tokens in a row. */
async function generate(sampler: number, numTokens: number, row: StepRow = {}): Promise<number[]> {
  const tokens: number[] = [];
  for (let i = 0; i < numTokens; i++) {
    const [result] = await probe.sample([{ outputIndex: i, ...row, sampler }]);
    expect(result?.isRefused).toBe(false);
    tokens.push(result?.tokenId ?? -1);
  }
  return tokens;
}

const written = (tokens: readonly number[]) => tokens.map((id) => probe.textOf(id)).join("");

describe("the mask", () => {
  test("has exactly the tokens that some text of the grammar continues with", async () => {
    const grammar = await probe.compileUnforced("regex", "(the|in|an)x?");
    expect(await textsAfter(grammar, "")).toEqual(["a", "an", "i", "in", "t", "th", "the"]);
    expect(await textsAfter(grammar, "t")).toEqual(["h", "he"]);
    expect(await textsAfter(grammar, "th")).toEqual(["e"]);
    expect(await textsAfter(grammar, "the")).toEqual(["END", "END", "x"]);
    expect(await textsAfter(grammar, "thex")).toEqual(["END", "END"]);
  });

  test("spells text without an alternative as the tokenizer would", async () => {
    const grammar = await probe.compile("regex", "(the|in|an)x?");
    expect(await textsAfter(grammar, "")).toEqual(["a", "an", "i", "in", "t", "th", "the"]);
    expect(await textsAfter(grammar, "t")).toEqual(["he"]);
  });

  test("is empty after a text that does not fit", async () => {
    const grammar = await probe.compile("regex", "abc");
    expect(await textsAfter(grammar, "b")).toEqual([]);
    expect(await textsAfter(grammar, "abcd")).toEqual([]);
  });

  test("has no special tokens in text, but those that the grammar names", async () => {
    const any = await probe.compile("lark", "start: /(?s:.)*/");
    const allowed = await probe.allowedAfter(any, "");
    expect(allowed).not.toContain(probe.vocabulary.imStartId);
    expect(allowed).toContain(eos);
    const named = await probe.compile("lark", 'start: <|im_start|> "a"');
    expect(await probe.allowedAfter(named, "")).toEqual([probe.vocabulary.imStartId]);
    const byId = await probe.compile("lark", `start: <[${probe.vocabulary.imStartId}]>`);
    expect(await probe.allowedAfter(byId, "")).toEqual([probe.vocabulary.imStartId]);
  });

  test("lets a character of several bytes be written byte by byte", async () => {
    const grammar = await probe.compileUnforced("regex", "[é-ë]");
    const [first] = await textsAfter(grammar, "");
    expect(first).toBe("\xc3");
    expect(await probe.accepts(grammar, "ê")).toBe(true);
    expect(await probe.accepts(grammar, "ì")).toBe(false);
  });

  test("counts characters, not bytes", async () => {
    const grammar = await probe.compileUnforced("json_schema", '{"type":"string","maxLength":2}');
    expect(await probe.accepts(grammar, '"é😀"')).toBe(true);
    expect(await probe.accepts(grammar, '"abc"')).toBe(false);
  });
});

describe("with other processors", () => {
  test("greedy sampling takes the likeliest allowed token", async () => {
    const grammar = await probe.compile("regex", "[a-z]{4}");
    const sampler = probe.createSampler({ grammar });
    const [free] = await probe.sample([{ numLogprobs: probe.vocabulary.size }]);
    const letters = free?.top.filter(({ tokenId }) => /^[a-z]+$/.test(probe.textOf(tokenId)));
    const [constrained] = await probe.sample([{ sampler }]);
    expect(constrained?.tokenId).toBe(letters?.[0]?.tokenId as number);
  });

  test("log-probabilities are those of the model, before the mask", async () => {
    const grammar = await probe.compile("regex", "a");
    const sampler = probe.createSampler({ grammar });
    const [free] = await probe.sample([{ numLogprobs: probe.vocabulary.size }]);
    const [row] = await probe.sample([{ sampler, numLogprobs: 3 }]);
    const a = free?.top.find(({ tokenId }) => probe.textOf(tokenId) === "a");
    expect(row?.tokenId).toBe(a?.tokenId as number);
    expect(row?.logprob).toBeCloseTo(a?.logprob as number, 5);
    expect(row?.top).toEqual(free?.top.slice(0, 3) ?? []);
  });

  test("the same seed samples the same tokens, and seeds differ", async () => {
    const grammar = await probe.compile("regex", "[a-z ]{40}");
    const draw = (seed: bigint) =>
      generate(probe.createSampler({ grammar }), 12, { temperature: 1, seed });
    expect(await draw(7n)).toEqual(await draw(7n));
    expect(await draw(7n)).not.toEqual(await draw(8n));
  });

  test("top-k, top-p and min-p apply to what the grammar allows", async () => {
    const grammar = await probe.compile("regex", "[a-z]{4}");
    for (const cut of [{ topK: 1 }, { topP: 1e-6 }, { minP: 1 }]) {
      const [greedy] = await probe.sample([{ sampler: probe.createSampler({ grammar }) }]);
      const sampler = probe.createSampler({ grammar });
      const [row] = await probe.sample([{ sampler, temperature: 1, seed: 5n, ...cut }]);
      expect(row?.tokenId).toBe(greedy?.tokenId as number);
    }
  });

  test("penalties and biases move the choice, but only within the grammar", async () => {
    const grammar = await probe.compile("regex", "[ab]{30}");
    const letters = await generate(probe.createSampler({ grammar }), 30, {
      frequencyPenalty: 2,
      presencePenalty: 2,
    });
    expect(new Set([...written(letters)])).toEqual(new Set(["a", "b"]));
    const [a, c] = [probe.tokensOf("a"), probe.tokensOf("c")].map(([id]) => id ?? 0);
    const biased = probe.createSampler({
      grammar,
      logitBiasIds: Int32Array.of(a as number, c as number),
      logitBiasValues: Float32Array.of(-100, 100),
    });
    expect(written(await generate(biased, 30))).toBe("b".repeat(30));
  });

  test("allowed ids and the grammar both apply; a row without a common token is refused", async () => {
    const grammar = await probe.compile("regex", "[a-c]{2}");
    const allowedTokenIds = probe.tokensOf("bcd");
    const sampler = probe.createSampler({ grammar, allowedTokenIds });
    const tokens = await generate(sampler, 2, { temperature: 1, seed: 1n });
    expect(written(tokens)).toMatch(/^[bc]{2}$/);
    const none = probe.createSampler({ grammar, allowedTokenIds: probe.tokensOf("xyz") });
    expect(await probe.sample([{ sampler: none }])).toMatchObject([
      { tokenId: 0, isRefused: true },
    ]);
  });

  test("min_tokens holds while the grammar can go on, and yields to its end", async () => {
    const grammar = await probe.compile("regex", "a{1,3}");
    const init = { grammar, endTokenIds: Int32Array.from(ends) };
    const tokens = await generate(probe.createSampler(init), 4, { flags: FLAG_BAN_END });
    expect(written(tokens.slice(0, 3))).toBe("aaa");
    expect(ends).toContain(tokens[3] as number);
  });

  test("after the end, only end tokens follow, for requests that ignore them", async () => {
    const grammar = await probe.compile("regex", "a");
    const tokens = await generate(probe.createSampler({ grammar }), 4);
    expect(written(tokens.slice(0, 1))).toBe("a");
    for (const token of tokens.slice(1)) expect(ends).toContain(token);
  });

  test("a sampler that starts with an output continues it", async () => {
    const grammar = await probe.compile("regex", "[a-z]{20}");
    const whole = await generate(probe.createSampler({ grammar }), 8, { temperature: 1, seed: 3n });
    const half = Int32Array.from(whole.slice(0, 4));
    const resumed = probe.createSampler({ grammar, outputTokenIds: half });
    const rest: number[] = [];
    for (let i = 4; i < 8; i++) {
      const row = { sampler: resumed, temperature: 1, seed: 3n, outputIndex: i };
      rest.push((await probe.sample([row]))[0]?.tokenId ?? -1);
    }
    expect(rest).toEqual(whole.slice(4));
  });

  test("a scored row leaves the grammar where it is", async () => {
    const grammar = await probe.compile("regex", "ab");
    const sampler = probe.createSampler({ grammar });
    const [scored] = await probe.sample([{ sampler, target: 5 }]);
    expect(scored).toMatchObject({ tokenId: 5, isRefused: false });
    expect(written(await generate(sampler, 2))).toBe("ab");
  });

  test("rows of one step with different grammars do not mix", async () => {
    const grammars = await Promise.all(
      ["a", "b", "c", "d"].map((letter) => probe.compile("regex", `${letter}{8}`)),
    );
    const samplers = grammars.map((grammar) => probe.createSampler({ grammar }));
    for (let i = 0; i < 8; i++) {
      const results = await probe.sample(samplers.map((sampler) => ({ sampler })));
      expect(written(results.map(({ tokenId }) => tokenId))).toMatch(/^a+b+c+d+$/);
    }
  });
});

describe("handles", () => {
  test("a grammar that is freed stays with its samplers", async () => {
    const grammar = await probe.compile("regex", "ab");
    const sampler = probe.createSampler({ grammar });
    probe.model.freeGrammar(grammar);
    expect(() => probe.model.freeGrammar(grammar)).toThrow("no such grammar");
    expect(() => probe.createSampler({ grammar })).toThrow(`no such grammar: ${grammar}`);
    expect(written(await generate(sampler, 2))).toBe("ab");
  });

  test("mistakes are rejected, with a code", async () => {
    const failing = async (kind: string, text: string) =>
      (async () => probe.compile(kind as "lark", text))().catch((error: unknown) => error);
    expect(await failing("lark", "start: missing")).toMatchObject({ code: "grammar_error" });
    expect(await failing("json_schema", '{"not":{}}')).toMatchObject({
      code: "grammar_error",
      message: 'Unimplemented keys: ["not"]',
    });
    expect(await failing("regex", "a\u0000")).toMatchObject({ code: "grammar_error" });
    expect(() => probe.compile("ebnf" as "lark", "")).toThrow("no such kind of grammar: ebnf");
    expect(await probe.compile("lark", 'start: "a"')).toBeGreaterThan(0);
  });
});

describe("a SentencePiece vocabulary", () => {
  test("spells forced texts and words with spaces", async () => {
    const spm = await GrammarProbe.load("spm");
    const grammar = await spm.compileUnforced("regex", "in the an( the)?");
    expect(await spm.accepts(grammar, "in the an the")).toBe(true);
    expect(await spm.accepts(grammar, "in thean")).toBe(false);
    const after = await spm.allowedAfter(grammar, "in");
    expect(after.map((id) => spm.textOf(id)).sort()).toEqual([" ", " ", " the"]);
    await spm.remove();
  });
});
