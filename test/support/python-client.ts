// Python's metrics client. Pagoda's exposition must match that client's output, so expected values are taken
// from the client instead of being recomputed here.

import type { MetricType } from "../../src/metrics/family.ts";
import { PythonProgram } from "./python-program.ts";

export type ExpositionFormat = "prometheus" | "openmetrics";

/** One series, with its numbers encoded by `bitsOf`. */
export interface PythonSeries {
  /** Label values, parallel to labelNames. */
  readonly labels: readonly string[];
  /** Value of a counter or gauge. */
  readonly value?: string;
  /** Counts of a histogram's buckets, not cumulative, including the infinite bucket. */
  readonly counts?: readonly number[];
  /** Count of a summary. */
  readonly count?: string;
  readonly sum?: string;
  /** Creation time; null = not exposed. */
  readonly created: string | null;
}

export interface PythonFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Label names. A family without labels has exactly one series. */
  readonly labelNames: readonly string[];
  /** Upper bounds of a histogram's buckets, >= 0, without infinity. */
  readonly bounds: readonly string[];
  readonly series: readonly PythonSeries[];
  /** Whether the family has creation times, which are exposed unless switched off. */
  readonly isCreated: boolean;
}

export interface PythonTexts {
  readonly text: string;
  /** Text for a scraper that accepts unescaped names. */
  readonly openMetrics: string;
  /** Text for a scraper that does not specify name escaping. */
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

/** Encodes as 16 hex digits, most significant first; all NaNs have the same encoding. */
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

  /** @throws Error with the parser's message if it rejects the text */
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
