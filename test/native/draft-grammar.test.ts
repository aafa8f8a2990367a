// Drafts of a request with a grammar: how many of them the grammar allows, and rows that verify them.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GrammarProbe } from "../support/grammar-probe.ts";

let probe: GrammarProbe;
beforeAll(async () => {
  probe = await GrammarProbe.load("bpe");
});
afterAll(() => probe?.remove());

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

  test("allows any token without a grammar, and none after text that does not fit", async () => {
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
