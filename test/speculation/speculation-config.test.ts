// The fields of --speculative-config: vLLM's names and defaults, and an error for each mistake.

import { describe, expect, test } from "bun:test";
import { speculationConfig } from "../../src/speculation/speculation-config.ts";

const NGRAM = { method: "ngram", num_speculative_tokens: 7 };
const DEFAULTS = {
  method: "ngram",
  numSpeculativeTokens: 7,
  disableByBatchSize: null,
  promptLookupMin: 5,
  promptLookupMax: 5,
};

describe("speculative config", () => {
  test("is off if it has no fields", () => {
    expect(speculationConfig({})).toBeNull();
    expect(speculationConfig({ method: null })).toBeNull();
  });

  test.each<[object, object]>([
    [{}, {}],
    [{ method: "[ngram]" }, {}],
    [{ method: null, model: "ngram" }, {}],
    [{ prompt_lookup_max: 3 }, { promptLookupMin: 3, promptLookupMax: 3 }],
    [{ prompt_lookup_min: 2 }, { promptLookupMin: 2, promptLookupMax: 2 }],
    [
      { prompt_lookup_min: 2, prompt_lookup_max: 4 },
      { promptLookupMin: 2, promptLookupMax: 4 },
    ],
    [{ disable_by_batch_size: 4 }, { disableByBatchSize: 4 }],
    [{ num_speculative_tokens: 1 }, { numSpeculativeTokens: 1 }],
  ])("reads %j", (fields, expected) => {
    expect(speculationConfig({ ...NGRAM, ...fields })).toEqual({
      ...DEFAULTS,
      ...expected,
    } as never);
  });

  test("has vLLM's defaults for suffix, with as many drafts as the depth", () => {
    const defaults = {
      ...{ method: "suffix", numSpeculativeTokens: 24, disableByBatchSize: null },
      ...{ maxTreeDepth: 24, maxCachedRequests: 10_000, maxSpecFactor: 1, minTokenProb: 0.1 },
    };
    expect(speculationConfig({ method: "suffix" })).toEqual(defaults as never);
    const fields = {
      ...{ method: "suffix", num_speculative_tokens: 5, suffix_decoding_max_tree_depth: 8 },
      ...{ suffix_decoding_max_cached_requests: 0, suffix_decoding_max_spec_factor: 2 },
      suffix_decoding_min_token_prob: 0.5,
    };
    expect(speculationConfig(fields)).toEqual({
      ...{ method: "suffix", numSpeculativeTokens: 5, disableByBatchSize: null },
      ...{ maxTreeDepth: 8, maxCachedRequests: 0, maxSpecFactor: 2, minTokenProb: 0.5 },
    } as never);
  });

  test("can set only a draft model and the number of drafts", () => {
    const expected = {
      ...{ method: "draft_model", numSpeculativeTokens: 4, disableByBatchSize: null },
      ...{ model: "a/b.gguf", revision: null },
    };
    const fields = { model: "a/b.gguf", num_speculative_tokens: 4 };
    expect(speculationConfig(fields)).toEqual(expected as never);
    expect(speculationConfig({ ...fields, method: "draft_model", revision: "v1" })).toEqual({
      ...expected,
      revision: "v1",
    } as never);
  });

  test.each<[object, string]>([
    [{ method: "draft_model" }, ".model: is missing; set it to the draft model's name or path"],
    [
      { method: "draft_model", model: 3 },
      ".model: expected text, got 3; set it to the draft model's name or path",
    ],
    [
      { method: "draft_model", model: "a.gguf", num_speculative_tokens: null },
      ".num_speculative_tokens: is missing; set the maximum number of drafts, such as 4",
    ],
    [
      { method: "draft_model", model: "a.gguf", max_model_len: 512 },
      ".max_model_len: has no effect with draft_model: a draft model uses the main model's options; remove it",
    ],
    [
      { revision: "v1" },
      ".revision: has no effect with ngram: it belongs to another method; remove it",
    ],
    [{ method: null }, '.method: is missing; set it to "ngram", "suffix" or "draft_model"'],
    [{ method: "lookahead" }, '.method: "lookahead" is unknown; use ngram, suffix or draft_model'],
    [{ method: 3 }, ".method: 3 is unknown; use ngram, suffix or draft_model"],
    [
      { num_speculative_tokens: null },
      ".num_speculative_tokens: is missing; set the maximum number of drafts, such as 7",
    ],
    [
      { num_speculative_tokens: 0 },
      ".num_speculative_tokens: expected an integer from 1 to 128, got 0",
    ],
    [
      { num_speculative_tokens: 1000 },
      ".num_speculative_tokens: expected an integer from 1 to 128, got 1000",
    ],
    [
      { num_speculative_tokens: "7" },
      '.num_speculative_tokens: expected an integer from 1 to 128, got "7"',
    ],
    [{ prompt_lookup_min: 1.5 }, ".prompt_lookup_min: expected an integer from 1 to 64, got 1.5"],
    [
      { prompt_lookup_min: 4, prompt_lookup_max: 3 },
      ".prompt_lookup_min: 4 is greater than prompt_lookup_max 3",
    ],
    [
      { disable_by_batch_size: -1 },
      ".disable_by_batch_size: expected an integer of at least 1, got -1",
    ],
    [
      { draft_tensor_parallel_size: 1 },
      ".draft_tensor_parallel_size: has no effect with ngram: models are not split; remove it",
    ],
    [
      { suffix_decoding_max_tree_depth: 9 },
      ".suffix_decoding_max_tree_depth: has no effect with ngram: it belongs to another method; remove it",
    ],
    [
      { method: "suffix", suffix_decoding_min_token_prob: 1.5 },
      ".suffix_decoding_min_token_prob: expected a number from 0 to 1, got 1.5",
    ],
    [
      { method: "suffix", suffix_decoding_max_spec_factor: "2" },
      '.suffix_decoding_max_spec_factor: expected a number of at least 0, got "2"',
    ],
    [
      { method: "suffix", suffix_decoding_max_tree_depth: 0 },
      ".suffix_decoding_max_tree_depth: expected an integer from 1 to 1024, got 0",
    ],
    [
      { num_spec_tokens: 3 },
      ".num_spec_tokens: is not a field; known: method, model, num_speculative_tokens, disable_by_batch_size, prompt_lookup_min, prompt_lookup_max",
    ],
  ])("refuses %j", (fields, message) => {
    expect(() => speculationConfig({ ...NGRAM, ...fields })).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: `--speculative-config${message}`,
      }),
    );
  });

  test.each([
    [
      { method: "mtp" },
      "method mtp: a model's prediction heads are not used yet; use ngram, suffix or draft_model",
    ],
    [
      { method: "eagle3" },
      "method eagle3: EAGLE heads are not supported; use ngram, suffix or draft_model",
    ],
  ])("reports why %j is not supported", (fields, message) => {
    expect(() => speculationConfig({ ...NGRAM, ...fields })).toThrow(
      expect.objectContaining({
        code: "unsupported_option",
        message: `--speculative-config: ${message}`,
      }),
    );
  });
});
