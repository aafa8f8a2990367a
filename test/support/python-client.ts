// Python's metrics client in a process of its own, asked by lines of JSON. It is what our exposition must
// equal, so whatever can be asked of it is not worked out here.

import { join } from "node:path";
import { Checkout } from "../../scripts/checkout.ts";
import { testPython } from "../../scripts/test-python.ts";
import type { MetricType } from "../../src/metrics/family.ts";

export type ExpositionFormat = "prometheus" | "openmetrics";

/** One series; its numbers as `bitsOf` gives them. */
export interface PythonSeries {
  /** Parallel to labelNames. */
  readonly labels: readonly string[];
  /** Counters and gauges. */
  readonly value?: string;
  /** Histograms: of each bucket by itself, the infinite one included. */
  readonly counts?: readonly number[];
  /** Summaries. */
  readonly count?: string;
  readonly sum?: string;
  /** Null = not told. */
  readonly created: string | null;
}

export interface PythonFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Without any there is one series exactly. */
  readonly labelNames: readonly string[];
  /** Histograms: upper bounds without infinity, >= 0. */
  readonly bounds: readonly string[];
  readonly series: readonly PythonSeries[];
  /** Its times of creation are told, unless that is switched off. */
  readonly isCreated: boolean;
}

export interface PythonTexts {
  readonly text: string;
  /** For a reader that accepts names as they are. */
  readonly openMetrics: string;
  /** For a reader that says nothing of names. */
  readonly openMetricsByDefault: string;
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As `bitsOf` gives it. */
  readonly value: string;
}

/** Path of a Python that has the client; null where the tests go on without. */
export const PYTHON = testPython(new Checkout());

/** Tells once in each file of tests why some are skipped. */
export function sayIfPythonIsMissing(): void {
  if (PYTHON !== null) return;
  console.log(
    "skipped what needs Python's metrics client: `bun scripts/test-python.ts` installs it, " +
      "or says why it cannot",
  );
}

/** 16 hex digits, most significant first; every NaN is one. */
export function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Number.isNaN(value) ? Number.NaN : value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

export class PythonClient {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const program = join(import.meta.dir, "python-client.py");
    this.#process = Bun.spawn([PYTHON ?? "python3", program], { stdin: "pipe", stdout: "pipe" });
    this.#lines = linesOf(this.#process.stdout);
  }

  expose(families: readonly PythonFamily[], createdSeries: boolean): Promise<PythonTexts> {
    return this.#ask("expose", families, createdSeries);
  }

  /** @throws Error with the parser's word when it refuses the text */
  parse(format: ExpositionFormat, text: string): Promise<ParsedFamily[]> {
    return this.#ask("parse", format, text);
  }

  /** What the client's own server would answer in. */
  negotiate(accept: string): Promise<{ format: ExpositionFormat; contentType: string }> {
    return this.#ask("negotiate", accept);
  }

  async stop(): Promise<void> {
    this.#process.stdin.end();
    await this.#process.exited;
  }

  /** One question at a time. */
  async #ask<T>(...call: readonly unknown[]): Promise<T> {
    this.#process.stdin.write(`${JSON.stringify(call)}\n`);
    this.#process.stdin.flush();
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("Python has ended");
    const answer = JSON.parse(value) as { result: T } | { error: string };
    if ("error" in answer) throw new Error(answer.error);
    return answer.result;
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
