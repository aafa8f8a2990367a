// HTML report on a soak test: a summary table, and plots of the samples over time with the faults
// marked.

import { htmlPage, shownDate } from "../bench/output/page.ts";
import { escaped, OURS, PEER } from "../bench/output/svg.ts";
import { type Mark, timePlot } from "../bench/output/time-plot.ts";
import type { Sample } from "./soak-samples.ts";

export interface Soak {
  /** Date in ISO format. */
  readonly date: string;
  readonly samples: readonly Sample[];
  /** Summary values by name. */
  readonly summary: Readonly<Record<string, string>>;
}

/** Colors of the signals, in order of first occurrence. */
const MARK_COLORS = ["#e03131", "#9c36b5", "#2f9e44", "#f08c00", "#868e96"];

export function soakPage({ date, samples, summary }: Soak): string {
  const signals = [...new Set(samples.flatMap(({ faults }) => faults))];
  const colorOf = (signal: string) =>
    MARK_COLORS[signals.indexOf(signal) % MARK_COLORS.length] ?? "";
  const marks = samples.flatMap(({ timeS: atS, faults }) =>
    faults.map((signal) => ({ atS, color: colorOf(signal) })),
  );
  const rows = Object.entries(summary).map(
    ([name, value]) => `<tr><td>${escaped(name)}</td><td>${escaped(value)}</td></tr>`,
  );
  const legend = signals.map(
    (signal) => `<span style="color: ${colorOf(signal)}">&#9474;</span> ${escaped(signal)}`,
  );
  return htmlPage(
    `Pagoda soak, ${date.slice(0, 10)}`,
    `<h1>Pagoda under faults</h1>
<p class="quiet">${escaped(shownDate(date))}</p>
<table>${rows.join("")}</table>
<h2>Over time</h2>
<p>Signals to the engine: ${legend.join(" &nbsp; ") || "none"}</p>
${plots(samples, marks).join("\n")}`,
  );
}

function plots(samples: readonly Sample[], marks: readonly Mark[]): string[] {
  const timesS = samples.map(({ timeS }) => timeS);
  const plot = (title: string, unit: string, ...keys: readonly [NumberKey, string][]) => {
    const series = keys.map(([key, name], i) => ({
      name,
      color: i === 0 ? OURS : PEER,
      values: samples.map((sample) => sample[key]),
    }));
    return timePlot({ title, unit, timesS, series, marks });
  };
  return [
    plot("Front-end resident memory", "MiB", ["frontMib", "front"]),
    plot("Engine resident memory", "MiB", ["engineMib", "engine"]),
    plot("Open descriptors", "number", ["frontFds", "front"], ["engineFds", "engine"]),
    plot("KV blocks in use", "number", ["blocks", "blocks"]),
    plot("Slowest one-token response", "ms", ["answerMs", "answer"]),
  ];
}

type NumberKey = Exclude<keyof Sample, "faults">;
