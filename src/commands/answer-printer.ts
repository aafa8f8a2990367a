// Prints answers as they arrive. On a terminal, control characters in a model's output are removed.

import type { AnswerPiece } from "../client/answer-piece.ts";
import { AnswerTimer } from "../client/answer-timer.ts";
import { stdoutTerminal, type Terminal } from "../runtime/terminal.ts";

export interface PrintedAnswer {
  /** Generation speed for display; "" if the answer is empty. */
  readonly speed: string;
  /** Whether the answer was cut off at the maximum length. */
  readonly isCut: boolean;
  /** The finish reason, if it is neither "stop" nor "length"; otherwise null. */
  readonly otherEnd: string | null;
}

/** @param reason "abort", "content_filter", ... */
export const endedByServer = (reason: string): string => `the server ended the answer: ${reason}`;

/** Control characters except tab and line feed. */
const CONTROL = /[^\P{Cc}\t\n]/gu;

export class AnswerPrinter {
  readonly #terminal: Terminal;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#terminal = stdoutTerminal(env);
  }

  /** @param endsLine whether to end the output with a line feed */
  async print(answer: AsyncIterable<AnswerPiece>, endsLine: boolean): Promise<PrintedAnswer> {
    const timer = new AnswerTimer(() => performance.now());
    let last = "";
    let isThinking = false;
    let reason: string | null = null;
    try {
      for await (const piece of answer) {
        timer.read(piece);
        reason = piece.finishReason ?? reason;
        isThinking = this.#think(piece.reasoning) || isThinking;
        const text = this.#shown(piece.text);
        if (isThinking && text !== "") {
          this.#terminal.write("\n\n");
          isThinking = false;
        }
        this.#terminal.write(text);
        last = text || last;
      }
    } finally {
      if (endsLine && !last.endsWith("\n")) this.#terminal.write("\n");
    }
    const isCut = reason === "length";
    const otherEnd = isCut || reason === "stop" ? null : reason;
    return { speed: timer.summary(), isCut, otherEnd };
  }

  /** Prints a remark on a terminal, in gray if it supports color. */
  remark(text: string): void {
    if (!this.#terminal.canRedraw || text === "") return;
    this.#terminal.write(this.#terminal.hasColor ? `\x1b[2m${text}\x1b[0m\n` : `${text}\n`);
  }

  /**
   * Prints reasoning in gray; skips it on a terminal that has no color.
   * @returns whether any was printed
   */
  #think(reasoning: string): boolean {
    if (!this.#terminal.hasColor || reasoning === "") return false;
    this.#terminal.write(`\x1b[2m${this.#shown(reasoning)}\x1b[0m`);
    return true;
  }

  #shown(text: string): string {
    return this.#terminal.canRedraw ? text.replace(CONTROL, "") : text;
  }
}
