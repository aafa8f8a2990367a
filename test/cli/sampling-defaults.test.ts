// A server's sampling defaults: the model's recommendations and the operator's overrides.

import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { samplingDefaults } from "../../src/cli/sampling-defaults.ts";
import { NEUTRAL_SAMPLING } from "../../src/request/sampling-params.ts";
import { encodeGguf, type GgufValue } from "../support/gguf-writer.ts";
import { removeTempFolders, tempFolder } from "../support/temp-checkout.ts";

const folder = tempFolder();
afterAll(removeTempFolders);

function model(name: string, sampling: [string, GgufValue][] = []): string {
  const path = join(folder, name);
  const keys = sampling.map(([key, value]) => [`general.sampling.${key}`, value] as const);
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", ["string", "llama"]],
    ...keys,
  ]);
  writeFileSync(path, encodeGguf(metadata, []));
  return path;
}

function withTokens(count: number): string {
  const path = join(folder, `${count}-tokens.gguf`);
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", ["string", "llama"]],
    ["tokenizer.ggml.tokens", ["string[]", Array.from({ length: count }, String)]],
  ]);
  writeFileSync(path, encodeGguf(metadata, []));
  return path;
}

const silent = model("other.gguf");
const recommending = model("recommending.gguf", [
  ["temp", ["f32", 0.7]],
  ["top_p", ["f32", 0.95]],
  ["top_k", ["i32", 20]],
  ["min_p", ["f32", 0.05]],
  ["penalty_repeat", ["f32", 1.1]],
  ["mirostat", ["i32", 2]],
]);

