// Terminal output: what a terminal supports, and lines on standard output and standard error.

import { writeSync } from "node:fs";
import { createInterface } from "node:readline/promises";

export interface Terminal {
  /** False for a pipe, a file or TERM=dumb, where nothing is redrawn. */
  readonly canRedraw: boolean;
  readonly hasColor: boolean;
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

type Env = Readonly<Record<string, string | undefined>>;

export function stderrTerminal(env: Env): Terminal {
  return terminalOf(process.stderr, env);
}

export function stdoutTerminal(env: Env): Terminal {
  return terminalOf(process.stdout, env);
}

/** Turns colors off if NO_COLOR has a value, which no-color.org asks for. */
function terminalOf(stream: NodeJS.WriteStream, env: Env): Terminal {
  const canRedraw = stream.isTTY === true && env["TERM"] !== "dumb";
  return {
    canRedraw,
    hasColor: canRedraw && !env["NO_COLOR"],
    columns: () => stream.columns || 80,
    write: (text) => void stream.write(text),
  };
}

/** Asks on standard error, which is visible even if standard output is redirected. @returns "" at the end of input */
export async function askLine(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  try {
    return await Promise.race([lines.question(question), ended]);
  } finally {
    lines.close();
  }
}

/** Prints a line to standard output. Errors reach onOutputError, unlike errors from Bun 1.4.5's console.log. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

const STDERR = 2;

/**
 * Writes a line to standard error synchronously. Bun's console.error makes every line red on a terminal. A
 * closed reader is not an error, since the program can continue without its log.
 */
export function printErrorLine(text: string): void {
  let bytes = Buffer.from(`${text}\n`);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(STDERR, bytes));
  } catch (error) {
    // Another process that shares the pipe made it non-blocking, and the pipe is full.
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") process.stderr.write(bytes);
  }
}

/** Calls `handler` when standard output fails: "EPIPE" if the reader has closed it, otherwise "ENOSPC", ... */
export function onOutputError(handler: (error: NodeJS.ErrnoException) => void): void {
  process.stdout.on("error", handler);
}

/** Waits until all output has left the process. Nothing can be written afterward. */
export async function flushOutput(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.end(() => resolve()));
  // Errors are reported after the stream has ended.
  await new Promise((resolve) => setImmediate(resolve));
}
