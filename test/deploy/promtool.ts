// promtool, if installed, which checks Pagoda's rules, expressions, and exposition.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const hasPromtool = Bun.which("promtool") !== null;

/** Logs once per test file why some tests are skipped. */
export function sayIfMissing(tool: "promtool" | "prometheus"): void {
  if (Bun.which(tool) === null) {
    console.log(
      `skipped tests that need ${tool}: it is not installed (Debian's package is prometheus)`,
    );
  }
}

/** @returns exit code and combined output */
export function promtool(words: readonly string[], stdin = ""): { code: number; output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["promtool", ...words], {
    stdin: Buffer.from(stdin),
  });
  return { code: exitCode, output: `${stdout}${stderr}` };
}

/**
 * Makes each expression a recording rule, since promtool 2.42 cannot check expressions.
 * @returns errors, or ""
 */
export function expressionFaults(exprs: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-promql-"));
  const file = join(folder, "rules.yml");
  const rules = exprs.map((expr, i) => ({ record: `expression_${i}`, expr }));
  try {
    // JSON is valid YAML.
    writeFileSync(file, JSON.stringify({ groups: [{ name: "expressions", rules }] }));
    const { code, output } = promtool(["check", "rules", file]);
    return code === 0 ? "" : output;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
