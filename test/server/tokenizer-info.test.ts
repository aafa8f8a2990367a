// GET /tokenizer_info, which exists only with its option.

import { expect, test } from "bun:test";
import { tokenizerFacts } from "../../src/models/tokenizer-facts.ts";
import { makeApp } from "../support/fake-engine.ts";

const get = () => new Request("http://localhost/tokenizer_info");

test("shows special tokens as spelled in the vocabulary, and only known settings", async () => {
  const tokenizerInfo = tokenizerFacts(
    new Map<string, string | number | boolean>([
      ["tokenizer.ggml.model", "gpt2"],
      ["tokenizer.ggml.bos_token_id", 256],
      ["tokenizer.ggml.eos_token_id", 257],
      ["tokenizer.ggml.add_bos_token", false],
      ["tokenizer.chat_template", "{{ messages }}"],
    ]),
  );
  const answer = await makeApp({}, { tokenizerInfo }).app.handle(get());
  expect(await answer.json()).toEqual({
    tokenizer_class: "GPT2TokenizerFast",
    model_max_length: 2048,
    bos_token: "<s>",
    eos_token: "</s>",
    add_bos_token: false,
    chat_template: "{{ messages }}",
  });
});

test("leaves out special tokens past the end of the vocabulary", async () => {
  const tokenizerInfo = tokenizerFacts(
    new Map([
      ["tokenizer.ggml.eos_token_id", 257],
      ["tokenizer.ggml.padding_token_id", 258],
      ["tokenizer.ggml.mask_token_id", 4294967295],
      ["tokenizer.ggml.unknown_token_id", -1],
    ]),
  );
  const answer = await makeApp({}, { tokenizerInfo }).app.handle(get());
  expect(await answer.json()).toEqual({
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: 2048,
    eos_token: "</s>",
  });
});

test("names a generic class for an unknown tokenizer", () => {
  expect(tokenizerFacts(new Map())).toEqual({
    tokenizerClass: "PreTrainedTokenizerFast",
    specialTokenIds: {},
    addsBos: null,
    addsEos: null,
    addsPrefixSpace: null,
    chatTemplate: null,
  });
});

test("does not exist without the option", async () => {
  const answer = await makeApp().app.handle(get());
  expect([answer.status, await answer.json()]).toEqual([404, { detail: "Not Found" }]);
});
