// Runs the tests by what they need: `unit` nothing, `native` the addon, `model` the addon and the
// default model. Adds up and ends with the plain line "N passed, N failed".

import { existsSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_MODEL_FILE } from "../src/cli/model-source.ts";
import { ROOT } from "./stamps.ts";

type Group = "unit" | "native" | "model";

interface Totals {
  passed: number;
  failed: number;
}

const ALL: readonly Group[] = ["unit", "native", "model"];

async function filesOf(group: Group): Promise<string[]> {
  const files = await Array.fromAsync(new Bun.Glob("test/**/*.test.ts").scan({ cwd: ROOT }));
  const groupOf = (file: string): Group =>
    file.startsWith("test/native/") ? "native" : file.startsWith("test/model/") ? "model" : "unit";
  return files.filter((file) => groupOf(file) === group).sort();
}

/** @returns why the group cannot run; null when it can */
function missing(group: Group): string | null {
  const needs = {
    unit: [],
    native: ["build/native/Release/pagoda.node"],
    model: ["build/native/Release/pagoda.node", join("models", DEFAULT_MODEL_FILE.name)],
  }[group];
  return needs.find((path) => !existsSync(join(ROOT, path))) ?? null;
}

async function runGroup(group: Group, totals: Totals): Promise<void> {
  const need = missing(group);
  if (need !== null) {
    console.log(`${group}: cannot run without ${need}; run \`bun run setup\``);
    totals.failed++;
    return;
  }
  const files = await filesOf(group);
  // ggml's threads need the cores for themselves: native files run one at a time.
  const batches = group === "unit" ? [files] : files.map((file) => [file]);
  for (const batch of batches) await runFiles(batch, totals);
}

async function runFiles(files: readonly string[], totals: Totals): Promise<void> {
  if (files.length === 0) return;
  const child = Bun.spawn([process.execPath, "test", ...files.map((file) => `./${file}`)], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
  });
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stderr) {
    const text = decoder.decode(chunk, { stream: true });
    process.stderr.write(text);
    output += text;
  }
  const exitCode = await child.exited;
  const count = (word: string) =>
    Number(new RegExp(`^\\s*(\\d+) ${word}$`, "m").exec(output)?.[1] ?? 0);
  const failed = count("fail");
  totals.passed += count("pass");
  totals.failed += exitCode !== 0 && failed === 0 ? 1 : failed;
}

const asked = process.argv.slice(2) as Group[];
const totals: Totals = { passed: 0, failed: 0 };
for (const group of asked.length > 0 ? asked : ALL) await runGroup(group, totals);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 ? 0 : 1);
