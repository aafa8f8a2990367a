// Prints answers as they come. On a terminal what a model writes is text and never a control sequence.

import type { AnswerPiece } from "../client/answer-piece.ts";
import { AnswerTimer } from "../client/answer-timer.ts";
import { stdoutTerminal, type Terminal } from "../runtime/terminal.ts";

export interface PrintedAnswer {
  /** Speed in words; "" when nothing came. */
  readonly speed: string;
  /** Whether the model would have gone on. */
  readonly isCut: boolean;
  /** Why the server ended the answer, unless that is its natural end or its length. */
  readonly otherEnd: string | null;
}

/** @param reason "abort", "content_filter", ... */
export const endedByServer = (reason: string): string =>
  `the server has ended the answer: ${reason}`;

/** All but tab and line feed. */
const CONTROL = /[^\P{Cc}\t\n]/gu;

export class AnswerPrinter {
  readonly #terminal: Terminal;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#terminal = stdoutTerminal(env);
  }

  /** @param endsLine whether to add a line end if the answer has none */
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

  /** In grey, where there are colours. */
  remark(text: string): void {
    if (!this.#terminal.canRedraw || text === "") return;
    this.#terminal.write(this.#terminal.hasColor ? `\x1b[2m${text}\x1b[0m\n` : `${text}\n`);
  }

  /** In grey, and only where grey tells it from the answer. @returns whether any was shown */
  #think(reasoning: string): boolean {
    if (!this.#terminal.hasColor || reasoning === "") return false;
    this.#terminal.write(`\x1b[2m${this.#shown(reasoning)}\x1b[0m`);
    return true;
  }

  #shown(text: string): string {
    return this.#terminal.canRedraw ? text.replace(CONTROL, "") : text;
  }
}
