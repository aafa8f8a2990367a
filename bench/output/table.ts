// Text table for a run, with one row per workload.

import { medianOf } from "../../src/benchmark/statistics.ts";
import type { Side, WorkloadRun } from "../compare/workload-run.ts";
import type { CpuKind } from "../probe/cpu.ts";
import { gateOf, verdictOf } from "./verdict.ts";

/** Formats three significant digits, or more if the integer part is longer. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 3));
}

export const sideFigure = (side: Side) => medianOf(side.observed.map(({ figure }) => figure));

export const HEAD = [
  "workload",
  "metric",
  "server",
  "peer",
  "ratio [q1, q3]",
  "pairs",
  "gate",
  "verdict",
] as const;

export function rowOf(run: WorkloadRun, kind: CpuKind): string[] {
  const { workload, ours, peer } = run;
  const gate = gateOf(workload, kind);
  const stretch = gate?.stretch === undefined ? "" : ` / ${gate.stretch}`;
  return [
    `${workload.id} ${workload.title}`,
    workload.figure.name,
    shortNumber(sideFigure(ours)),
    peer === null ? "-" : shortNumber(sideFigure(peer)),
    ratioText(run),
    peer === null ? "-" : `${peer.comparison.numCounted} of ${peer.comparison.pairs.length}`,
    workload.floor?.toString() ?? (gate === null ? "-" : `${gate.gate}${stretch}`),
    verdictOf(run, kind),
  ];
}

function ratioText({ peer }: WorkloadRun): string {
  if (peer === null) return "-";
  const { median, q1, q3 } = peer.comparison.ratio;
  return `${shortNumber(median)} [${shortNumber(q1)}, ${shortNumber(q3)}]`;
}

/** Pads columns to their widest cell. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const numColumns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: numColumns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lineOf = (row: readonly string[]) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return rows.map((row) => lineOf(row).trimEnd()).join("\n");
}
