// Supported architectures: the table has every name in the pinned llama.cpp, and unsupported ones are refused when
// the header is read.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Checkout } from "../../scripts/checkout.ts";
import { encodeGguf, type GgufValue } from "../support/gguf-writer.ts";
import { loadTestModel } from "../support/native-step.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-architectures-"));
const path = join(folder, "model.gguf");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const checkout = new Checkout();
const textOf = (...parts: string[]) => readFileSync(checkout.path(...parts), "utf8");

function pinnedNames(): string[] {
  const source = textOf("third_party", "llama.cpp", "src", "llama-arch.cpp");
  const [, table = ""] = /LLM_ARCH_NAMES = \{\n(.*?)\n\};/s.exec(source) ?? [];
  const names = [...table.matchAll(/"(.+?)"/g)].map(([, name = ""]) => name);
  return names.filter((name) => name !== "(unknown)");
}

/** The table's groups: the reason for refusal (null = supported), and the names. */
function groups(): { reason: string | null; names: string[] }[] {
  const source = textOf("native", "model", "architectures.cpp");
  const [, table = ""] = /GROUPS\[\] = \{\n(.*?)\n\};/s.exec(source) ?? [];
  return [...table.matchAll(/\{ (nullptr|"(.+?)"),\n(.*?) \},/gs)].map(
    ([, , reason, lines = ""]) => ({
      reason: reason ?? null,
      names: [...lines.matchAll(/"(.+?)"/g)].flatMap(([, names = ""]) => names.trim().split(" ")),
    }),
  );
}

/** Writes a minimal model that sets only its architecture's name and `more`. */
function writeModel(architecture: string, more: Record<string, GgufValue> = {}): void {
  const { metadata, tensors } = tinyGguf();
  const renamed = [...metadata].map(
    ([key, value]) => [key.replace(/^llama\./, `${architecture}.`), value] as const,
  );
  const all = new Map<string, GgufValue>([...renamed, ...Object.entries(more)]);
  all.set("general.architecture", ["string", architecture]);
  writeFileSync(path, encodeGguf(all, tensors));
}

const REFUSED = groups().flatMap(({ reason, names }) =>
  reason === null ? [] : names.map((name) => [name, reason] as const),
);

describe("the architecture table", () => {
  test("lists each name in the pinned llama.cpp exactly once", () => {
    const pinned = pinnedNames();
    expect(pinned.length).toBeGreaterThan(100);
    const sorted = groups().flatMap(({ names }) => names);
    expect(sorted.toSorted()).toEqual(pinned.toSorted());
  });

  test("has 52 unsupported architectures, each with a reason", () => {
    expect(REFUSED.length).toBe(52);
    expect(Object.fromEntries(REFUSED)).toMatchObject({
      mamba: "has recurrent layers, which are not supported yet",
      "minimax-m3": "keeps an index alongside its KV cache, which is not supported yet",
      "llama-embed": "produces embeddings, not text",
      t5: "has an encoder, which is not supported yet",
      dream: "generates text by diffusion, which is not supported yet",
      qwen3tts: "produces speech, not text",
      eagle3: "is for draft models, which cannot run by themselves",
    });
  });

  test.each(REFUSED)("refuses %s, reporting that it %s", async (name, reason) => {
    writeModel(name);
    await expect(loadTestModel(path)).rejects.toMatchObject({
      code: "model_unsupported",
      message: `architecture ${name} ${reason}`,
    });
  });
});

test("a model with non-causal attention is refused, no matter which architecture it has", async () => {
  writeModel("llama", { "llama.attention.causal": ["bool", false] });
  await expect(loadTestModel(path)).rejects.toMatchObject({
    code: "model_unsupported",
    message:
      "the model file sets llama.attention.causal to false: it produces embeddings, not text",
  });
  writeModel("llama", { "llama.attention.causal": ["bool", true] });
  await (await loadTestModel(path)).dispose();
});
