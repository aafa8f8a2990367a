// Python's metrics client. It is what our exposition must equal, so whatever can be asked of it is not worked
// out here.

import type { MetricType } from "../../src/metrics/family.ts";
import { PythonProgram } from "./python-program.ts";

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

/** 16 hex digits, most significant first; every NaN is one. */
export function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Number.isNaN(value) ? Number.NaN : value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

export class PythonClient {
  readonly #program = new PythonProgram("python-client.py");

  expose(families: readonly PythonFamily[], createdSeries: boolean): Promise<PythonTexts> {
    return this.#program.ask("expose", families, createdSeries);
  }

  /** @throws Error with the parser's word when it refuses the text */
  parse(format: ExpositionFormat, text: string): Promise<ParsedFamily[]> {
    return this.#program.ask("parse", format, text);
  }

  /** What the client's own server would answer in. */
  negotiate(accept: string): Promise<{ format: ExpositionFormat; contentType: string }> {
    return this.#program.ask("negotiate", accept);
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
