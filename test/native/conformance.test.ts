// The native runner in the shared conformance suite, with both attention backends.

import { afterAll } from "bun:test";
import { modelRunnerConformance } from "../support/model-runner.conformance.ts";
import { loadTiny, tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(folder.remove);

for (const attentionBackend of ["paged", "ggml"] as const) {
  modelRunnerConformance({
    name: `NativeModelRunner (${attentionBackend})`,
    create: async () => ({
      runner: await loadTiny(folder.path, {}, { attentionBackend }),
      blockSize: 16,
    }),
  });
}