/** Sampling defaults that differ from vLLM's on a server with these arguments, and their sources. */
function decide(path: string, ...words: string[]): Record<string, unknown> {
  const sources = { argv: words, env: {}, readYaml: () => ({}) };
  const { defaults, sources: from } = samplingDefaults(
    parseOptions("serve", sources, () => {}),
    path,
  );
  const changed = Object.entries(defaults).filter(
    ([name, value]) => value !== NEUTRAL_SAMPLING[name as keyof typeof NEUTRAL_SAMPLING],
  );
  return { ...Object.fromEntries(changed), from };
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const IN_FILE = {
  ...{ temperature: 0.7, topP: 0.95, topK: 20, minP: 0.05, repetitionPenalty: 1.1 },
  from: ["the GGUF file's"],
};

describe("the defaults for a model", () => {
  test("without recommendations are vLLM's", () => {
    expect(decide(silent)).toEqual({ from: [] });
  });

  test("are those in the GGUF file, as the intended decimals", () => {
    expect(decide(recommending)).toEqual(IN_FILE);
  });

  test("omit invalid values in the file", () => {
    const broken = model("broken.gguf", [
      ["temp", ["f32", -1]],
      ["top_p", ["f32", 0]],
      ["top_k", ["string", "many"]],
      ["min_p", ["f32", 1.5]],
      ["penalty_repeat", ["f32", 1.2]],
    ]);
    expect(decide(broken)).toEqual({ repetitionPenalty: 1.2, from: ["the GGUF file's"] });
  });

  test("are those of the model card for the default model, in any quantization", () => {
    const card = { temperature: 0.2, topP: 0.9, from: ["the model card's"] };
    expect(decide(model("SmolLM2-135M-Instruct.Q4_1.gguf"))).toEqual(card);
    expect(decide(model("smollm2-135m-instruct-q8_0.gguf"))).toEqual(card);
    expect(decide(model("SmolLM2-135M.Q4_1.gguf"))).toEqual({ from: [] });
    const own = model("SmolLM2-135M-Instruct.own.gguf", [["temp", ["f32", 0.5]]]);
    expect(decide(own)).toEqual({ temperature: 0.5, from: ["the GGUF file's"] });
  });
});

describe("--generation-config", () => {
  test("vllm ignores the model's values", () => {
    expect(decide(recommending, "--generation-config", "vllm")).toEqual({ from: [] });
    expect(decide(recommending, "--generation-config", "auto")).toEqual(IN_FILE);
  });

  test("a file or its folder replaces them; keys unrelated to sampling are ignored", () => {
    const text = '{"do_sample": true, "temperature": 0.6, "top_k": -1, "eos_token_id": [1, 2]}';
    const path = write("generation_config.json", text);
    const expected = { temperature: 0.6, topK: -1, stopTokenIds: [1, 2], from: [path] };
    expect(decide(recommending, "--generation-config", path)).toEqual(expected);
    expect(decide(recommending, "--generation-config", folder)).toEqual(expected);
  });

  test("adds the end tokens in a file, whether one or several, without duplicates", () => {
    const cases: [string, number[] | undefined][] = [
      ["0", [0]],
      ["[7, 3, 7]", [7, 3]],
      ["[]", undefined],
      ["null", undefined],
    ];
    for (const [ids, stopTokenIds] of cases) {
      const path = write("ends.json", `{"eos_token_id": ${ids}}`);
      const { from: _, ...decided } = decide(silent, "--generation-config", path);
      expect([ids, decided]).toEqual([ids, stopTokenIds === undefined ? {} : { stopTokenIds }]);
    }
  });

  test("accepts only end tokens in the vocabulary", () => {
    const path = write("last.json", '{"eos_token_id": 2}');
    expect(decide(withTokens(3), "--generation-config", path)).toMatchObject({
      stopTokenIds: [2],
    });
    expect(() => decide(withTokens(2), "--generation-config", path)).toThrow(
      `${path}: eos_token_id must be a token id below 2, or a list of them, got 2`,
    );
    const many = write("many.json", '{"eos_token_id": [1, 1200]}');
    expect(() => decide(withTokens(1200), "--generation-config", many)).toThrow(
      "eos_token_id must be a token id below 1200, or a list of them, got [1,1200]",
    );
  });

  const bad: [string, string, string][] = [
    ...["-1", "1.5", '"2"', "[1,null]", "{}", "true", "[[1]]"].map(
      (ids, i): [string, string, string] => [
        `eos_token_id ${ids}`,
        write(`bad-end-${i}.json`, `{"eos_token_id": ${ids}}`),
        `eos_token_id must be a token id, or a list of them, got ${ids}`,
      ],
    ),
    [
      "a missing file",
      join(folder, "none.json"),
      "no such file or directory; use auto, vllm, or a path",
    ],
    ["a folder without the file", "/proc/self", "it is a folder; use auto, vllm, or a path"],
    ["a file without a JSON object", write("list.json", "[1]"), "it is not a JSON object"],
    ["an invalid value", write("wrong.json", '{"top_p": 2}'), "top_p must be in (0, 1], got 2"],
  ];
  test.each(bad)("rejects %s", (_, path, message) => {
    expect(() => decide(recommending, "--generation-config", path)).toThrow(
      `--generation-config: ${path}: ${message}`,
    );
  });
});

describe("--override-generation-config", () => {
  test("overrides the model's values, key by key", () => {
    const words = ["--override-generation-config", '{"temperature": 0.5, "max_new_tokens": 99}'];
    const from = ["--override-generation-config", "the GGUF file's"];
    expect(decide(recommending, ...words)).toEqual({
      ...{ ...IN_FILE, temperature: 0.5, maxTokens: 99, from },
    });
    expect(decide(silent, "--override-generation-config.top_p", "0.5")).toEqual({
      ...{ topP: 0.5, from: ["--override-generation-config"] },
    });
  });

  test("is the only source with --generation-config vllm", () => {
    const words = ["--generation-config", "vllm", "--override-generation-config.min_p", "0.1"];
    expect(decide(recommending, ...words)).toEqual({
      ...{ minP: 0.1, from: ["--override-generation-config"] },
    });
  });

  const bad: [string, string][] = [
    [
      '{"temprature": 1}',
      "temprature is not one of temperature, top_p, top_k, min_p, repetition_penalty, max_new_tokens",
    ],
    ['{"temperature": -1}', "temperature must be at least 0, got -1"],
    ['{"temperature": 1e400}', "temperature must be at least 0, got Infinity"],
    [
      '{"top_k": 12345678901234567890}',
      "top_k must be an integer, -1 or 0 = off, got 12345678901234567890",
    ],
    ['{"temperature": "hot"}', 'temperature must be at least 0, got "hot"'],
    ['{"top_p": 0}', "top_p must be in (0, 1], got 0"],
    ['{"top_k": 1.5}', "top_k must be an integer, -1 or 0 = off, got 1.5"],
    ['{"min_p": 2}', "min_p must be in [0, 1], got 2"],
    ['{"repetition_penalty": 0}', "repetition_penalty must be above 0, got 0"],
    ['{"max_new_tokens": 0}', "max_new_tokens must be an integer above 0, got 0"],
  ];
  test.each(bad)("rejects %s", (config, message) => {
    expect(() => decide(silent, "--override-generation-config", config)).toThrow(
      `--override-generation-config: ${message}`,
    );
  });
});
