// Options from the command line, the environment, and YAML, with vLLM's spellings.

import { describe, expect, test } from "bun:test";
import {
  COMMANDS,
  type CommandName,
  commandSpec,
  optionsOf,
  type ServeOptions,
} from "../../src/cli/commands.ts";
import { FAMILIAR_NAMES } from "../../src/cli/familiar-names.ts";
import { parseSize } from "../../src/cli/option-value.ts";
import { optionSpec } from "../../src/cli/options.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { parse, warnings } from "../support/serve-options.ts";

describe("parseOptions", () => {
  test("uses the defaults if there are no arguments", () => {
    const options = parse([]);
    const serve = commandSpec("serve");
    for (const { name, fallback } of serve === undefined ? [] : optionsOf(serve)) {
      expect(options[name as keyof ServeOptions]).toEqual(fallback as never);
    }
  });

  test("accepts vLLM's spellings", () => {
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

  test("the command line overrides the environment, which overrides the config file", () => {
    const env = { PAGODA_PORT: "2", PAGODA_HOST: "b" };
    const yaml = { port: 3, host: "c", max_num_seqs: 7 };
    const options = parse(["--config", "x.yaml", "--port", "1"], env, yaml);
    expect(options).toMatchObject({ port: 1, host: "b", "max-num-seqs": 7 });
  });

  test("treats an empty variable and a key without a value as not set", () => {
    expect(parse(["--config", "x.yaml"], { PAGODA_PORT: "" }, { port: null }).port).toBe(8000);
  });

  test("a JSON list can be one argument; other text is a list of one value", () => {
    const origins = (...argv: string[]) => parse(["--allowed-origins", ...argv])["allowed-origins"];
    expect(parse([])["allowed-origins"]).toBeNull();
    expect(origins('["http://a", "http://b"]')).toEqual(["http://a", "http://b"]);
    expect(origins("http://a")).toEqual(["http://a"]);
    expect(origins("[]")).toEqual([]);
    expect(parse([], { PAGODA_ALLOWED_METHODS: '["GET","POST"]' })["allowed-methods"]).toEqual([
      "GET",
      "POST",
    ]);
    expect(() => origins("[1]")).toThrow("--allowed-origins: expected a JSON list of strings");
  });

  test("auto and -1 mean an automatic value", () => {
    expect(parse(["--max-model-len", "auto"])["max-model-len"]).toBeNull();
    const env = { PAGODA_MAX_MODEL_LEN: "500" };
    expect(parse(["--max-model-len", "-1"], env)["max-model-len"]).toBeNull();
    const name = "target-inter-token-latency-ms";
    expect(parse([`--${name}`, "auto"])[name]).toBeNull();
    expect(parse([`--${name}`, "0"])[name]).toBe(0);
  });

  test("all and auto put all layers on a GPU, as in llama.cpp", () => {
    for (const words of [["-ngl", "all"], ["--gpu-layers", "auto"], ["--n-gpu-layers=ALL"]])
      expect(parse(words)["gpu-layers"]).toBeNull();
    expect(parse([], { PAGODA_GPU_LAYERS: "all" })["gpu-layers"]).toBeNull();
    expect(parse(["-ngl", "0"])["gpu-layers"]).toBe(0);
    expect(() => parse(["-ngl", "most"])).toThrow("expected an integer, got most");
  });

  test("a list of CPUs can come from any source", () => {
    const name = "cpu-affinity";
    expect(parse([`--${name}`, "0-2,8"])[name]).toEqual([0, 1, 2, 8]);
    expect(parse([], { PAGODA_CPU_AFFINITY: "1,0" })[name]).toEqual([0, 1]);
    for (const value of ["0-1", [0, 1]]) {
      expect(parse(["--config", "x.yaml"], {}, { [name]: value })[name]).toEqual([0, 1]);
    }
    expect(parse(["--config", "x.yaml"], {}, { [name]: [] })[name]).toEqual([]);
  });

  test("a list in a variable can have spaces around its commas, and must not be empty", () => {
    const keys = (text: string) => parse([], { PAGODA_API_KEY: text })["api-key"];
    expect(keys("a, b ,c,")).toEqual(["a", "b", "c"]);
    expect(keys(" a b , c ")).toEqual(["a b", "c"]);
    for (const text of [",", " , ", " "])
      expect(() => keys(text)).toThrow("PAGODA_API_KEY: a value is empty");
  });

  test("reads API keys from vLLM's variable", () => {
    expect(parse([], { VLLM_API_KEY: "k" })["api-key"]).toEqual(["k"]);
    expect(parse([], { VLLM_API_KEY: "" })["api-key"]).toEqual([]);
  });

  test("rejects a key that is empty, that no client can send, or that is the placeholder for a hidden key", () => {
    const empty = "api-key: a key is empty (command line)";
    expect(() => parse(["--api-key", "k", "--api-key", ""])).toThrow(empty);
    const control = "a key contains a line feed or another control character";
    expect(() => parse([], { PAGODA_API_KEY: "k\n" })).toThrow(`api-key: ${control} (environment)`);
    expect(() => parse(["--api-key", "a\tb"])).toThrow(`api-key: ${control} (command line)`);
    const space = "api-key: a key begins or ends with a space, so no client can send it";
    for (const key of [" k", "k "])
      expect(() => parse(["--api-key", key])).toThrow(`${space} (command line)`);
    expect(parse(["--ssl-keyfile-password", " k "])["ssl-keyfile-password"]).toBe(" k ");
    const yaml = { "api-key": "(hidden)" };
    const shown = "api-key: (hidden) is a placeholder for a hidden key, not a key (x.yaml)";
    expect(() => parse(["--config", "x.yaml"], {}, yaml)).toThrow(shown);
  });

  test("treats vLLM's default rate for benchmarks, inf, as no rate", () => {
    const rateOf = (text: string) => {
      const sources = { argv: ["--request-rate", text], env: {}, readYaml: () => ({}) };
      return parseOptions("bench", sources, () => {})["request-rate"];
    };
    expect(["inf", "INF", "2.5"].map(rateOf)).toEqual([null, null, 2.5]);
    expect(() => rateOf("-inf")).toThrow(
      "--request-rate: Input should be greater than 0, got -inf",
    );
  });

  test.each([
    [["--prot", "1"], "unknown option --prot; did you mean --port?"],
    [["-x", "2"], "unknown option -x; --help lists all options"],
    [["-port", "1"], "unknown option -port; did you mean --port?"],
    [["-max_model_len", "1"], "unknown option -max_model_len; did you mean --max-model-len?"],
    [["--middleware", "a.B"], "--middleware: Python middleware is not supported"],
    [["--ssl-cert-reqs", "3"], "--ssl-cert-reqs: must be in [0, 2], got 3"],
    [["--port"], "--port needs a value"],
    [["--port", "x"], "--port: expected an integer, got x"],
    [["--port", "70000"], "--port: must be in [0, 65535], got 70000"],
    [["--scheduling-policy", "lifo"], "--scheduling-policy: expected fcfs or priority, got lifo"],
    [["--poll", "101"], "--poll: must be in [0, 100], got 101"],
    [["--threads", "0"], "--threads: must be in [1, 512], got 0"],
    [["--cpu-affinity", "0-"], "--cpu-affinity: expected CPUs like 0-3,8, got 0-"],
    [["--cpu-affinity", "600"], "--cpu-affinity: CPUs must be in [0, 511], got 600"],
    [["--kv-cache-metrics-sample"], "--kv-cache-metrics-sample needs a value"],
    [["a.gguf", "b.gguf"], "unexpected argument b.gguf"],
  ])("%p causes a one-line error", (argv, message) => {
    expect(() => parse(argv)).toThrow(message);
  });

  test.each([
    ["0.01", 0.01],
    ["1", 1],
    ["1.0", 1],
    [".5", 0.5],
    ["5e-3", 0.005],
    [" +1E-2 ", 0.01],
  ])("a number can come from any source: %p", (text, number) => {
    const name = "kv-cache-metrics-sample";
    expect(parse([`--${name}`, text])[name]).toBe(number);
    expect(parse([], { PAGODA_KV_CACHE_METRICS_SAMPLE: text })[name]).toBe(number);
    expect(parse(["--config", "x.yaml"], {}, { [name]: number })[name]).toBe(number);
  });

  test.each(["nan", "inf", "-Infinity", "1e400", "-1e400"])(
    "rejects a temperature of %p, which is not a finite number",
    (text) => {
      const message = `--temperature: Input should be a finite number, got ${text}`;
      const sources = { argv: ["--temperature", text], env: {}, readYaml: () => ({}) };
      expect(() => parseOptions("chat", sources, () => {})).toThrow(message);
    },
  );

  test.each([
    ["0", "greater than 0"],
    ["-0", "greater than 0"],
    ["-0.5", "greater than 0"],
    ["nan", "greater than 0"],
    ["NaN", "greater than 0"],
    ["-inf", "greater than 0"],
    ["1.5", "less than or equal to 1"],
    ["Infinity", "less than or equal to 1"],
    ["1e999", "less than or equal to 1"],
    ["half", "a valid number, unable to parse string as a number"],
    ["0x1", "a valid number, unable to parse string as a number"],
    ["1 %", "a valid number, unable to parse string as a number"],
    ["true", "a valid number, unable to parse string as a number"],
  ])("a sample rate of %p is rejected with vLLM's message", (text, wanted) => {
    const refusal = `: Input should be ${wanted}, got ${text}`;
    const name = "kv-cache-metrics-sample";
    expect(() => parse([`--${name}`, text])).toThrow(`--${name}${refusal}`);
    const env = { PAGODA_KV_CACHE_METRICS_SAMPLE: text };
    expect(() => parse([], env)).toThrow(`PAGODA_KV_CACHE_METRICS_SAMPLE${refusal}`);
    const yaml = { kv_cache_metrics_sample: text };
    const config = ["--config", "x.yaml"];
    expect(() => parse(config, {}, yaml)).toThrow(`kv_cache_metrics_sample in x.yaml${refusal}`);
  });

  test("a number in the config file can use YAML's own notation", () => {
    const sample = (text: string) =>
      parse(
        ["--config", "x.yaml"],
        {},
        Bun.YAML.parse(`kv-cache-metrics-sample: ${text}`) as Record<string, unknown>,
      );
    expect(sample("0.25")["kv-cache-metrics-sample"]).toBe(0.25);
    expect(() => sample(".nan")).toThrow("Input should be greater than 0, got NaN");
    expect(() => sample(".inf")).toThrow("Input should be less than or equal to 1, got Infinity");
  });

  test.each([
    ["api-key: 0123", "number"],
    ["served-model-name: [a, 1e5]", "number"],
    ["revision: 1.10", "number"],
    ["api-key: true", "boolean"],
  ])("text in the config file that YAML reads as another type needs quotes: %s", (line, type) => {
    const yaml = Bun.YAML.parse(line) as Record<string, unknown>;
    const [name = ""] = Object.keys(yaml);
    const sources = { argv: ["--config", "x.yaml"], env: {}, readYaml: () => yaml };
    expect(() => parseOptions("serve", sources, () => {})).toThrow(
      `${name} in x.yaml: expected a string, got a ${type}; put it in quotes`,
    );
  });

  test("a quoted number is read as text", () => {
    const yaml = Bun.YAML.parse('api-key: "0123"') as Record<string, unknown>;
    expect(parse(["--config", "x.yaml"], {}, yaml)["api-key"]).toEqual(["0123"]);
  });

  test("a negated flag takes no value, since that would be ambiguous", () => {
    for (const value of ["true", "false"])
      expect(() => parse([`--no-enable-prefix-caching=${value}`])).toThrow(
        `--no-enable-prefix-caching takes no value, got ${value}; use --enable-prefix-caching=${value}`,
      );
  });

  test("an unknown key in the config file is an error", () => {
    expect(() => parse(["--config", "x.yaml"], {}, { prot: 1 })).toThrow(
      "unknown option prot in x.yaml",
    );
  });

  test("vLLM flags that have no effect are ignored with a warning", () => {
    expect(parse(["--gpu-memory-utilization", "0.9", "--port", "1"]).port).toBe(1);
    expect(warnings).toEqual([
      "--gpu-memory-utilization has no effect: --kv-cache-memory-bytes sets the KV cache",
    ]);
  });

  test("warnings about vLLM flags that affect clients explain what Pagoda does instead", () => {
    for (const [flag, reason] of [
      ["--download-dir=/models", "set HF_HUB_CACHE or HF_HOME to choose where models are stored"],
      ["--enable-ssl-refresh", "certificates are read at startup; restart the server"],
    ] as const) {
      warnings.length = 0;
      parse([flag]);
      const [name] = flag.split("=");
      expect(warnings).toEqual([expect.stringContaining(`${name} has no effect: ${reason}`)]);
    }
  });

  test("warns once per flag", () => {
    parse(["--enforce-eager", "--dtype", "auto", "--config", "x.yaml"], {}, { dtype: "half" });
    expect(warnings).toEqual([
      "--enforce-eager has no effect: Pagoda has no equivalent",
      "--dtype has no effect: the GGUF file determines it",
    ]);
  });

  test("a vLLM flag without a value does not consume the next argument", () => {
    expect(parse(["--enforce-eager", "model.gguf"]).model).toBe("model.gguf");
    expect(parse(["--no-enable-chunked-prefill", "model.gguf"]).model).toBe("model.gguf");
  });

  test("reads a config file for vLLM, with warnings", () => {
    const yaml = { "gpu-memory-utilization": 0.9, "served-model-name": ["a", "b"] };
    const options = parse(["--config", "x.yaml"], {}, yaml);
    expect(options["served-model-name"]).toEqual(["a", "b"]);
    expect(warnings).toEqual([
      "gpu-memory-utilization in x.yaml has no effect: --kv-cache-memory-bytes sets the KV cache",
    ]);
  });

  test("a config file can negate a flag, as in vLLM", () => {
    const prefix = (yaml: object) =>
      parse(["--config", "x.yaml"], {}, { ...yaml })["enable-prefix-caching"];
    expect(prefix({ "no-enable-prefix-caching": true })).toBe(false);
    expect(prefix({ no_enable_prefix_caching: true })).toBe(false);
    expect(prefix({ "no-enable-prefix-caching": false })).toBe(true);
    expect(() => prefix({ "no-enable-prefix-caching": 2 })).toThrow(
      "no-enable-prefix-caching in x.yaml: expected true or false, got 2",
    );
    expect(() => prefix({ "no-port": true })).toThrow("unknown option no-port in x.yaml");
  });

  test("options are frozen", () => {
    expect(Object.isFrozen(parse([]))).toBe(true);
  });

  test("recognizes vLLM's short flags and paths into JSON values", () => {
    const words = [
      "-tp",
      "2",
      "--compilation-config.level",
      "3",
      "--compilation_config.a=b",
      "-O3",
      "-O.mode=3",
      "-cc.mode",
      "3",
    ];
    expect(parse(words.slice(0, 5)).port).toBe(8000);
    expect(warnings).toEqual([
      "-tp has no effect: models run on a single machine",
      "--compilation-config.level has no effect: Pagoda has no equivalent",
    ]);
    expect(() => parse(words)).not.toThrow();
  });

  test("values of vLLM's list flags are ignored, so none of them becomes the model", () => {
    const lists = [
      ["--cudagraph-capture-sizes", "1", "2", "4"],
      ["--ignore-patterns", "*.bin", "*.pt"],
      ["--allowed-media-domains", "a.example", "b.example"],
      ["--collect-detailed-traces", "model", "worker"],
    ];
    const { model } = parse([]);
    for (const words of lists) expect(parse([...words, "--port", "1"]).model).toBe(model);
    expect(parse(["a.gguf", ...(lists[0] ?? [])]).model).toBe("a.gguf");
    expect(() => parse(["--tensor-parallel-size", "2", "a.gguf", "b.gguf"])).toThrow("b.gguf");
  });

  test("in sizes, k and KB mean 1000, and K, Ki, and KiB mean 1024; fractions need a unit", () => {
    for (const [text, size] of [
      ["16", 16],
      ["1k", 1000],
      ["1K", 1024],
      ["1Ki", 1024],
      ["2M", 2 * 1024 ** 2],
      ["2Mi", 2 * 1024 ** 2],
      ["1.5k", 1500],
      ["25.6m", 25_600_000],
      ["1t", 1e12],
      ["1T", 1024 ** 4],
      ["2G", 2 * 1024 ** 3],
      ["2g", 2e9],
      ["2GB", 2e9],
      ["2gb", 2e9],
      ["2kB", 2000],
      ["2GiB", 2 * 1024 ** 3],
      ["2gib", 2 * 1024 ** 3],
      ["2 GiB", 2 * 1024 ** 3],
      ["1.5GiB", 1.5 * 1024 ** 3],
      ["1.5K", 1536],
      ["0.5TB", 5e11],
      ["2B", Number.NaN],
      ["2  GB", Number.NaN],
      ["2iB", Number.NaN],
      ["GB", Number.NaN],
      ["", Number.NaN],
      ["1.5", Number.NaN],
      ["1ki", Number.NaN],
      ["x", Number.NaN],
      ["-1", Number.NaN],
    ] as const) {
      expect(parseSize(text)).toBe(size);
    }
  });
});

describe("flags from llama.cpp and Ollama", () => {
  test("are accepted if they have the same meaning", () => {
    const words = "-m a.gguf -t 2 -ngl 0 --alias x y -s 7 -to 9 --chat_template_file t.jinja";
    expect(parse(words.split(" "))).toMatchObject({
      ...{ model: "a.gguf", threads: 2, "gpu-layers": 0, "served-model-name": ["x", "y"] },
      ...{ seed: 7, "request-timeout": 9, "chat-template": "t.jinja" },
    });
    expect(parse(["-hf", "user/repo:Q8_0"]).model).toBe("user/repo:Q8_0");
    expect(parse(["--n-gpu-layers=-1"])["gpu-layers"]).toBeNull();
  });

  test.each([
    [
      ["-c", "4096"],
      "unknown option -c: --max-model-len limits each request; --kv-cache-memory-bytes limits all requests combined",
    ],
    [["--ctx_size=1"], "unknown option --ctx_size: --max-model-len limits each request"],
    [["-np", "4"], "unknown option -np: --max-num-seqs limits the requests per step"],
    [["-p", "80"], "unknown option -p: --port sets the port"],
    [["--temp", "0"], "unknown option --temp: set sampling parameters in each request"],
    [["--ignore-eos"], "unknown option --ignore-eos: set sampling parameters in each request"],
    [["-fa"], "unknown option -fa: always on; remove this flag"],
    [["--mmproj", "x"], "unknown option --mmproj: it is not supported yet"],
  ])("%p gets an error that names Pagoda's equivalent", (argv, message) => {
    expect(() => parse(argv)).toThrow(message);
  });

  test("are accepted or explained depending on the command", () => {
    const sources = { env: {}, readYaml: () => ({}) };
    const complete = parseOptions(
      "complete",
      { argv: ["-p", "Once", "-n", "9", "--temp", "0.5"], ...sources },
      () => {},
    );
    expect(complete).toMatchObject({ prompt: "Once", "max-tokens": 9, temperature: 0.5 });
    const refused = (name: "chat" | "ls", ...argv: string[]) => {
      expect(() => parseOptions(name, { argv, ...sources }, () => {})).toThrow(
        `unknown option ${argv[0]}${name === "chat" ? ": " : "; --help lists all options"}`,
      );
    };
    refused("chat", "-p", "hello");
    refused("chat", "--top-k", "3");
    refused("chat", "--port", "1");
    refused("ls", "-c", "1");
    refused("ls", "-m", "1");
  });

  test("each alias belongs to one existing option", () => {
    for (const { option } of FAMILIAR_NAMES) expect(optionSpec(option)).toBeDefined();
    const names = FAMILIAR_NAMES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    // A name can be an option for one command and an alias for another, but not both for the same command.
    for (const { name, option } of FAMILIAR_NAMES) {
      const takers = COMMANDS.filter((command) =>
        optionsOf(command).some((o) => o.name === option),
      );
      const both = takers.filter((command) => {
        return optionsOf(command).some((own) => [`--${own.name}`, `-${own.short}`].includes(name));
      });
      expect(both).toEqual([]);
    }
  });
});

describe("a model that is set twice", () => {
  test.each([
    [["a", "--model", "b"], "a and b"],
    [["a", "-m", "b"], "a and b"],
    [["--model=a", "b"], "a and b"],
    [["--model", "a", "--", "b"], "a and b"],
  ])("%p is an error, since one of the two would be lost", (argv, both) => {
    expect(() => parse(argv)).toThrow(`--model is set twice: ${both}; one of them is`);
  });

  test("is the last one if set by the same option; the command line overrides the environment", () => {
    expect(parse(["--model", "a", "--model", "b"]).model).toBe("b");
    expect(parse(["a"], { PAGODA_MODEL: "b" }).model).toBe("a");
  });
});

describe("an argument that begins with a dash", () => {
  const sources = { env: {}, readYaml: () => ({}) };
  const promptOf = (...argv: string[]) =>
    parseOptions("complete", { argv, ...sources }, () => {}).prompt;

  test.each(["-5", "- a list", "---\ntitle", "-- x", "-"])("%j is text", (text) => {
    expect(promptOf(text)).toBe(text);
    expect(promptOf("--prompt", text, "--max-tokens", "1")).toBe(text);
  });

  test.each(["--max-tokens 5", "-q hi", "--nonsense hi"])(
    "%j is an error, since it should be two arguments",
    (word) => {
      expect(() => promptOf(word)).toThrow(
        `"${word}" is quoted as one word; pass the value as a separate word or after "="`,
      );
    },
  );
});

test("a list cannot have an empty value", () => {
  expect(() => parse(["--served-model-name", ""])).toThrow("--served-model-name: a value is empty");
  expect(() => parse(["--served-model-name", "a", " "])).toThrow("a value is empty");
});

test.each(["host", "uds", "model", "config", "generation-config"])(
  "an empty --%s, as from an unset variable, is an error",
  (name) => {
    const message = `--${name}: a value is empty`;
    expect(() => parse([`--${name}`, ""])).toThrow(message);
    expect(() => parse([`--${name}= `])).toThrow(message);
  },
);

test("an empty value is accepted if it is the default", () => {
  expect(parse(["--chat-template", ""])["chat-template"]).toBe("");
  expect(parse(["--root-path", ""])["root-path"]).toBe("");
});

describe("a value in a config file", () => {
  const read = (yaml: Record<string, unknown>) => parse(["--config", "x.yaml"], {}, yaml);

  test.each([
    [{ "served-model-name": { a: 1 } }, "expected a value, got an object"],
    [{ "served-model-name": [[1]] }, "expected a value, got an object"],
    [{ "served-model-name": ["a", ""] }, "a value is empty"],
    [{ "api-key": [null] }, "a value is empty"],
    [{ model: { a: 1 } }, "expected a value, got an object"],
    [{ model: ["a"] }, "expected one value, got a list"],
    [{ port: [1, 2] }, "expected one value, got a list"],
  ])("%j is an error", (yaml, fault) => {
    const [key] = Object.keys(yaml);
    expect(() => read(yaml)).toThrow(`${key} in x.yaml: ${fault}`);
  });

  test("can have a key with dashes, or one that is an alias from another program", () => {
    expect(read({ "--port": 9000, alias: "a", n_gpu_layers: 3 })).toMatchObject({
      ...{ port: 9000, "served-model-name": ["a"], "gpu-layers": 3 },
    });
    expect(read({ "cpu-affinity": [0] })["cpu-affinity"]).toEqual([0]);
  });
});

describe("a list", () => {
  test("for a server takes all following arguments, but not a model", () => {
    expect(parse(["--api-key", "a", "b"])["api-key"]).toEqual(["a", "b"]);
    for (const flag of ["--api-key", "--served-model-name"])
      expect(() => parse([flag, "a", "model.gguf"])).toThrow(
        `${flag} takes all following words, including model.gguf; put the model before it`,
      );
    expect(parse(["--served-model-name", "model.gguf"]).model).toBe("SmolLM2-135M-Instruct");
  });

  test("for a client takes one argument", () => {
    const sources = { env: {}, readYaml: () => ({}) };
    const read = (...argv: string[]) => parseOptions("complete", { argv, ...sources }, () => {});
    expect(read("--api-key", "a", "Once")).toMatchObject({ "api-key": ["a"], prompt: "Once" });
    const removed = parseOptions("rm", { argv: ["--models", "a", "b"], ...sources }, () => {});
    expect(removed.models).toEqual(["a", "b"]);
  });
});

describe("short names", () => {
  const sources = { env: {}, readYaml: () => ({}) };

  test("depend on the command", () => {
    const read = <N extends CommandName>(name: N, ...argv: string[]) =>
      parseOptions(name, { argv, ...sources }, () => {});
    expect(read("ls", "-q").quiet).toBe(true);
    expect(read("chat", "-q", "hi").quick).toBe("hi");
    expect(read("complete", "-q", "hi").prompt).toBe("hi");
    for (const flag of ["-y", "-f", "--force"]) expect(read("rm", flag).yes).toBe(true);
    expect(() => read("bench", "-n", "5")).toThrow("-n: --num-prompts sets the number of requests");
    expect(() => read("chat", "-f", "a.txt")).toThrow("-f: use `< FILE` to send a file");
  });
});
