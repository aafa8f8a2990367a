// Names of all series that the server can expose, from the catalog, or that Prometheus itself generates.

import { CATALOG } from "../../src/metrics/catalog.ts";
import { recordedNames } from "./deploy-files.ts";

const SUFFIXES = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["_sum", "_count"],
} as const;

/** Series that Prometheus itself generates. */
const OF_PROMETHEUS = ["up", "ALERTS"];

export function knownSeries(): Set<string> {
  const families = CATALOG.flatMap(({ name, type }) => {
    const base = type === "counter" ? name.replace(/_total$/, "") : name;
    return SUFFIXES[type].map((suffix) => base + suffix);
  });
  return new Set([...families, ...recordedNames(), ...OF_PROMETHEUS]);
}
