// Logits with LoRA adapters, compared with llama.cpp's own adapters.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AdapterFiles, baseAndAdapted, PROMPT } from "../support/adapted-models.ts";
import { largestDifference } from "../support/logit-steps.ts";
import { buildSanitized, runSanitized } from "../support/sanitized-program.ts";

const files = new AdapterFiles();
afterAll(() => files.remove());

describe("compared with llama.cpp's adapters", () => {
  let program = "";
  beforeAll(async () => {
    program = await buildSanitized({
      ...{ name: "stock-logits", sources: {}, libraries: ["llama", "ggml", "ggml-cpu"] },
    });
  }, 600_000);

  function stockLogits(model: string, adapter: string): Float32Array[] {
    const { lines, stderr } = runSanitized(program, "", model, adapter, "1", ...PROMPT.map(String));
    expect(stderr).toBe("");
    return lines.map((line) => Float32Array.from(line.trim().split(" "), Number));
  }

  // llama.cpp rounds the rows that it multiplies with an F16, BF16 or Q8_0 matrix to that type.
  test.each([
    ["F32", 1.5],
    ["F16", 1.5],
    ["BF16", 4],
    ["Q8_0", 6],
  ] as const)(
    "%s files differ less than %p times as much as rows without an adapter",
    async (type, factor) => {
      const path = files.model({});
      const adapter = files.adapter({}, { type, rank: 32 });
      const [base, adapted] = await baseAndAdapted(path, adapter);
      const expected = stockLogits(path, adapter);
      const noise = largestDifference(base, stockLogits(path, "-"));
      expect(noise).toBeLessThan(0.05);
      expect(largestDifference(adapted, expected)).toBeLessThan(factor * noise);
      expect(largestDifference(base, expected)).toBeGreaterThan(1);
    },
  );
});
