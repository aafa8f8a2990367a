// A conformance suite for every ModelRunner, fake or native.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Request } from "../../src/request/request.ts";
import type { SamplingParams } from "../../src/request/sampling-params.ts";
import type { ModelRunner } from "../../src/runner/model-runner.ts";
import type { ScheduledResult } from "../../src/scheduler/scheduler-output.ts";
import { generate, type Part, planOf, runStep } from "./drive.ts";
import { makeRequest } from "./make-request.ts";

export interface Subject {
  readonly runner: ModelRunner;
  readonly blockSize: number;
  /** Two adapters' files; the runner has two slots for them. */
  readonly adapters: readonly [string, string];
}

export interface Conformer {
  readonly name: string;
  /** Block IDs below 32 must exist. */
  readonly create: () => Promise<Subject>;
}

export function modelRunnerConformance({ name, create }: Conformer): void {
  describe(`${name} as a ModelRunner`, () => {
    let subject: Subject;
    beforeAll(async () => {
      subject = await create();
    });
    afterAll(() => subject.runner.dispose());

    const prompt = (length: number) => Array.from({ length }, (_, i) => 5 + ((i * 11) % 90));
    const outputOf = async (blocks: number[], length = 3 * subject.blockSize + 2) => {
      const request = makeRequest("a", prompt(length));
      const part = [{ request, blocks }];
      const results = await generate(subject.runner, part, subject.blockSize, 6);
      return results.flatMap(({ tokenIds }) => tokenIds);
    };

    test("reports the same vocabulary size and end tokens as its tokenizer", () => {
      const { info, tokenizer } = subject.runner;
      expect(tokenizer.vocabSize).toBe(info.vocabSize);
      expect(tokenizer.eosTokenIds).toEqual(info.eosTokenIds);
      for (const id of info.eosTokenIds) expect(tokenizer.isSpecial(id)).toBe(true);
    });

    test("samples the same tokens no matter which blocks hold the context", async () => {
      expect(await outputOf([9, 2, 14, 5])).toEqual(await outputOf([1, 2, 3, 4]));
    });

    test("samples the same tokens if the prompt is computed in chunks", async () => {
      const whole = await outputOf([1, 2, 3, 4]);
      const request = makeRequest("a", prompt(3 * subject.blockSize + 2));
      const blocks = [20, 21, 22, 23];
      for (const numTokens of [1, subject.blockSize, 7]) {
        const { results } = await runStep(
          subject.runner,
          [{ request, blocks, numTokens }],
          subject.blockSize,
        );
        expect(results[0]).toMatchObject({ tokenIds: [], logprobs: null });
      }
      const rest = await generate(subject.runner, [{ request, blocks }], subject.blockSize, 6);
      expect(rest.flatMap(({ tokenIds }) => tokenIds)).toEqual(whole);
    });

    test("a copied block is equivalent to the original", async () => {
      const { runner, blockSize } = subject;
      const whole = await outputOf([1, 2, 3, 4]);
      const request = makeRequest("a", prompt(3 * blockSize + 2));
      const numTokens = 3 * blockSize + 1;
      await runStep(runner, [{ request, blocks: [10, 11, 12, 13], numTokens }], blockSize);
      const part = [{ request, blocks: [10, 11, 12, 15] }];
      const { results } = await runStep(runner, part, blockSize, [[13, 15]]);
      expect(results[0]?.tokenIds).toEqual(whole.slice(0, 1));
    });

    draftTests(() => subject);
    adapterTests(() => subject);

    test("reports the requested number of most likely tokens, most likely first", async () => {
      const request = makeRequest("a", prompt(5), { params: { logprobs: 3 } });
      const part = [{ request, blocks: [1] }];
      const { results } = await runStep(subject.runner, part, subject.blockSize);
      const { logprobs, tokenIds } = results[0] ?? {};
      expect([tokenIds?.length, logprobs?.length]).toEqual([1, 1]);
      const { chosen, top } = logprobs?.[0] ?? {};
      expect(chosen).toMatchObject({ tokenId: tokenIds?.[0] as number, rank: 1 });
      expect(top?.length).toBe(3);
      const values = top?.map(({ logprob }) => logprob) ?? [];
      expect(values).toEqual([...values].sort((a, b) => b - a));
    });

    test("samples only allowed IDs", async () => {
      const params = { temperature: 1, seed: 4n, allowedTokenIds: [70, 71] };
      const request = makeRequest(`allowed-${name}`, prompt(5), { params });
      const part = [{ request, blocks: [1] }];
      const results = await generate(subject.runner, part, subject.blockSize, 8);
      for (const { tokenIds } of results) expect([[70], [71]]).toContainEqual([...tokenIds]);
    });

    test("never completes a bad word", async () => {
      const params = { temperature: 1, seed: 4n, allowedTokenIds: [70, 71] };
      const run = async (badWords: number[][]) => {
        const id = `bad-${badWords.length}-${name}`;
        const request = makeRequest(id, prompt(5), { params: { ...params, badWords } });
        const part = [{ request, blocks: [1] }];
        const results = await generate(subject.runner, part, subject.blockSize, 12);
        return results.map(({ tokenIds }) => tokenIds[0]);
      };
      expect(await run([[70]])).toEqual(Array(12).fill(71));
      const pairs = await run([
        [70, 70],
        [71, 71],
      ]);
      expect(pairs).toEqual(pairs.map((_, i) => ((i + pairs.indexOf(70)) % 2 === 0 ? 70 : 71)));
    });

    test("compiles a grammar once, for all requests until a plan lists them as finished", async () => {
      const { runner, blockSize } = subject;
      const spec = { kind: "lark", text: 'start: "ab"', param: "grammar" } as const;
      const requests = ["g1", "g2"].map((id) =>
        makeRequest(id, prompt(3), { params: { grammar: spec } }),
      );
      await runner.compileGrammar(requests.slice(0, 1), spec);
      expect(runner.compileGrammar(requests.slice(1), spec)).toBeNull();
      const part = { request: requests[0] as Request, blocks: [1] };
      const [first] = await generate(runner, [part], blockSize, 2);
      expect(first?.isRefused).toBe(false);
      const plain = { request: makeRequest("after", prompt(3)), blocks: [2] };
      const plan = { ...planOf([plain], blockSize), finishedRequestIds: ["g1", "g2"] };
      expect((await runner.run(plan)).results).toHaveLength(1);
    });

    test("rejects an invalid grammar with an error that names its field", async () => {
      const spec = { kind: "lark", text: "", param: "ebnf" } as const;
      const compiling = subject.runner.compileGrammar([makeRequest("bad", prompt(3))], spec);
      await expect(compiling as Promise<void>).rejects.toMatchObject({
        name: "RequestError",
        ...{ code: "invalid_value", param: "ebnf" },
      });
    });

    test("scores each prompt token after the first, across chunks", async () => {
      const request = makeRequest("a", prompt(12), { params: { promptLogprobs: 1 } });
      const counts: number[] = [];
      for (const numTokens of [5, 7]) {
        const part = [{ request, blocks: [1], numTokens }];
        const { results } = await runStep(subject.runner, part, subject.blockSize);
        counts.push(results[0]?.promptLogprobs?.length ?? 0);
      }
      expect(counts).toEqual([5, 6]);
    });
  });
}

