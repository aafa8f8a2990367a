// Parsing of a command line into a command, help, the version, or the effective options.

import { describe, expect, test } from "bun:test";
import { banner } from "../../src/cli/banner.ts";
import { COMMANDS, type CommandSpec, commandSpec, optionsOf } from "../../src/cli/commands.ts";
import { meaningOf } from "../../src/cli/help.ts";
import { readInvocation } from "../../src/cli/invocation.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { NEUTRAL_SAMPLING } from "../../src/request/sampling-params.ts";

const SERVE = optionsOf(commandSpec("serve") ?? COMMANDS[0]);

const COLUMNS = 80;

function asked(argv: string[], env: Record<string, string> = {}, yaml = {}, columns = COLUMNS) {
  return readInvocation({ argv, env, readYaml: () => yaml }, { version: "1.2.3", columns });
}

/** Text to print; "" if a command is to be run. */
function answer(
  argv: string[],
  env: Record<string, string> = {},
  yaml = {},
  columns = COLUMNS,
): string {
  const invocation = asked(argv, env, yaml, columns);
  return "text" in invocation ? invocation.text : "";
}

describe("readInvocation", () => {
  test("the first argument is the command, and the rest are the command's arguments", () => {
    expect(asked(["serve"])).toEqual({ command: "serve", argv: [] });
    const argv = ["model.gguf", "--port", "1"];
    expect(asked(["serve", ...argv])).toEqual({ command: "serve", argv });
  });

  test.each([
    ["srve", "unknown command srve; did you mean serve?"],
    ["SERVE", "unknown command SERVE; did you mean serve?"],
    ["", "the command is empty; --help lists all commands"],
    ["frobnicate", "unknown command frobnicate; --help lists all commands"],
    ["kill", "there is no command kill: stop a server with Ctrl-C or SIGTERM; `ps` shows its PID"],
    ["Images", "there is no command Images: `ls` lists the models on this machine"],
    [
      "login",
      "there is no command login: set HF_TOKEN or run `hf auth login` for gated models on the hub",
    ],
    [
      "bench latency",
      "there is no command bench latency: `bench` measures a running server; --max-concurrency 1 shows its latency, a higher one its throughput",
    ],
    ["--help frobnicate", "unknown command frobnicate; --help lists all commands"],
    ["model.gguf", "unknown command model.gguf; `serve model.gguf` serves it"],
    ["--port", "--port: a command must come first, as in `serve --port`"],
    ["stop", "there is no command stop: stop a server with Ctrl-C or SIGTERM; `ps` shows its PID"],
    ["help frobnicate", "unknown command frobnicate; --help lists all commands"],
  ])("rejects %p, which is not a command", (word, message) => {
    expect(() => asked(word.split(" "))).toThrow(message);
  });

  test.each([
    ["run model.gguf hello", "chat", ["model.gguf", "hello"]],
    ["show model.gguf", "inspect", ["model.gguf"]],
    ["list", "ls", []],
    ["remove a", "rm", ["a"]],
    ["bench serve --url x", "bench", ["--url", "x"]],
    ["serve bench", "serve", ["bench"]],
  ] as const)("accepts %p, the command's name in another program", (words, command, argv) => {
    expect(asked(words.split(" "))).toEqual({ command, argv: [...argv] });
  });

  test("accepts help as a command, followed by a command or a topic", () => {
    expect(answer(["help"])).toBe(answer([]));
    for (const words of [
      ["help", "help"],
      ["help", "--help"],
      ["help", "version"],
    ])
      expect(answer(words)).toBe(answer([]));
    expect(answer(["--help", "serve"])).toBe(answer(["serve", "--help"]));
    expect(answer(["-h", "bench", "serve"])).toBe(answer(["bench", "--help"]));
    expect(answer(["help", "serve"])).toBe(answer(["serve", "--help"]));
    expect(answer(["help", "show"])).toBe(answer(["inspect", "-h"]));
    expect(answer(["help", "serve", "port"])).toBe(answer(["serve", "--help=port"]));
  });

  test("lists all commands on one screen if help is requested without a command", () => {
    const lines = answer([]).split("\n");
    for (const { name, isHidden } of COMMANDS as readonly CommandSpec[]) {
      const numLines = isHidden === true ? 0 : 1;
      expect(lines.filter((line) => line.startsWith(`  ${name}`))).toHaveLength(numLines);
    }
    expect(answer(["--help"])).toBe(answer([]));
    expect(lines.length).toBeLessThanOrEqual(24);
  });
});

