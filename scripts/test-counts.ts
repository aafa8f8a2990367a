// Parses the counts in the output of `bun test`, adds them up and formats them.

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * A run that failed without any failed test (because of a crash, or a file that cannot be loaded) counts as
 * one failure.
 */
export function countsOf(output: string, exitCode: number): Counts {
  const failed = count(output, "fail");
  return {
    passed: count(output, "pass"),
    failed: exitCode !== 0 && failed === 0 ? 1 : failed,
    skipped: count(output, "skip") + count(output, "todo"),
  };
}

export function addCounts(parts: readonly Counts[]): Counts {
  const sum = (of: (part: Counts) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    skipped: sum(({ skipped }) => skipped),
  };
}

export function summaryLine({ passed, failed, skipped }: Counts): string {
  const rest = skipped > 0 ? `, ${skipped} skipped` : "";
  return `${passed} passed, ${failed} failed${rest}`;
}

/** Uses the last match, since Bun's summary follows the output of the tests. */
function count(output: string, word: string): number {
  const matches = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))];
  return Number(matches.at(-1)?.[1] ?? 0);
}