/** @param subjectOf called after the suite has started */
function draftTests(subjectOf: () => Subject): void {
  const prompt = (length: number) => Array.from({ length }, (_, i) => 5 + ((i * 11) % 90));

  /** Generates six tokens without drafts. */
  async function plainOutput(length: number): Promise<number[]> {
    const { runner, blockSize } = subjectOf();
    const part = [{ request: makeRequest("plain", prompt(length)), blocks: [1, 2, 3] }];
    const results = await generate(runner, part, blockSize, 6);
    return results.flatMap(({ tokenIds }) => tokenIds);
  }

  test.each([
    ["all drafts and samples one more token", [0, 1, 2], 4],
    ["the drafts before the first wrong one", [0, 1, null], 3],
    ["no drafts if the first is wrong", [null, 1, 2], 1],
    ["no drafts after a wrong one", [0, null, 2], 2],
  ])("accepts %s, and continues as it would without drafts", async (_, picks, count) => {
    const { runner, blockSize } = subjectOf();
    const length = 2 * blockSize - 2; // The drafts cross a block boundary.
    const whole = await plainOutput(length);
    const request = makeRequest("drafted", prompt(length), { params: { logprobs: 1 } });
    const part = { request, blocks: [20, 21, 22] };
    const drafts = picks.map((i) => (i === null ? 3 : (whole[i] as number)));
    const { results } = await runStep(runner, [{ ...part, drafts }], blockSize);
    expect(results[0]?.tokenIds).toEqual(whole.slice(0, count));
    const chosen = results[0]?.logprobs?.map((position) => position.chosen.tokenId);
    expect(chosen).toEqual(whole.slice(0, count));
    const rest = await generate(runner, [part], blockSize, 6 - count);
    expect(rest.flatMap(({ tokenIds }) => tokenIds)).toEqual(whole.slice(count));
  });

  test.each<[string, Partial<SamplingParams>]>([
    ["greedily", {}],
    ["with a seed", { temperature: 1, seed: 7n }],
    ["with a seed, top-k and top-p", { temperature: 2, seed: 9n, topK: 40, topP: 0.9 }],
    ["with penalties", { presencePenalty: 1, frequencyPenalty: 2, repetitionPenalty: 1.5 }],
    ["with a bias and a minimum length", { logitBias: [[70, 4]], minTokens: 4 }],
    ["with bad words", { badWords: [[70, 71], [72]], allowedTokenIds: [70, 71, 72, 73] }],
  ])("yields the same tokens and log-probabilities %s", async (_, params) => {
    const { runner, blockSize } = subjectOf();
    const init = { params: { ...params, logprobs: 2 } };
    const length = blockSize - 3;
    const plainPart = { request: makeRequest(`plain-${_}`, prompt(length), init), blocks: [1, 2] };
    const plain = await generate(runner, [plainPart], blockSize, 12);
    const tokens = plain.flatMap(({ tokenIds }) => tokenIds);
    const part = { request: makeRequest(`run-${_}`, prompt(length), init), blocks: [20, 21] };
    const other = { request: makeRequest("other", prompt(4)), blocks: [22] };
    const drafted: ScheduledResult[] = [];
    for (let step = 0; part.request.numOutputTokens < 12; step++) {
      const { numOutputTokens: done } = part.request;
      const drafts = tokens.slice(done, Math.min(done + 3, 11));
      if (step % 2 === 1) drafts.splice(2, 1, 74);
      const { results } = await runStep(runner, [other, { ...part, drafts }], blockSize);
      drafted.push(results[1] as ScheduledResult);
    }
    expect(drafted.length).toBeLessThan(6);
    expect(drafted.flatMap(({ tokenIds }) => tokenIds)).toEqual(tokens);
    // ggml's kernels for several rows round differently than those for one row.
    const logprobs = (results: ScheduledResult[]) =>
      results.flatMap((result) => result.logprobs?.map(({ chosen }) => chosen.logprob) ?? []);
    const gaps = logprobs(drafted).map((logprob, i) => logprob - (logprobs(plain)[i] ?? 0));
    expect(gaps).toHaveLength(12);
    expect(Math.max(...gaps.map(Math.abs))).toBeLessThan(0.01);
  });
}

