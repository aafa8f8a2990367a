// The report: one file that needs no other, with the table, the ratios and the distributions of a run.

import { latencies } from "../../src/benchmark/serving-result.ts";
import type { Side, WorkloadRun } from "../compare/workload-run.ts";
import { type Cpu, kindName } from "../probe/cpu.ts";
import { distributionPlot, escaped, OURS, PEER, ratioPlot, type Series } from "./svg.ts";
import { HEAD, rowOf } from "./table.ts";
import { gateOf } from "./verdict.ts";

export interface Report {
  readonly runs: readonly WorkloadRun[];
  readonly cpu: Cpu;
  /** ISO. */
  readonly date: string;
}

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #212529; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin-bottom: 0.2rem; }
p, li { max-width: 46rem; } code { font-size: 0.85em; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 0.3rem 0.7rem 0.3rem 0; border-bottom: 1px solid #dee2e6; vertical-align: top; }
td { font-variant-numeric: tabular-nums; } svg { max-width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; } .quiet { color: #6c757d; }
.reached, .stretch { color: #2b8a3e; } .missed { color: #c92a2a; } .disturbed { color: #e67700; }
.ours::before, .peer::before { content: ""; display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.4em; }
.ours::before { background: ${OURS}; } .peer::before { background: ${PEER}; }`;

export function htmlReport({ runs, cpu, date }: Report): string {
  const models = [...new Set(runs.map(({ ours }) => ours.model))].join(", ");
  const machine = `${cpu.name}, ${cpu.numCpus} CPUs, ${kindName(cpu.kind)}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Pagoda bench, ${escaped(date.slice(0, 10))}</title><style>${STYLE}</style></head><body>
<h1>Pagoda bench</h1>
<p class="quiet">${escaped(date.slice(0, 16).replace("T", " "))} UTC · ${escaped(models)} · ${escaped(machine)}</p>
${table(runs, cpu)}
${ratios(runs, cpu)}
<h2>Latencies</h2>
<p><span class="ours">ours</span> &nbsp; <span class="peer">peer</span></p>
${runs.map(workloadSection).join("\n")}
<h2>Machine</h2>
<p>${escaped(machine)}; <code>${escaped(cpu.features.join(" "))}</code></p>
</body></html>
`;
}

function table(runs: readonly WorkloadRun[], cpu: Cpu): string {
  const head = HEAD.map((name) => `<th>${escaped(name)}</th>`).join("");
  const rows = runs.map((run) => {
    const row = rowOf(run, cpu.kind);
    const cells = row.map((cell, i) => {
      const isVerdict = i === row.length - 1;
      return `<td${isVerdict ? ` class="${escaped(cell)}"` : ""}>${escaped(cell)}</td>`;
    });
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function ratios(runs: readonly WorkloadRun[], cpu: Cpu): string {
  const bars = runs.flatMap(({ workload, peer }) => {
    if (peer === null) return [];
    const { ratio, gaveUp: isDisturbed } = peer.comparison;
    const gate = gateOf(workload, cpu.kind);
    const gates = { gate: gate?.gate ?? null, stretch: gate?.stretch ?? null };
    return [{ name: workload.id, ...ratio, ...gates, isDisturbed }];
  });
  if (bars.length === 0) return "";
  return `<h2>Ratio to the peer</h2>
<p>Median over pairs of slices, above 1x ours is better; whiskers are quartiles, red lines gate and stretch.
A pale bar comes from pairs of which too few were undisturbed.</p>
${ratioPlot(bars)}`;
}

function workloadSection({ workload, ours, peer }: WorkloadRun): string {
  const sides: [Side, string][] =
    peer === null
      ? [[ours, OURS]]
      : [
          [ours, OURS],
          [peer, PEER],
        ];
  const [ofOurs, ...ofPeer] = sides.map(([side, color]) => ({
    color,
    name: side.name,
    by: latencies(side.observed.flatMap(({ slice }) => slice.timelines)),
  }));
  const seriesOf = (metric: "ttft" | "itl"): Series[] =>
    [ofOurs, ...ofPeer].flatMap((one) =>
      one === undefined ? [] : [{ name: one.name, color: one.color, values: one.by[metric] }],
    );
  const flags = [ours, ...(peer === null ? [] : [peer])].map(
    (side) => `${escaped(side.name)}: <code>${escaped(side.flags ?? "flags not known")}</code>`,
  );
  return `<h3>${escaped(workload.id)} ${escaped(workload.title)}</h3>
<div class="plots">${distributionPlot("time to first token", seriesOf("ttft"))}${distributionPlot("inter-token latency", seriesOf("itl"))}</div>
<p class="quiet">${flags.join("<br>")}</p>`;
}
