// Runs a Python program from this folder in its own process. Requests are lines of JSON: an array in,
// {"result"} or {"error"} out.

import { join } from "node:path";
import { Checkout } from "../../scripts/checkout.ts";
import { API_CLIENTS, COMPARISONS, testPython } from "../../scripts/test-python.ts";
import { writeJson } from "../../src/json.ts";

/**
 * Path of a Python with the packages that tests compare with. If there is none, it is null, and these tests
 * are skipped.
 */
export const PYTHON = testPython(new Checkout(), COMPARISONS);

/** Path of a Python with the official API clients; null if there is none. */
export const CLIENTS_PYTHON = testPython(new Checkout(), API_CLIENTS);

/** Reports once per test file why some tests are skipped. */
export function sayIfPythonIsMissing(python = PYTHON): void {
  if (python !== null) return;
  console.log(
    "skipped tests that need Python packages: run `bun scripts/test-python.ts` to install them " +
      "or to see why that fails",
  );
}

export class PythonProgram {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  /** @param file name of the program in this folder */
  constructor(file: string, python = PYTHON) {
    const command = [python ?? "python3", join(import.meta.dir, file)];
    this.#process = Bun.spawn(command, { stdin: "pipe", stdout: "pipe" });
    this.#lines = linesOf(this.#process.stdout);
  }

  /** Sends one request at a time. @throws Error with the program's error message */
  async ask<T>(...question: readonly unknown[]): Promise<T> {
    this.#process.stdin.write(`${writeJson(question)}\n`);
    this.#process.stdin.flush();
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("Python has exited");
    const answer = JSON.parse(value) as { result: T } | { error: string };
    if ("error" in answer) throw new Error(answer.error);
    return answer.result;
  }

  async stop(): Promise<void> {
    this.#process.stdin.end();
    await this.#process.exited;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
