// A forward pass that fails to start, under sanitizers; kernels/forward-pass-test.cpp lists the checks.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import {
  ADAPTER_KERNELS,
  ATTENTION_SOURCES,
  buildSanitized,
  GEMM_SOURCES,
  PRODUCT_SOURCES,
  ROW_SOURCES,
  runSanitized,
} from "../support/sanitized-program.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const model = join(folder.path, "tiny.gguf");
let program = "";
beforeAll(async () => {
  writeTinyGguf(model);
  program = await buildSanitized({
    name: "forward-pass-test",
    sources: {
      ...{ "model/forward-pass": [], "model/step-batch": [], "model/draft-input": [] },
      ...{ "model/abort-guard": [] },
      ...{ "model/model-file": [], "model/metadata-keys": [], "model/architectures": [] },
      ...{ "attention/backend": [], "attention/paged": [], "attention/masked": [] },
      ...{ "adapters/adapter": [], "adapters/adapter-table": [], "adapters/adapter-op": [] },
      ...ADAPTER_KERNELS,
      ...ATTENTION_SOURCES,
      ...GEMM_SOURCES,
      ...PRODUCT_SOURCES,
      ...ROW_SOURCES,
      ...{ "grammar/grammar": [], "grammar/deadline": [] },
      ...{ "grammar/deep-stack": [], "grammar/llguidance": [] },
      ...{ "sampling/candidates": [], "sampling/cut-search": [] },
      ...{ "sampling/sampler": [], "sampling/sampler-state": [], "sampling/sample-rows": [] },
    },
    libraries: ["llama", "ggml", "ggml-cpu"],
  });
}, 600_000);
afterAll(folder.remove);

test("a forward pass that fails to start leaks neither memory nor threads", () => {
  const { lines, stderr, exitCode } = runSanitized(program, "", model);
  expect(stderr).toBe("");
  expect(lines).toEqual(["forward-pass ok"]);
  expect(exitCode).toBe(0);
}, 60_000);
