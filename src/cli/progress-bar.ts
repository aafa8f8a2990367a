// Shows a download's progress: on a terminal, as one line that is redrawn; otherwise, as occasional log lines.

import type { Terminal } from "../runtime/terminal.ts";

export interface ProgressBarOptions {
  readonly what: string;
  readonly terminal: Pick<Terminal, "canRedraw" | "columns" | "write">;
  readonly log: (line: string) => void;
  readonly nowMs: () => number;
}

const REDRAW_MS = 100;
const LINE_MS = 10_000;
/** Window over which the rate is measured. */
const RATE_WINDOW_MS = 5_000;

export class ProgressBar {
  readonly #options: ProgressBarOptions;
  readonly #samples: { atMs: number; done: number }[] = [];
  #shownMs: number;
  #isOver = false;

  constructor(options: ProgressBarOptions) {
    this.#options = options;
    this.#shownMs = options.nowMs();
  }

  /** @param total total number of bytes; null if unknown */
  update(done: number, total: number | null): void {
    if (this.#isOver) return;
    const nowMs = this.#options.nowMs();
    this.#samples.push({ atMs: nowMs, done });
    while (this.#samples.length > 2 && nowMs - (this.#samples[0]?.atMs ?? 0) > RATE_WINDOW_MS)
      this.#samples.shift();
    this.#isOver = done === total;
    const { canRedraw } = this.#options.terminal;
    if (!this.#isOver && nowMs - this.#shownMs < (canRedraw ? REDRAW_MS : LINE_MS)) return;
    this.#shownMs = nowMs;
    this.#show(progressText(done, total, this.#bytesPerSecond()));
  }

  #bytesPerSecond(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || first.atMs === last.atMs) return 0;
    return ((last.done - first.done) * 1000) / (last.atMs - first.atMs);
  }

  #show({ share, figures }: ReturnType<typeof progressText>): void {
    const { what, terminal, log } = this.#options;
    if (!terminal.canRedraw) {
      log(`${what}: ${figures}`);
      return;
    }
    const room = terminal.columns() - what.length - figures.length - 5;
    const width = Math.min(30, room);
    const filled = Math.round(width * (share ?? 0));
    const bar = width < 8 || share === null ? "" : `[${"=".repeat(filled).padEnd(width)}] `;
    const line = `${what} ${bar}${figures}`.slice(0, terminal.columns() - 1);
    terminal.write(`\r\x1b[K${line}${this.#isOver ? "\n" : ""}`);
  }
}

/** "38% 244/640 MiB 21.3 MiB/s 19 s left" */
function progressText(done: number, total: number | null, bytesPerSecond: number) {
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  const rate = bytesPerSecond > 0 ? [`${(bytesPerSecond / 2 ** 20).toFixed(1)} MiB/s`] : [];
  if (total === null) return { share: null, figures: [`${mib(done)} MiB`, ...rate].join(" ") };
  const share = total === 0 ? 1 : done / total;
  const left = bytesPerSecond > 0 && done < total ? (total - done) / bytesPerSecond : null;
  const eta = left === null ? [] : [`${durationText(left)} left`];
  const percent = `${Math.floor(100 * share)}%`;
  return { share, figures: [percent, `${mib(done)}/${mib(total)} MiB`, ...rate, ...eta].join(" ") };
}

/** "19 s", "3 min 05 s", "2 h 10 min" */
function durationText(seconds: number): string {
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
}
