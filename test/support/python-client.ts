// Python's metrics client. Pagoda's exposition must equal its output, so expected values are taken from it
// instead of being recomputed here.

import type { MetricType } from "../../src/metrics/family.ts";
import { PythonProgram } from "./python-program.ts";

export type ExpositionFormat = "prometheus" | "openmetrics";

/** One series, with its numbers encoded by `bitsOf`. */
export interface PythonSeries {
  /** Parallel to labelNames. */
  readonly labels: readonly string[];
  /** Counters and gauges. */
  readonly value?: string;
  /** Histograms: count of each bucket, not cumulative, with the infinite one. */
  readonly counts?: readonly number[];
  /** Summaries. */
  readonly count?: string;
  readonly sum?: string;
  /** Null = not exposed. */
  readonly created: string | null;
}

export interface PythonFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Without labels there is exactly one series. */
  readonly labelNames: readonly string[];
  /** Histograms: upper bounds without infinity, >= 0. */
  readonly bounds: readonly string[];
  readonly series: readonly PythonSeries[];
  /** Has creation times, which are exposed unless they are switched off. */
  readonly isCreated: boolean;
}

export interface PythonTexts {
  readonly text: string;
  /** For a scraper that accepts names unescaped. */
  readonly openMetrics: string;
  /** For a scraper that does not mention name escaping. */
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
  /** Encoded by `bitsOf`. */
  readonly value: string;
}

/** 16 hex digits, most significant first; all NaNs are encoded alike. */
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

  /** @throws Error with the parser's message when it refuses the text */
  parse(format: ExpositionFormat, text: string): Promise<ParsedFamily[]> {
    return this.#program.ask("parse", format, text);
  }

  /** Content type that the client's own server would use. */
  negotiate(accept: string): Promise<{ format: ExpositionFormat; contentType: string }> {
    return this.#program.ask("negotiate", accept);
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
