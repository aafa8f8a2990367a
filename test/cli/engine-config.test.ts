// Values in the engine config that differ from their options.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineConfig } from "../../src/cli/engine-config.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-engine-config-"));
const MODEL = join(folder, "model.gguf");
writeTinyGguf(MODEL, { chatTemplate: "{{ '<tool_call><think></think>' }}" });

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function configOf(...argv: string[]) {
  const sources = { argv, env: {}, readYaml: () => ({}) };
  return engineConfig(
    parseOptions("serve", sources, () => {}),
    MODEL,
  );
}

test("a request's tokens per step are unlimited by default and with 0, as in vLLM", () => {
  expect(configOf().longPrefillTokenThreshold).toBeNull();
  expect(configOf("--long-prefill-token-threshold", "0").longPrefillTokenThreshold).toBeNull();
  expect(configOf("--long-prefill-token-threshold", "64").longPrefillTokenThreshold).toBe(64);
});

test("partial prefills are unlimited unless --max-num-partial-prefills sets a limit of at least 1", () => {
  expect(configOf().maxNumPartialPrefills).toBeNull();
  expect(configOf("--max-num-partial-prefills", "2").maxNumPartialPrefills).toBe(2);
  expect(() => configOf("--max-num-partial-prefills", "0")).toThrow("max-num-partial-prefills");
});

describe("the message parsers", () => {
  test("are derived from the chat template", () => {
    expect(configOf().chatFormat).toEqual({ toolParser: "hermes", reasoningParser: "qwen3" });
    const mistral = configOf("--chat-template", "{{ '[TOOL_CALLS]' }}").chatFormat;
    expect(mistral).toEqual({ toolParser: "mistral", reasoningParser: null });
  });

  test("come with a flag that says whether the template ignores tools", () => {
    const ignores = (template: string) =>
      configOf("--chat-template", template).templateIgnoresTools;
    expect(ignores("{{ messages[0].content }}")).toBe(true);
    expect(ignores("{{ functions }} functools[{{ messages[0].content }}]")).toBe(true);
    expect(ignores("{{ tools }}{{ messages[0].content }}")).toBe(false);
  });

  test("can be set by options, or turned off", () => {
    const options = ["--tool-call-parser", "kimi_k2", "--reasoning-parser", "none"];
    expect(configOf(...options).chatFormat).toEqual({
      toolParser: "kimi_k2",
      reasoningParser: null,
    });
    expect(configOf("--reasoning-parser", "identity").chatFormat.reasoningParser).toBeNull();
    expect(() => configOf("--tool-call-parser", "gpt")).toThrow("hermes");
  });
});
