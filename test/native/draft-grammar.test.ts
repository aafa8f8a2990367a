// Drafts for a request with a grammar: tokens that the grammar forces, drafts that it allows, and rows that verify
// drafts.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GrammarProbe } from "../support/grammar-probe.ts";

let probe: GrammarProbe;
beforeAll(async () => {
  probe = await GrammarProbe.load("bpe");
});
afterAll(() => probe?.remove());

describe("forcedTokens", () => {
  const tokens = async (regex: string, output: string, max = 100) => {
    const grammar = await probe.compile("regex", regex);
    const sampler = probe.createSampler({ grammar, outputTokenIds: probe.tokensOf(output) });
    return [...probe.model.forcedTokens(sampler, max)];
  };
  const textOf = (ids: readonly number[]) => ids.map((id) => probe.textOf(id)).join("");

  test("returns the tokens up to the next choice, at most as many as requested", async () => {
    expect(textOf(await tokens("hello (a|b)", ""))).toMatch(/^hello ?$/);
    expect(textOf(await tokens("(a|b) hello", ""))).toBe("");
    expect(await tokens("hello (a|b)", "", 2)).toHaveLength(2);
    expect(await tokens("hello (a|b)", "", 0)).toEqual([]);
  });

  test("returns nothing at the end, after text that does not fit, and if there is no grammar", async () => {
    const { eosId } = probe.vocabulary;
    const ended = probe.createSampler({
      grammar: await probe.compile("regex", "ab"),
      outputTokenIds: Int32Array.from([...probe.tokensOf("ab"), eosId]),
    });
    expect([...probe.model.forcedTokens(ended, 9)]).toEqual([]);
    expect(await tokens("ab", "x")).toEqual([]);
    expect([...probe.model.forcedTokens(probe.createSampler({}), 9)]).toEqual([]);
    expect(() => probe.model.forcedTokens(77, 9)).toThrow("no such sampler");
  });

  test("changes no state: the same tokens are sampled, one by one", async () => {
    const grammar = await probe.compile("regex", "hello (a|b)!");
    const sampler = probe.createSampler({ grammar });
    let expected: number[] = [];
    for (let i = 0; i < 4; i++) {
      const forced = [...probe.model.forcedTokens(sampler, 100)];
      if (expected.length > 0) expect(forced).toEqual(expected);
      const [result] = await probe.sample([{ sampler }]);
      expect(result?.tokenId).toBe(forced[0] as number);
      expected = forced.slice(1);
    }
  });
});

describe("countAllowed", () => {
  test("returns the number of tokens before the first that does not fit, and changes no state", async () => {
    const grammar = await probe.compileUnforced("regex", "(abc|abd)e");
    const sampler = probe.createSampler({ grammar, outputTokenIds: probe.tokensOf("a") });
    const count = (text: string) => probe.model.countAllowed(sampler, probe.tokensOf(text));
    expect(["bce", "bcx", "bde", "x", ""].map(count)).toEqual([3, 2, 3, 0, 0]);
    expect(count("bce")).toBe(3);
  });

  test("allows end tokens only where the text may end", async () => {
    const grammar = await probe.compileUnforced("regex", "ab");
    const sampler = probe.createSampler({ grammar });
    const { eosId } = probe.vocabulary;
    const [a = 0, b = 0] = probe.tokensOf("ab");
    const count = (...ids: number[]) => probe.model.countAllowed(sampler, Int32Array.from(ids));
    expect([count(a, eosId), count(a, b, eosId), count(a, b, a)]).toEqual([1, 3, 2]);
  });

  test("allows any token if there is no grammar, and none after text that does not fit", async () => {
    const free = probe.createSampler({});
    expect(probe.model.countAllowed(free, probe.tokensOf("abc"))).toBe(3);
    const grammar = await probe.compileUnforced("regex", "ab");
    const broken = probe.createSampler({ grammar, outputTokenIds: probe.tokensOf("x") });
    expect(probe.model.countAllowed(broken, probe.tokensOf("ab"))).toBe(0);
  });

  test("leaves the grammar intact for any input", async () => {
    const grammar = await probe.compileUnforced("regex", "ab");
    const { eosId } = probe.vocabulary;
    const [a = 0, b = 0] = probe.tokensOf("ab");
    const asked = [[a, b, eosId, eosId], [b], [eosId], [a, b, eosId, a], [a, b, b]];
    for (const output of ["", "a", "ab"]) {
      const sampler = probe.createSampler({ grammar, outputTokenIds: probe.tokensOf(output) });
      for (const ids of asked) probe.model.countAllowed(sampler, Int32Array.from(ids));
      const rest: (number | undefined)[] = [];
      for (let i = output.length; i < 4; i++) {
        const [result] = await probe.sample([{ sampler }]);
        rest.push(result?.tokenId);
        for (const ids of asked) probe.model.countAllowed(sampler, Int32Array.from(ids));
      }
      const isEnd = (id = -1) => id === eosId || id === probe.vocabulary.imEndId;
      expect(rest.map((id) => (isEnd(id) ? "END" : probe.textOf(id ?? -1)))).toEqual(
        ["a", "b", "END", "END"].slice(output.length),
      );
    }
  });

  test("refuses unknown samplers and tokens", () => {
    const sampler = probe.createSampler({});
    const code = expect.objectContaining({ code: "invalid_argument" });
    expect(() => probe.model.countAllowed(999_999, Int32Array.of(1))).toThrow(code);
    expect(() => probe.model.countAllowed(sampler, Int32Array.of(-1))).toThrow(code);
    expect(() => probe.model.countAllowed(sampler, [1] as never)).toThrow(code);
  });
});
