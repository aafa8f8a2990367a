// Values in the engine config that differ from their options.

import { expect, test } from "bun:test";
import { engineConfig } from "../../src/cli/engine-config.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";

function configOf(...argv: string[]) {
  const sources = { argv, env: {}, readYaml: () => ({}) };
  return engineConfig(
    parseOptions("serve", sources, () => {}),
    "model.gguf",
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
