// vLLM flags for unsupported features: an error, unless the value leaves the feature off.

import { describe, expect, test } from "bun:test";
import { exitCodeOf } from "../../src/cli/exit-codes.ts";
import { IGNORED_FLAGS } from "../../src/cli/ignored-flags.ts";
import { optionSpec } from "../../src/cli/options.ts";
import { UNBUILT_FLAGS } from "../../src/cli/unbuilt-flags.ts";
import type { ConfigError } from "../../src/errors.ts";
import { parse, warnings } from "../support/serve-options.ts";

/** @returns the thrown error's code, exit code, and message; null if nothing is thrown */
function refusal(run: () => unknown) {
  try {
    run();
  } catch (error) {
    return [(error as ConfigError).code, exitCodeOf(error), (error as Error).message];
  }
  return null;
}

const EMBEDS = "prompt embeddings are not supported yet; remove it";

describe("flags for unsupported features", () => {
  test("cause an error with the flag's name and the usage exit code, from any source", () => {
    const tools = "server-side tools are not supported yet; remove it";
    for (const [argv, message] of [
      [["--enable-prompt-embeds", "model.gguf"], `--enable-prompt-embeds: ${EMBEDS}`],
      [["--tool_server", "demo"], `--tool_server: ${tools}`],
      [["--tool-server"], `--tool-server: ${tools}`],
      [
        ["--kv-events-config.publisher=zmq"],
        "--kv-events-config.publisher: KV cache events are not supported yet; remove it",
      ],
      [
        ['--kv-transfer-config={"kv_connector":"NixlConnector"}'],
        "--kv-transfer-config: KV connectors are not supported yet; remove it",
      ],
      [["--middleware", "a.B"], "--middleware: Python middleware is not supported; remove it"],
      [["--runner=pooling"], "--runner: only text generation is supported so far; remove it"],
    ] as const) {
      expect(refusal(() => parse([...argv]))).toEqual(["unsupported_option", 2, message]);
    }
    const file = (yaml: object) => refusal(() => parse(["--config", "x.yaml"], {}, { ...yaml }));
    const inFile = `enable_prompt_embeds in x.yaml: ${EMBEDS}`;
    expect(file({ enable_prompt_embeds: true })).toEqual(["unsupported_option", 2, inFile]);
    expect(file({ "tool-server": "demo" })?.[2]).toBe(`tool-server in x.yaml: ${tools}`);
    expect(refusal(() => parse([], { PAGODA_ENABLE_PROMPT_EMBEDS: "1" }))).toEqual([
      "unsupported_option",
      2,
      `PAGODA_ENABLE_PROMPT_EMBEDS: ${EMBEDS}`,
    ]);
  });

  test("only cause a warning if they enable nothing, like tuning flags", () => {
    const yaml = { "enable-prompt-embeds": false, "kv-transfer-config": {} };
    expect(parse(["--config", "x.yaml"], {}, yaml).port).toBe(8000);
    expect(warnings).toEqual([
      "enable-prompt-embeds in x.yaml has no effect: prompt embeddings are not supported yet",
      "kv-transfer-config in x.yaml has no effect: KV connectors are not supported yet",
    ]);
    const argv = ["--no-enable-prompt-embeds", "--lora-dtype=auto", "--runner", "generate"];
    argv.push("model.gguf");
    expect(parse(argv).model).toBe("model.gguf");
    expect(warnings).toEqual([
      "--no-enable-prompt-embeds has no effect: prompt embeddings are not supported yet",
      "--lora-dtype has no effect: adapters are kept in the type of their file",
      "--runner has no effect: only text generation is supported so far",
    ]);
    expect(parse([], { PAGODA_ENABLE_PROMPT_EMBEDS: "" }).port).toBe(8000);
  });

  test("are neither ignored flags nor options", () => {
    const ignored = IGNORED_FLAGS.map(({ name }) => name);
    const unbuilt = UNBUILT_FLAGS.map(({ name }) => name);
    const all = [...ignored, ...unbuilt];
    expect(all.filter((name, i) => all.indexOf(name) !== i)).toEqual([]);
    expect(all.filter((name) => optionSpec(name) !== undefined)).toEqual([]);
  });
});
