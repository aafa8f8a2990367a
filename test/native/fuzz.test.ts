// Fuzzers for external input that native code parses: model headers, LoRA adapters, chat messages,
// chat templates and text. The invariants are in fuzz/*.cpp; inputs that once failed are in fuzz/corpus.

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FUZZ_TIMEOUT_MS, runFuzzer } from "../support/fuzz-run.ts";
import { ADAPTER_KERNELS, buildSanitized } from "../support/sanitized-program.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { everyTokenizer } from "../support/tokenizer-kinds.ts";

const BUILD_TIMEOUT_MS = 600_000;
const LLAMA = ["llama", "ggml", "ggml-cpu"];

test(
  "a model file's header",
  async () => {
    const program = await buildSanitized({
      name: "gguf-fuzz",
      folder: "test/fuzz",
      sources: {
        ...{ "model/model-file": [], "model/metadata-keys": [], "model/abort-guard": [] },
        "model/architectures": [],
      },
      upstream: ["ggml/src/gguf.cpp"],
      libraries: LLAMA,
    });
    expect(() => runFuzzer(program, "gguf")).not.toThrow();
  },
  BUILD_TIMEOUT_MS + FUZZ_TIMEOUT_MS,
);

test(
  "a LoRA adapter",
  async () => {
    const program = await buildSanitized({
      name: "adapter-fuzz",
      folder: "test/fuzz",
      sources: {
        ...{
          "model/adapter-file": [],
          "adapters/adapter": [],
          "adapters/adapter-table": [],
          "adapters/adapter-op": [],
        },
        ...ADAPTER_KERNELS,
        ...{ "model/model-file": [], "model/metadata-keys": [], "model/abort-guard": [] },
        "model/architectures": [],
      },
      upstream: ["ggml/src/gguf.cpp"],
      libraries: LLAMA,
    });
    expect(() => runFuzzer(program, "adapter")).not.toThrow();
  },
  BUILD_TIMEOUT_MS + FUZZ_TIMEOUT_MS,
);

test(
  "chat messages and templates",
  async () => {
    const parts = ["lexer", "parser", "runtime", "string", "text-filters", "value"];
    const program = await buildSanitized({
      name: "chat-fuzz",
      folder: "test/fuzz",
      sources: {
        ...{ "text/chat-template": [], "text/chat-messages": [], "text/recent-templates": [] },
        ...{ "text/jinja-template": [], "text/system-rule": [], "text/template-content": [] },
        "text/template-nesting": [],
        ...{ "model/model-file": [], "model/metadata-keys": [], "model/abort-guard": [] },
        "model/architectures": [],
      },
      upstream: parts.map((part) => `common/jinja/${part}.cpp`),
      libraries: ["llama-common", "llama-common-base", "cpp-httplib", ...LLAMA],
    });
    const folder = mkdtempSync(join(tmpdir(), "pagoda-fuzz-"));
    const model = join(folder, "tiny.gguf");
    writeTinyGguf(model);
    expect(() => runFuzzer(program, "chat", model)).not.toThrow();
    rmSync(folder, { recursive: true, force: true });
  },
  BUILD_TIMEOUT_MS + FUZZ_TIMEOUT_MS,
);

test(
  "text, with every tokenizer",
  async () => {
    const program = await buildSanitized({
      name: "tokenizer-fuzz",
      folder: "test/fuzz",
      sources: {
        "text/vocabulary": [],
        "text/special-texts": [],
        "text/split-pattern": [],
        "text/pattern-syntax": [],
      },
      upstream: ["src/llama-vocab.cpp", "src/unicode.cpp"],
      libraries: LLAMA,
    });
    const folder = mkdtempSync(join(tmpdir(), "pagoda-fuzz-"));
    for (const [i, tokenizer] of everyTokenizer().entries()) {
      writeTinyGguf(join(folder, `${i}.gguf`), { tokenizer });
    }
    expect(() => runFuzzer(program, "text", folder)).not.toThrow();
    rmSync(folder, { recursive: true, force: true });
  },
  BUILD_TIMEOUT_MS + FUZZ_TIMEOUT_MS,
);
