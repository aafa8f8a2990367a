// Memory use during many loads and unloads of LoRA adapters, in the addon and through the whole server.

import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { LLM } from "../../src/library/llm.ts";
import { logitsOf } from "../support/logit-steps.ts";
import { loadTestModel } from "../support/native-step.ts";
import { peftConfig, peftTensors, writePeftFolder } from "../support/peft-adapter.ts";
import { writeTinyAdapter } from "../support/tiny-adapter.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

const at = (name: string) => join(folder.path, name);
writeTinyGguf(at("model.gguf"));
writeTinyAdapter(at("1.gguf"), {}, { rank: 16, seed: 1 });
writeTinyAdapter(at("2.gguf"), {}, { rank: 4, seed: 2 });
writePeftFolder(at("peft"), peftConfig(), peftTensors({}, { seed: 1 }, 64));

/** @returns growth of the process in bytes, after a warm-up */
async function growthOf(cycle: (count: number) => Promise<void>, counts: readonly number[]) {
  const sizes: number[] = [];
  for (const count of counts) {
    await cycle(count);
    Bun.gc(true);
    sizes.push(process.memoryUsage.rss());
  }
  return (sizes.at(-1) ?? 0) - (sizes[0] ?? 0);
}

test("a thousand loads and unloads leak no memory in the addon", async () => {
  const model = await loadTestModel(at("model.gguf"), { maxAdapters: 2 });
  const cycle = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const slot = i % 2;
      await model.loadAdapter(at(i % 4 < 2 ? "1.gguf" : "2.gguf"), slot);
      if (i % 50 === 0)
        await logitsOf(model, [{ tokenIds: [5, 9, 33], blockIds: [1], adapter: slot }]);
      model.unloadAdapter(slot);
    }
  };
  expect(await growthOf(cycle, [200, 1000])).toBeLessThan(16 << 20);
  await model.dispose();
}, 60_000);

test("a thousand loads and unloads leave memory use flat", async () => {
  await using llm = await LLM.load(at("model.gguf"), {
    ...{ enableLora: true, maxLoras: 2, maxCpuLoras: 2 },
    ...{ kvCacheBytes: 4_000_000, kvCacheType: "f32" },
  });
  const cycle = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const lora = `a${i % 3}`;
      await llm.loadLora(lora, at(i % 2 === 0 ? "1.gguf" : "peft"));
      if (i % 10 === 0) {
        await llm.generate([5, 9, 33], { maxTokens: 4, ignoreEos: true, lora }).result;
      }
      await llm.unloadLora(lora);
    }
  };
  expect(await growthOf(cycle, [300, 700])).toBeLessThan(64 << 20);
}, 60_000);
