// Reads lines from standard input: from a terminal, with a prompt, a history and Ctrl-C events, or from a
// pipe.

import { createInterface, type Interface, type ReadLineOptions } from "node:readline";
import { ConfigError } from "../errors.ts";
import { fileFault } from "./file-fault.ts";

/**
 * Time without input from a pipe before a notice, since scripts and services can leave unused pipes open.
 */
const SILENCE_MS = 2_000;

/**
 * Joins piped input, if any, and text from the command line.
 * @param log receives a line if the pipe does not end
 */
export async function withInput(text: string, log: (line: string) => void): Promise<string> {
  if (process.stdin.isTTY === true) return text;
  const notify = () => log("waiting for standard input to end; use `< /dev/null` for no input");
  const timer = setTimeout(notify, SILENCE_MS);
  const piped = await pipedText();
  clearTimeout(timer);
  return piped === "" ? text : `${piped}\n${text}`;
}

/**
 * Reads a pipe to its end. The text is unchanged, including its line endings, except that the last
 * one is removed.
 * @throws ConfigError "invalid_option" for input that cannot be read or is not UTF-8
 */
export async function pipedText(): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of process.stdin) chunks.push(chunk);
  } catch (cause) {
    throw unreadable(cause);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
    return text.replace(/\r?\n$/, "");
  } catch (cause) {
    throw new ConfigError("invalid_option", "standard input is not valid UTF-8", { cause });
  }
}

function unreadable(cause: unknown): ConfigError {
  const message = `standard input cannot be read: ${fileFault(cause)}`;
  return new ConfigError("invalid_option", message, { cause });
}

/** @throws ConfigError "invalid_option" for a standard input that cannot be read, such as a folder */
function linesOf(options: Pick<ReadLineOptions, "output" | "terminal" | "prompt">): Interface {
  try {
    return createInterface({ input: process.stdin, ...options });
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** Maximum interval between lines of one pasted text; nobody types that fast. */
const PASTE_GAP_MS = 30;

export class LineInput {
  readonly isTerminal = process.stdin.isTTY === true;
  readonly #lines: Interface;
  readonly #queue: string[] = [];
  #waiting: ((line: string | null) => void) | null = null;
  #isClosed = false;
  /** Lines of the text that is being pasted. */
  #pasted: string[] = [];
  #pasteTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(prompt: string) {
    const terminal = this.isTerminal;
    const output = terminal ? { output: process.stdout } : {};
    this.#lines = linesOf({ ...output, terminal, prompt });
    this.#lines.on("line", (line) => (terminal ? this.#collect(line) : this.#give(line)));
    this.#lines.on("close", () => {
      this.#endPaste();
      this.#isClosed = true;
      this.#give(null);
    });
  }

  #collect(line: string): void {
    this.#pasted.push(line);
    if (this.#pasteTimer !== null) clearTimeout(this.#pasteTimer);
    // Text left in the line editor is the last pasted line, which ends with Enter.
    this.#pasteTimer = setTimeout(() => this.#lines.line === "" && this.#endPaste(), PASTE_GAP_MS);
  }

  #endPaste(): void {
    if (this.#pasteTimer !== null) clearTimeout(this.#pasteTimer);
    const lines = this.#pasted.splice(0);
    if (lines.length > 0) this.#give(lines.join("\n"));
  }

  /**
   * Reads the next line; on a terminal, pasted text is one line with line feeds.
   * @returns null at the end of the input
   */
  next(): Promise<string | null> {
    const line = this.#queue.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#isClosed) return Promise.resolve(null);
    if (this.isTerminal) this.#lines.prompt();
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#waiting = resolve;
    return promise;
  }

  /** Handles Ctrl-C on a terminal; elsewhere, Ctrl-C stops the program. */
  onInterrupt(handler: () => void): void {
    if (!this.isTerminal) return;
    const interrupt = () => {
      this.#pasted = [];
      handler();
    };
    this.#lines.on("SIGINT", interrupt);
    process.on("SIGINT", interrupt);
  }

  /** Shows the prompt again after other output. */
  refresh(): void {
    if (this.isTerminal && this.#waiting !== null) this.#lines.prompt(true);
  }

  close(): void {
    this.#lines.close();
  }

  #give(line: string | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) waiting(line);
    else if (line !== null) this.#queue.push(line);
  }
}
