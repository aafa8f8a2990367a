// What the command line answers instead of serving.

import { describe, expect, test } from "bun:test";
import { banner } from "../../src/cli/banner.ts";
import { informationText } from "../../src/cli/information.ts";
import { OPTIONS } from "../../src/cli/options.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";

function answer(argv: string[], env: Record<string, string> = {}, yaml = {}): string | null {
  return informationText({ argv, env, readYaml: () => yaml }, "1.2.3");
}

describe("informationText", () => {
  test("is null when a server is wanted", () => {
    expect(answer([])).toBeNull();
    expect(answer(["model.gguf", "--port", "1"])).toBeNull();
  });

  test("the help names every option and fits a screen", () => {
    const lines = answer(["--help"])?.split("\n") ?? [];
    for (const { name } of OPTIONS) {
      expect(lines.filter((line) => line.startsWith(`  --${name} `))).toHaveLength(1);
    }
    expect(lines.length).toBeLessThanOrEqual(60);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(120);
  });

  test("the help tells more of one option, in either spelling", () => {
    const text = `--max-model-len <size>
  Longest prompt plus output. Default: the model's, as far as the KV cache holds it.
  default: decided at start
  environment: PAGODA_MAX_MODEL_LEN
`;
    expect(answer(["--help=max-model-len"])).toBe(text);
    expect(answer(["--help=max_model_len"])).toBe(text);
    expect(answer(["--help=nonsense"])).toBe(`${answer(["-h"])}`);
  });

  test("the version is the package's", () => {
    expect(answer(["--version"])).toBe("1.2.3");
  });

  test("the configuration says where each value comes from, and hides keys", () => {
    const words = ["--print-config", "--port", "1", "--config", "x.yaml"];
    const env = { PAGODA_HOST: "h", VLLM_API_KEY: "secret" };
    const lines = answer(words, env, { seed: 7 })?.split("\n") ?? [];
    expect(lines).toHaveLength(OPTIONS.length);
    const shown = (name: string) =>
      lines.find((line) => line.startsWith(`${name}:`))?.replace(/ +/g, " ");
    expect(shown("port")).toBe("port: 1 # command line");
    expect(shown("host")).toBe('host: "h" # environment');
    expect(shown("seed")).toBe("seed: 7 # x.yaml");
    expect(shown("block-size")).toBe("block-size: 16 # default");
    expect(shown("api-key")).toBe('api-key: "(hidden)" # environment');
  });

  test("the configuration can be read back as a file", () => {
    const argv = ["--port", "1", "--served-model-name", "a", "b", "--no-enable-prefix-caching"];
    const yaml = Bun.YAML.parse(answer([...argv, "--print-config"]) ?? "") as object;
    const sources = { env: {}, readYaml: () => ({ ...yaml, config: null }) };
    const again = parseOptions({ argv: ["--config", "x.yaml"], ...sources }, () => {});
    const first = parseOptions({ argv, ...sources }, () => {});
    expect(again).toEqual({ ...first, config: "x.yaml" });
  });

  test("a wrong option is refused here too", () => {
    expect(() => answer(["--print-config", "--prot", "1"])).toThrow("did you mean --port?");
  });
});

describe("banner", () => {
  const info = {
    model: {
      architecture: "llama",
      quantization: "Q4_1",
      numLayers: 30,
      device: "CPU",
      attentionBackend: "paged",
      weightKernels: "avx2",
    },
    memory: { weights: 92 * 2 ** 20, kv: 64 * 2 ** 20, scratch: 2 ** 20 },
    maxModelLen: 2048,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 512,
    blockSize: 16,
    numBlocks: 101,
  } as Parameters<typeof banner>[0]["info"];
  const input = {
    version: "1.2.3",
    info,
    modelName: "tiny",
    url: "http://127.0.0.1:8000",
    readySeconds: 1.24,
    isOpenWithoutKey: false,
  };

  test("tells model, memory, limits, addresses and time", () => {
    expect(banner(input).split("\n")).toEqual([
      "Pagoda 1.2.3",
      "model     tiny (llama, Q4_1), 92 MiB, 30 layers",
      "device    CPU, paged attention backend, avx2 weight kernels",
      "memory    weights 92 MiB + KV 64 MiB (1600 tokens in 100 blocks of 16) + scratch 1 MiB",
      "limits    2048 tokens a request, 8 requests and 512 tokens a step",
      "API       http://127.0.0.1:8000/v1    metrics http://127.0.0.1:8000/metrics    health http://127.0.0.1:8000/health",
      "ready in 1.2 s - Ctrl-C to stop",
    ]);
  });

  test("warns when the network gets in without a key", () => {
    const lines = banner({ ...input, isOpenWithoutKey: true }).split("\n");
    expect(lines.at(-1)).toBe("warning   the server is open to the network without --api-key");
  });
});
