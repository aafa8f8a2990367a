// Options from the command line, the environment and YAML, in vLLM's dialect.

import { describe, expect, test } from "bun:test";
import { helpText } from "../../src/cli/help.ts";
import { planMemory } from "../../src/cli/memory-plan.ts";
import { parseSize } from "../../src/cli/option-value.ts";
import { OPTIONS } from "../../src/cli/options.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { StatsLine } from "../../src/cli/stats-line.ts";

const warnings: string[] = [];

function parse(
  argv: string[],
  env: Record<string, string> = {},
  yaml: Record<string, unknown> = {},
) {
  warnings.length = 0;
  return parseOptions({ argv, env, readYaml: () => yaml }, (line) => warnings.push(line));
}

describe("parseOptions", () => {
  test("without arguments everything is at its default", () => {
    const options = parse([]);
    for (const { name, fallback } of OPTIONS) expect(options[name]).toEqual(fallback as never);
  });

  test("takes vLLM's spellings", () => {
    const options = parse([
      "model.gguf",
      "--max_model_len",
      "4k",
      "--port=9000",
      "--served-model-name",
      "a",
      "b",
      "--no-enable-prefix-caching",
      "--kv-cache-memory-bytes",
      "2G",
      "--api-key",
      "one",
      "--api-key",
      "two",
    ]);
    expect(options).toMatchObject({
      model: "model.gguf",
      "max-model-len": 4000,
      port: 9000,
      "served-model-name": ["a", "b"],
      "enable-prefix-caching": false,
      "kv-cache-memory-bytes": 2 * 1024 ** 3,
      "api-key": ["one", "two"],
    });
  });

  test("the command line wins over the environment, that over the file", () => {
    const env = { PAGODA_PORT: "2", PAGODA_HOST: "b" };
    const yaml = { port: 3, host: "c", max_num_seqs: 7 };
    const options = parse(["--config", "x.yaml", "--port", "1"], env, yaml);
    expect(options).toMatchObject({ port: 1, host: "b", "max-num-seqs": 7 });
  });

  test("reads vLLM's key variable", () => {
    expect(parse([], { VLLM_API_KEY: "k" })["api-key"]).toEqual(["k"]);
  });

  test.each([
    [["--prot", "1"], "unknown option --prot; did you mean --port?"],
    [["--port"], "--port needs a value"],
    [["--port", "x"], "--port: expected an integer, got x"],
    [["--port", "70000"], "--port: must be in [0, 65535], got 70000"],
    [["--scheduling-policy", "lifo"], "--scheduling-policy: expected fcfs or priority, got lifo"],
    [["a.gguf", "b.gguf"], "unexpected argument b.gguf"],
  ])("%p is refused in one line", (argv, message) => {
    expect(() => parse(argv)).toThrow(message);
  });

  test("an unknown key of the file is refused", () => {
    expect(() => parse(["--config", "x.yaml"], {}, { prot: 1 })).toThrow(
      "unknown option prot in x.yaml",
    );
  });

  test("vLLM flags without effect warn and are ignored", () => {
    expect(parse(["--gpu-memory-utilization", "0.9", "--port", "1"]).port).toBe(1);
    expect(warnings).toEqual([
      "--gpu-memory-utilization has no effect: --kv-cache-memory-bytes sets the KV cache",
    ]);
  });

  test("sizes: k is 1000, K is 1024", () => {
    expect(["16", "1k", "1K", "2M", "1.5k", "x", "-1"].map(parseSize)).toEqual([
      16,
      1000,
      1024,
      2 * 1024 ** 2,
      1500,
      Number.NaN,
      Number.NaN,
    ]);
  });

  test("the help names every option, and tells more of one", () => {
    for (const { name } of OPTIONS) expect(helpText(null)).toContain(`--${name}`);
    expect(helpText("port")).toContain("environment: PAGODA_PORT");
  });
});

describe("planMemory", () => {
  const input = {
    weightBytes: 100,
    kvBytesPerToken: 10,
    trainedContextLength: 1000,
    availableBytes: 1_000_000,
    blockSize: 16,
    maxNumSeqs: 4,
    maxModelLen: null,
    kvCacheMemoryBytes: null,
    numBlocksOverride: null,
  };

  test("gives every sequence the model's context when there is room", () => {
    expect(planMemory(input)).toEqual({ numBlocks: 251, maxModelLen: 1000, kvBytes: 40_160 });
  });

  test("takes at most a quarter of free memory, and caps the context to what fits", () => {
    expect(planMemory({ ...input, availableBytes: 10_000 })).toEqual({
      numBlocks: 15,
      maxModelLen: 224,
      kvBytes: 2400,
    });
  });

  test("a size or a number of blocks is kept to", () => {
    expect(planMemory({ ...input, kvCacheMemoryBytes: 16_000 }).numBlocks).toBe(100);
    expect(planMemory({ ...input, numBlocksOverride: 7 })).toMatchObject({
      numBlocks: 7,
      maxModelLen: 96,
    });
  });

  test("what does not fit is refused with the numbers", () => {
    expect(() => planMemory({ ...input, numBlocksOverride: 7, maxModelLen: 100 })).toThrow(
      "--max-model-len 100 does not fit: the KV cache of 0 MiB holds 96 tokens",
    );
    expect(() => planMemory({ ...input, kvCacheMemoryBytes: 2_000_000 })).toThrow("are free");
    expect(() => planMemory({ ...input, kvCacheMemoryBytes: 100 })).toThrow("holds no block");
  });
});

describe("StatsLine", () => {
  const idle = {
    numRunningReqs: 0,
    numWaitingReqs: 0,
    numDeferredReqs: 0,
    kvCacheUsage: 0,
    prefixCache: { requests: 1, queries: 100, hits: 25 },
    numPreemptedReqs: 0,
    numScheduledTokens: 0,
    forwardMs: 0,
    samplingMs: 0,
  };

  test("tells rates, queue and cache in vLLM's words, then one idle line, then nothing", () => {
    const line = new StatsLine();
    expect(line.take(10)).toBeNull();
    line.record(
      { ...idle, numRunningReqs: 2, kvCacheUsage: 0.125 },
      {
        timeToFirstTokensS: [],
        interTokenLatenciesS: [],
        numPromptTokens: 50,
        numCachedPromptTokens: 0,
        numGenerationTokens: 30,
        numPreemptions: 0,
        hasTokens: true,
        finished: [],
        finishedParents: [],
      },
    );
    expect(line.take(10)).toBe(
      "Avg prompt throughput: 5.0 tokens/s, Avg generation throughput: 3.0 tokens/s, " +
        "Running: 2 reqs, Waiting: 0 reqs, KV cache usage: 12.5%, Prefix cache hit rate: 25.0%",
    );
    line.record(idle, null);
    expect(line.take(10)).toContain("Running: 0 reqs");
    expect(line.take(10)).toBeNull();
  });
});
