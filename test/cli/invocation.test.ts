// What a command line asks for: a command, help, the version, the options in effect.

import { describe, expect, test } from "bun:test";
import { banner } from "../../src/cli/banner.ts";
import { COMMANDS, type CommandSpec, commandSpec, optionsOf } from "../../src/cli/commands.ts";
import { readInvocation } from "../../src/cli/invocation.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";

const SERVE = optionsOf(commandSpec("serve") ?? COMMANDS[0]);

function asked(argv: string[], env: Record<string, string> = {}, yaml = {}) {
  return readInvocation({ argv, env, readYaml: () => yaml }, "1.2.3");
}

/** The text that is the answer; "" when a command is run. */
function answer(argv: string[], env: Record<string, string> = {}, yaml = {}): string {
  const invocation = asked(argv, env, yaml);
  return "text" in invocation ? invocation.text : "";
}

describe("readInvocation", () => {
  test("the first word names the command, the others are its own", () => {
    expect(asked(["serve"])).toEqual({ command: "serve", argv: [] });
    const argv = ["model.gguf", "--port", "1"];
    expect(asked(["serve", ...argv])).toEqual({ command: "serve", argv });
  });

  test.each([
    ["srve", "unknown command srve; did you mean serve?"],
    ["frobnicate", "unknown command frobnicate; --help lists them"],
    ["model.gguf", "unknown command model.gguf; `serve model.gguf` serves it"],
    ["--port", "--port: name a command first, as in `serve --port`"],
  ])("%p is no command", (word, message) => {
    expect(() => asked([word])).toThrow(message);
  });

  test("without a command the help lists them all on a screen", () => {
    const lines = answer([]).split("\n");
    for (const { name, isHidden } of COMMANDS as readonly CommandSpec[]) {
      const numLines = isHidden === true ? 0 : 1;
      expect(lines.filter((line) => line.startsWith(`  ${name}`))).toHaveLength(numLines);
    }
    expect(answer(["--help"])).toBe(answer([]));
    expect(lines.length).toBeLessThanOrEqual(24);
  });
});

describe("the help of a command", () => {
  test("names every option and fits a screen", () => {
    for (const command of COMMANDS) {
      const text = answer([command.name, "--help"]);
      for (const { name } of optionsOf(command)) expect(text).toContain(` --${name}`);
      const lines = text.split("\n");
      expect(lines.length).toBeLessThanOrEqual(60);
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(120);
    }
  });

  test("tells what every option means when all is asked for", () => {
    const lines = answer(["serve", "--help=all"]).split("\n");
    for (const { name, help } of SERVE) {
      expect(lines.filter((line) => line.startsWith(`  --${name} `))).toHaveLength(1);
      expect(lines.filter((line) => line.endsWith(help))).toHaveLength(1);
    }
  });

  test("tells more of one option, in either spelling", () => {
    const text = `--max-model-len <size>
  Longest prompt plus output. Default: the model's, as far as the KV cache holds it.
  default: decided at start
  environment: PAGODA_MAX_MODEL_LEN
`;
    expect(answer(["serve", "--help=max-model-len"])).toBe(text);
    expect(answer(["serve", "--help=max_model_len"])).toBe(text);
  });

  test("lists groups, shows one, and finds options by a word", () => {
    const groups = answer(["serve", "--help=listgroup"]).split("\n");
    expect(groups).toEqual([
      "Model",
      "Memory",
      "Scheduling",
      "Server",
      "Metrics and logs",
      "Download",
      "Other",
    ]);
    const names = answer(["serve", "--help=metrics-and-logs"]).match(/^ {2}--\S+/gm);
    expect(names).toEqual([
      "  --disable-log-stats",
      "  --show-hidden-metrics-for-version",
      "  --kv-cache-metrics",
      "  --kv-cache-metrics-sample",
    ]);
    expect(answer(["serve", "--help=MEMORY"])).toStartWith("Memory:\n");
    expect(answer(["serve", "--help=affinity"])).toStartWith("--cpu-affinity <cpus>\n");
    expect(answer(["serve", "--help=nonsense"])).toBe(
      'no option has "nonsense" in it; --help=all lists them',
    );
  });
});

describe("other answers", () => {
  test("the version is the package's", () => {
    expect(answer(["--version"])).toBe("1.2.3");
  });

  test("the configuration says where each value comes from, and hides keys", () => {
    const words = ["--print-config", "--port", "1", "--config", "x.yaml"];
    const env = { PAGODA_HOST: "h", VLLM_API_KEY: "secret" };
    const lines = answer(["serve", ...words], env, { seed: 7 }).split("\n");
    expect(lines).toHaveLength(SERVE.length);
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
    const yaml = Bun.YAML.parse(answer(["serve", ...argv, "--print-config"])) as object;
    const sources = { env: {}, readYaml: () => ({ ...yaml, config: null }) };
    const again = parseOptions("serve", { argv: ["--config", "x.yaml"], ...sources }, () => {});
    const first = parseOptions("serve", { argv, ...sources }, () => {});
    expect(again).toEqual({ ...first, config: "x.yaml" });
  });

  test("a wrong option is refused here too", () => {
    expect(() => answer(["serve", "--print-config", "--prot", "1"])).toThrow(
      "did you mean --port?",
    );
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
