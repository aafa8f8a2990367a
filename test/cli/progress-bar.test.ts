// Progress of a download, on a terminal and in a log.

import { describe, expect, test } from "bun:test";
import { ProgressBar } from "../../src/cli/progress-bar.ts";

const MIB = 2 ** 20;

function setting(canRedraw: boolean, columns = 80) {
  const shown: string[] = [];
  let nowMs = 0;
  const bar = new ProgressBar({
    what: "a.gguf",
    terminal: { canRedraw, columns: () => columns, write: (text) => void shown.push(text) },
    log: (line) => void shown.push(`${line}\n`),
    nowMs: () => nowMs,
  });
  const at = (seconds: number, done: number, total: number | null) => {
    nowMs = seconds * 1000;
    bar.update(done * MIB, total === null ? null : total * MIB);
  };
  return { at, shown };
}

describe("ProgressBar", () => {
  test("redraws one line on a terminal, then ends it", () => {
    const { at, shown } = setting(true);
    at(0.05, 10, 100);
    at(1, 50, 100);
    at(1.01, 51, 100);
    at(2, 100, 100);
    expect(shown).toEqual([
      `\r\x1b[Ka.gguf [${"=".repeat(15).padEnd(30)}] 50% 50/100 MiB 42.1 MiB/s 2 s left`,
      `\r\x1b[Ka.gguf [${"=".repeat(30)}] 100% 100/100 MiB 46.2 MiB/s\n`,
    ]);
  });

  test("never wraps: omits the bar first, then truncates the figures", () => {
    for (const [columns, line] of [
      [44, "a.gguf 50% 50/100 MiB 50.0 MiB/s 1 s left"],
      [20, "a.gguf 50% 50/100 M"],
    ] as const) {
      const { at, shown } = setting(true, columns);
      at(0, 0, 100);
      at(1, 50, 100);
      expect(shown).toEqual([`\r\x1b[K${line}`]);
    }
  });

  test("writes a line every ten seconds if the output is not a terminal", () => {
    const { at, shown } = setting(false);
    for (let second = 0; second <= 25; second++) at(second, second * 4, 100);
    expect(shown).toEqual([
      "a.gguf: 40% 40/100 MiB 4.0 MiB/s 15 s left\n",
      "a.gguf: 80% 80/100 MiB 4.0 MiB/s 5 s left\n",
      "a.gguf: 100% 100/100 MiB 4.0 MiB/s\n",
    ]);
  });

  test("shows long times in minutes and hours, and no time if the size is unknown", () => {
    const { at, shown } = setting(false);
    at(0, 0, 10_000);
    at(10, 100, 10_000);
    at(20, 110, 10_000_000);
    at(30, 120, null);
    expect(shown).toEqual([
      "a.gguf: 1% 100/10000 MiB 10.0 MiB/s 16 min 30 s left\n",
      "a.gguf: 0% 110/10000000 MiB 1.0 MiB/s 2777 h 44 min left\n",
      "a.gguf: 120 MiB 1.0 MiB/s\n",
    ]);
  });

  test("prints nothing after completion", () => {
    const { at, shown } = setting(false);
    at(1, 1, 1);
    at(60, 1, 1);
    expect(shown).toEqual(["a.gguf: 100% 1/1 MiB\n"]);
  });
});
