// The text of /metrics, to the letter of Python's client: sorted labels, floats with a point, `_total`,
// `_created` families. Dashboards match texts like le="1.0", so the JS client's own text will not do.

import { formatNumber } from "./number-format.ts";
import type { FamilySnapshot, HistogramSample, Labels } from "./registry.ts";

export const CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8";

/** @param createdSeries print the `_created` families of counters and histograms */
export function expositionText(
  families: readonly FamilySnapshot[],
  createdSeries: boolean,
): string {
  const lines: string[] = [];
  for (const family of families) appendFamily(family, createdSeries, lines);
  return lines.map((line) => `${line}\n`).join("");
}

function appendFamily(family: FamilySnapshot, createdSeries: boolean, lines: string[]): void {
  const { name, type, help, samples, histograms } = family;
  const base = type === "counter" ? name.replace(/_total$/, "") : name;
  const sampleName = type === "counter" ? `${base}_total` : base;
  appendHead(sampleName, type, help, lines);
  for (const { labels, value } of samples) lines.push(sampleLine(sampleName, labels, value));
  for (const histogram of histograms) appendHistogram(name, histogram, lines);
  if (type === "gauge" || family.createdS === null || !createdSeries) return;
  appendHead(`${base}_created`, "gauge", help, lines);
  for (const { labels } of [...samples, ...histograms]) {
    lines.push(sampleLine(`${base}_created`, labels, family.createdS));
  }
}

function appendHistogram(name: string, histogram: HistogramSample, lines: string[]): void {
  const { labels, buckets, sum, count } = histogram;
  for (const [bound, cumulative] of buckets) {
    lines.push(sampleLine(`${name}_bucket`, { ...labels, le: formatNumber(bound) }, cumulative));
  }
  lines.push(sampleLine(`${name}_count`, labels, count));
  lines.push(sampleLine(`${name}_sum`, labels, sum));
}

function appendHead(name: string, type: string, help: string, lines: string[]): void {
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  lines.push(`# HELP ${name} ${escaped}`, `# TYPE ${name} ${type}`);
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
