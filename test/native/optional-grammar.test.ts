// Optional grammars, which stop applying where a required grammar would end the request.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GrammarProbe } from "../support/grammar-probe.ts";

let probe: GrammarProbe;
beforeAll(async () => {
  probe = await GrammarProbe.load("bpe");
});
afterAll(() => probe?.remove());

/** Samples two tokens from a sampler whose output so far does not fit its grammar, as after a limit. */
async function twoTokens(init: Parameters<GrammarProbe["createSampler"]>[0]) {
  const sampler = probe.createSampler(init);
  const [first] = await probe.sample([{ sampler }]);
  const [second] = await probe.sample([{ sampler }]);
  probe.model.freeSampler(sampler);
  return [first, second];
}

describe("a grammar that has no mask", () => {
  test("refuses the row if it is required", async () => {
    const grammar = await probe.compileUnforced("regex", "ab");
    const outputTokenIds = probe.tokensOf("x");
    const [first] = await twoTokens({ grammar, outputTokenIds });
    expect(first).toMatchObject({ tokenId: 0, isRefused: true, isDropped: false });
  });

  test("is dropped once if it is optional, and the tokens are those of free text", async () => {
    const grammar = await probe.compileUnforced("regex", "ab");
    const outputTokenIds = probe.tokensOf("x");
    const free = await twoTokens({ outputTokenIds });
    const [first, second] = await twoTokens({ grammar, outputTokenIds, isGrammarOptional: true });
    expect(first).toMatchObject({ isRefused: false, isDropped: true });
    expect(second).toMatchObject({ isRefused: false, isDropped: false });
    expect([first?.tokenId, second?.tokenId]).toEqual([free[0]?.tokenId, free[1]?.tokenId]);
  });
});

describe("an optional grammar", () => {
  test("that leaves none of the allowed tokens is dropped", async () => {
    const grammar = await probe.compileUnforced("regex", "ab");
    const allowedTokenIds = probe.tokensOf("x");
    const [first] = await twoTokens({ grammar, allowedTokenIds, isGrammarOptional: true });
    expect(first).toMatchObject({ tokenId: allowedTokenIds[0], isRefused: false, isDropped: true });
  });

  test("that conflicts with other constraints leaves those in force", async () => {
    const grammar = await probe.compileUnforced("regex", "ab");
    const badWordIds = probe.tokensOf("x");
    const init = {
      ...{ badWordIds, badWordStarts: Int32Array.of(0, 1) },
      allowedTokenIds: probe.tokensOf("xyz"),
    };
    const [free] = await twoTokens(init);
    const [first] = await twoTokens({ ...init, grammar, isGrammarOptional: true });
    expect(first).toMatchObject({ tokenId: free?.tokenId, isRefused: false, isDropped: true });
    expect([...probe.tokensOf("yz")]).toContain(first?.tokenId ?? -1);
  });

  test("applies until it is dropped", async () => {
    const grammar = await probe.compileUnforced("regex", "ab");
    const [first, second] = await twoTokens({ grammar, isGrammarOptional: true });
    expect([first, second].map((result) => probe.textOf(result?.tokenId ?? -1))).toEqual([
      "a",
      "b",
    ]);
    expect([first?.isDropped, second?.isDropped]).toEqual([false, false]);
  });
});
