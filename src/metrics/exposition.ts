// The text of /metrics, exactly as Python's client prints it: sorted labels, floats with a decimal point,
// `_total` and `_created` families. Dashboards match strings like le="1.0", so the JS client's own output
// does not work.

import { formatNumber } from "./number-format.ts";
import type { FamilySnapshot, HistogramSample, Labels } from "./registry.ts";

export const CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8";
export const OPEN_METRICS_CONTENT_TYPE =
  "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** @param createdSeries whether to print the `_created` families of counters, histograms and summaries */
export function expositionText(
  families: readonly FamilySnapshot[],
  createdSeries: boolean,
): string {
  const lines: string[] = [];
  for (const family of families) appendFamily(family, createdSeries, lines);
  return textOf(lines);
}

/** Prints OpenMetrics 1.0: counter families have no `_total`, and `_created` is part of the family. */
export function openMetricsText(
  families: readonly FamilySnapshot[],
  createdSeries: boolean,
): string {
  const lines: string[] = [];
  for (const family of families) {
    appendHead(baseName(family), family.type, escapeLabel(family.help), lines);
    for (const series of seriesOf(family)) {
      appendSeries(family, series, lines);
      if (createdSeries) appendCreated(family, series, lines);
    }
  }
  lines.push("# EOF");
  return textOf(lines);
}

/** Removes `_total`, which a counter can be registered with or without. */
function baseName({ name, type }: FamilySnapshot): string {
  return type === "counter" ? name.replace(/_total$/, "") : name;
}

type Series = FamilySnapshot["samples"][number] | HistogramSample;

function seriesOf({ samples, histograms }: FamilySnapshot): readonly Series[] {
  return [...samples, ...histograms];
}

function appendFamily(family: FamilySnapshot, createdSeries: boolean, lines: string[]): void {
  const help = family.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const suffix = family.type === "counter" ? "_total" : "";
  appendHead(baseName(family) + suffix, family.type, help, lines);
  const series = seriesOf(family);
  for (const one of series) appendSeries(family, one, lines);
  const created = series.filter(({ createdS }) => createdS !== null);
  if (!createdSeries || created.length === 0) return;
  appendHead(`${baseName(family)}_created`, "gauge", help, lines);
  for (const one of created) appendCreated(family, one, lines);
}

function appendSeries(family: FamilySnapshot, series: Series, lines: string[]): void {
  const name = baseName(family);
  const { labels } = series;
  if ("value" in series) {
    const suffix = family.type === "counter" ? "_total" : "";
    lines.push(sampleLine(name + suffix, labels, series.value));
    return;
  }
  for (const [bound, cumulative] of family.type === "histogram" ? series.buckets : []) {
    const bucketLabels = { ...labels, le: formatNumber(bound) };
    lines.push(sampleLine(`${name}_bucket`, bucketLabels, cumulative));
  }
  lines.push(sampleLine(`${name}_count`, labels, series.count));
  lines.push(sampleLine(`${name}_sum`, labels, series.sum));
}

function appendCreated(family: FamilySnapshot, { labels, createdS }: Series, lines: string[]) {
  if (createdS !== null) lines.push(sampleLine(`${baseName(family)}_created`, labels, createdS));
}

function appendHead(name: string, type: string, help: string, lines: string[]): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
}

function sampleLine(name: string, labels: Labels, value: number): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}="${escapeLabel(labels[key] ?? "")}"`);
  const braces = pairs.length > 0 ? `{${pairs.join(",")}}` : "";
  return `${name}${braces} ${formatNumber(value)}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
