// Debian's promtool, where it is installed: the judge of our rules, expressions and exposition.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const hasPromtool = Bun.which("promtool") !== null;

/** Tells once in each file of tests why some are skipped. */
export function sayIfMissing(tool: "promtool" | "prometheus"): void {
  if (Bun.which(tool) === null) {
    console.log(`skipped what needs ${tool}: it is not installed (Debian's package is prometheus)`);
  }
}

/** @returns exit code and everything printed */
export function promtool(words: readonly string[], stdin = ""): { code: number; output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["promtool", ...words], {
    stdin: Buffer.from(stdin),
  });
  return { code: exitCode, output: `${stdout}${stderr}` };
}

/** promtool 2.42 checks no bare expressions: each becomes a recording rule. @returns what is wrong, or "" */
export function expressionFaults(exprs: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-promql-"));
  const file = join(folder, "rules.yml");
  const rules = exprs.map((expr, i) => ({ record: `expression_${i}`, expr }));
  try {
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ groups: [{ name: "expressions", rules }] }));
    const { code, output } = promtool(["check", "rules", file]);
    return code === 0 ? "" : output;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