describe("a command's help", () => {
  test.each([80, 100])("lists every option with its description, within %d columns", (columns) => {
    for (const command of COMMANDS) {
      const text = answer([command.name, "--help"], {}, {}, columns);
      const words = text.replaceAll(/\s+/g, " ");
      for (const option of optionsOf(command)) {
        expect(words).toMatch(new RegExp(`--${option.name}[, ]`));
        expect(words).toContain(meaningOf(option));
      }
      expect(Math.max(...text.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(
        columns,
      );
    }
  });

  test("limits its width to a readable range", () => {
    const width = (columns: number) => {
      const lines = answer(["serve", "--help"], {}, {}, columns).split("\n");
      return Math.max(...lines.map(({ length }) => length));
    };
    expect(width(300)).toBeLessThanOrEqual(100);
    expect(answer(["serve", "--help"], {}, {}, 10)).toBe(answer(["serve", "-h"], {}, {}, 60));
  });

  test("shows a value's meaning, bounds, and default", () => {
    const memory = `Memory:
  --kv-cache-memory-bytes <bytes>
                              Size of the KV cache, e.g. 2G. (default: as much
                              as is useful, up to 1/4 of free memory)
  --num-gpu-blocks-override <blocks>
                              Exact number of KV blocks, including the null
                              block. (at least 2)
  --block-size <tokens>       Tokens per KV block. (1 to 64; default: 16)
  --kv-cache-dtype <auto|f16|bf16|f32|q8_0>
                              Data type of the KV cache; auto = bf16 or f16,
                              depending on the CPU; q8_0 = half the size.
                              (default: auto)
  --enable-prefix-caching     Let requests with equal prefixes share KV blocks.
                              (default: on; --no-enable-prefix-caching turns it
                              off)
`;
    expect(answer(["serve", "--help=memory"])).toBe(memory);
    expect(answer(["serve", "--help"])).toContain(memory);
    expect(answer(["serve", "--help=all"])).toBe(answer(["serve", "--help"]));
    expect(answer(["chat", "--help=command"])).toContain("  -q, --quick <text>  ");
    expect(answer(["serve", "--help=server"])).toContain("(default: *)");
  });

  test("shows examples with their purpose", () => {
    expect(answer(["chat", "--help"]).split("\n").slice(0, 7)).toEqual([
      "chat [model] [quick] [options]",
      "Chat with a server, or with a model in this process.",
      "",
      "  chat                   chat with the local server, or with the default model",
      "  chat user/repo:Q4_K_M  load a model in this process",
      "  chat < questions.txt   answer each line",
      "  chat --url http://host:8000 -q 'What is in it?' < file.txt",
    ]);
  });

  test("explains one option in detail, with or without dashes", () => {
    const text = `--max-model-len <tokens>
  Maximum length of prompt plus output.
  value: at least 16
  default: the model's, up to the capacity of the KV cache
  environment: PAGODA_MAX_MODEL_LEN
`;
    expect(answer(["serve", "--help=max-model-len"])).toBe(text);
    expect(answer(["serve", "--help=max_model_len"])).toBe(text);
  });

  test("lists groups, shows one group, and finds options by a word", () => {
    const groups = answer(["serve", "--help=listgroup"]).split("\n");
    expect(groups).toEqual([
      "Model",
      "Memory",
      "Scheduling",
      "Hardware",
      "Server",
      "Metrics and logs",
      "Download",
      "Other",
    ]);
    const names = answer(["serve", "--help=metrics-and-logs"]).match(/^ {2}--\S+/gm);
    expect(names).toEqual([
      "  --disable-log-stats",
      "  --enable-log-requests",
      "  --enable-log-outputs",
      "  --max-log-len",
      "  --disable-uvicorn-access-log",
      "  --disable-access-log-for-endpoints",
      "  --uvicorn-log-level",
      "  --show-hidden-metrics-for-version",
      "  --kv-cache-metrics",
      "  --kv-cache-metrics-sample",
    ]);
    expect(answer(["serve", "--help=MEMORY"])).toStartWith("Memory:\n");
    expect(answer(["serve", "--help=affinity"])).toStartWith("--cpu-affinity <CPUs>\n");
    expect(answer(["serve", "--help=nonsense"])).toBe(
      'no option matches "nonsense"; --help lists all options',
    );
  });
});

describe("other output", () => {
  test("the version is the package's", () => {
    for (const words of [["--version"], ["-v"], ["version"], ["serve", "--version"]])
      expect(answer(words)).toBe("1.2.3");
  });

  test("the printed configuration shows each value's source and hides keys", () => {
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

  test("the printed configuration does not suggest a key if the file has an empty list of them", () => {
    const lines = answer(["serve", "--print-config", "--config", "x.yaml"], {}, { "api-key": [] });
    expect(lines.split("\n").find((line) => line.startsWith("api-key:"))).toMatch(
      /^api-key: \[\] +# x\.yaml$/,
    );
  });

  test("the printed configuration can be used as a config file", () => {
    const argv = ["--port", "1", "--served-model-name", "a", "b", "--no-enable-prefix-caching"];
    const yaml = Bun.YAML.parse(answer(["serve", ...argv, "--print-config"])) as object;
    const sources = { env: {}, readYaml: () => ({ ...yaml, config: null }) };
    const again = parseOptions("serve", { argv: ["--config", "x.yaml"], ...sources }, () => {});
    const first = parseOptions("serve", { argv, ...sources }, () => {});
    expect(again).toEqual({ ...first, config: "x.yaml" });
  });

  test("reports an unknown option", () => {
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
    sampling: { defaults: NEUTRAL_SAMPLING, sources: [] },
    url: "http://127.0.0.1:8000",
    readySeconds: 1.24,
    socketPath: null,
    isOpenWithoutKey: false,
  };

  test("shows model, memory, limits, addresses, and startup time", () => {
    expect(banner(input).split("\n")).toEqual([
      "Pagoda 1.2.3",
      "model     tiny (llama, Q4_1), 92 MiB, 30 layers",
      "device    CPU, paged attention backend, avx2 weight kernels",
      "memory    weights 92 MiB + KV 64 MiB (1600 tokens in 100 blocks of 16) + scratch 1 MiB",
      "limits    2048 tokens per request, 8 requests and 512 tokens per step",
      "API       http://127.0.0.1:8000/v1",
      "metrics   http://127.0.0.1:8000/metrics",
      "health    http://127.0.0.1:8000/health",
      "ready in 1.2 s - Ctrl-C to stop",
    ]);
  });

  test("shows sampling defaults", () => {
    const defaults = { ...NEUTRAL_SAMPLING, temperature: 0.2, topP: 0.9, maxTokens: 100 };
    const sources = ["--override-generation-config", "the model card's"];
    const lines = banner({ ...input, sampling: { defaults, sources } }).split("\n");
    expect(lines.filter((line) => line.startsWith("sampling"))).toEqual([
      "sampling  temperature 0.2, top-p 0.9 unless a request sets its own; at most 100 tokens per answer (--override-generation-config, the model card's)",
    ]);
  });

  test("does not present the limit on output tokens as a default that requests can override", () => {
    const defaults = { ...NEUTRAL_SAMPLING, maxTokens: 100 };
    const lines = banner({ ...input, sampling: { defaults, sources: ["x"] } }).split("\n");
    expect(lines).toContain("sampling  at most 100 tokens per answer (x)");
  });

  test("warns if the server is reachable over the network without a key", () => {
    const lines = banner({ ...input, isOpenWithoutKey: true }).split("\n");
    expect(lines.at(-1)).toBe(
      "warning   the server is reachable over the network without an API key; set --api-key",
    );
  });
});
