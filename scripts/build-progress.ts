// Condenses the build tool's output into occasional progress lines, and extracts the errors if
// it fails.

const TAIL_LINES = 60;

export class BuildProgress {
  readonly #show: (line: string) => void;
  readonly #nowMs: () => number;
  readonly #intervalMs: number;
  readonly #tail: string[] = [];
  #rest = "";
  #shownMs = Number.NEGATIVE_INFINITY;

  /** Shows a line every second on a terminal, and every 10 s otherwise. */
  constructor(
    show: (line: string) => void,
    options: { nowMs?: () => number; isTerminal?: boolean } = {},
  ) {
    const { nowMs = () => performance.now(), isTerminal = process.stderr.isTTY === true } = options;
    this.#show = show;
    this.#nowMs = nowMs;
    this.#intervalMs = isTerminal ? 1_000 : 10_000;
  }

  /** @param text next part of the output, which can be split anywhere */
  read(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#readLine(line.trimEnd());
  }

  /** @returns up to three lines with errors; if there are none, the last three lines */
  fault(): string {
    const lines = this.#rest === "" ? this.#tail : [...this.#tail, this.#rest];
    const errors = lines.filter((line) => /\b(error|fatal)\b/i.test(line)).slice(0, 3);
    return (errors.length > 0 ? errors : lines.slice(-3)).join(" | ");
  }

  #readLine(line: string): void {
    if (line === "") return;
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    const text = progressText(line);
    if (text === null || this.#nowMs() - this.#shownMs < this.#intervalMs) return;
    this.#shownMs = this.#nowMs();
    this.#show(text);
  }
}

/** Parses ninja's `[41/213] ...` and make's `[ 19%] ...`. */
function progressText(line: string): string | null {
  const steps = /^\[\s*(\d+)\/(\d+)\]/.exec(line);
  if (steps !== null) {
    const [done = "", total = ""] = steps.slice(1);
    const percent = Math.floor((100 * Number(done)) / Number(total));
    return `[${done.padStart(total.length)}/${total}] building ${percent}%`;
  }
  const percent = /^\[\s*(\d+)%\]/.exec(line);
  return percent === null ? null : `building ${percent[1]}%`;
}
