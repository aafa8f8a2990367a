// The native runner in the shared conformance suite, with both attention backends.

import { afterAll } from "bun:test";
import { join } from "node:path";
import { modelRunnerConformance } from "../support/model-runner.conformance.ts";
import { writeTinyAdapter } from "../support/tiny-adapter.ts";
import { loadTiny, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const adapters = ["a.gguf", "b.gguf"].map((name) => join(folder.path, name)) as [string, string];
adapters.forEach((path, seed) => {
  writeTinyAdapter(path, {}, { seed, strength: 0.3 });
});
afterAll(folder.remove);

for (const attentionBackend of ["paged", "ggml"] as const) {
  modelRunnerConformance({
    name: `NativeModelRunner (${attentionBackend})`,
    create: async () => ({
      runner: await loadTiny(folder.path, {}, { attentionBackend, maxAdapters: 2 }),
      blockSize: 16,
      adapters,
    }),
  });
}