/** @param subjectOf called after the suite has started */
function adapterTests(subjectOf: () => Subject): void {
  const prompt = Array.from({ length: 20 }, (_, i) => 5 + ((i * 11) % 90));

  /** Prompts with different adapters, each with its own blocks. */
  function partsOf(places: readonly (readonly [slot: number, start: number])[]): Part[] {
    return places.map(([adapterSlot, start], i) => {
      const request = makeRequest(`${adapterSlot}-${start}`, prompt);
      request.adapterStart = start;
      return { request, adapterSlot, blocks: [3 * i + 1, 3 * i + 2, 3 * i + 3] };
    });
  }

  async function outputsOf(parts: readonly Part[]): Promise<number[][]> {
    const { runner, blockSize } = subjectOf();
    for (let i = 0; i < 6; i++) await runStep(runner, parts, blockSize);
    return parts.map(({ request }) => [...request.tokenIds(prompt.length)]);
  }

  test("computes each request with its own adapter from its start on, whatever else is in the step", async () => {
    const { runner, adapters } = subjectOf();
    for (const [slot, path] of adapters.entries()) await runner.loadAdapter(path, slot);
    const places = [
      [-1, 0],
      [0, 0],
      [1, 0],
      [1, 12],
      [1, Number.POSITIVE_INFINITY],
    ] as const;
    const alone: number[][] = [];
    for (const place of places) alone.push(...(await outputsOf(partsOf([place]))));
    expect(alone[4]).toEqual(alone[0] as number[]);
    expect(new Set(alone.map(String)).size).toBe(4);
    expect(await outputsOf(partsOf(places))).toEqual(alone);
  });

  test("replaces and empties a slot", async () => {
    const { runner, adapters } = subjectOf();
    const [[first = []]] = [await outputsOf(partsOf([[0, 0]]))];
    await runner.loadAdapter(adapters[1], 0);
    expect((await outputsOf(partsOf([[0, 0]])))[0]).not.toEqual(first);
    runner.unloadAdapter(0);
    await runner.loadAdapter(adapters[0], 0);
    expect((await outputsOf(partsOf([[0, 0]])))[0]).toEqual(first);
  });

  test("rejects a missing file and keeps the slot's adapter", async () => {
    const { runner } = subjectOf();
    const before = await outputsOf(partsOf([[0, 0]]));
    const missing = runner.loadAdapter("/missing", 0);
    expect(await missing.catch(({ code }) => code)).toBe("adapter_not_found");
    expect(await outputsOf(partsOf([[0, 0]]))).toEqual(before);
  });
}
