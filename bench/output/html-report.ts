// HTML report: one self-contained file with the table, the ratios and the distributions of a run.

import { latencies } from "../../src/benchmark/serving-result.ts";
import type { Side, WorkloadRun } from "../compare/workload-run.ts";
import { type Cpu, kindName } from "../probe/cpu.ts";
import { htmlPage, shownDate } from "./page.ts";
import { distributionPlot, escaped, OURS, PEER, ratioPlot, type Series } from "./svg.ts";
import { HEAD, rowOf } from "./table.ts";
import { gateOf } from "./verdict.ts";

export interface Report {
  readonly runs: readonly WorkloadRun[];
  readonly cpu: Cpu;
  /** ISO format. */
  readonly date: string;
}

export function htmlReport({ runs, cpu, date }: Report): string {
  const models = [...new Set(runs.map(({ ours }) => ours.model))].join(", ");
  const machine = `${cpu.name}, ${cpu.numCpus} CPUs, ${kindName(cpu.kind)}`;
  const facts = [shownDate(date), models, machine].map(escaped).join(" · ");
  return htmlPage(
    `Pagoda bench, ${date.slice(0, 10)}`,
    `<h1>Pagoda bench</h1>
<p class="quiet">${facts}</p>
${table(runs, cpu)}
${ratios(runs, cpu)}
<h2>Latencies</h2>
<p><span class="ours">server</span> &nbsp; <span class="peer">peer</span></p>
${runs.map(workloadSection).join("\n")}
<h2>Machine</h2>
<p>${escaped(machine)}; <code>${escaped(cpu.features.join(" "))}</code></p>`,
  );
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
<p>Bars show medians over pairs of slices; above 1x, the server beats the peer. Whiskers show quartiles; red lines mark the gate and the stretch goal. A bar is pale if too few pairs were undisturbed.</p>
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
    (side) => `${escaped(side.name)}: <code>${escaped(side.flags ?? "flags unknown")}</code>`,
  );
  return `<h3>${escaped(workload.id)} ${escaped(workload.title)}</h3>
<div class="plots">${distributionPlot("time to first token", seriesOf("ttft"))}${distributionPlot("inter-token latency", seriesOf("itl"))}</div>
<p class="quiet">${flags.join("<br>")}</p>`;
}
