// Runs serving workloads: starts the servers that each workload needs, and prints the results.

import { statSync } from "node:fs";
import type { BenchArguments } from "./arguments.ts";
import { BenchError } from "./bench-error.ts";
import { bestPeer } from "./compare/best-peer.ts";
import type { Pair } from "./compare/pairs.ts";
import { type RunOptions, runAlone, runPairs, type WorkloadRun } from "./compare/workload-run.ts";
import { MODEL_PATH } from "./engine.ts";
import { htmlReport } from "./output/html-report.ts";
import { resultObject, saveResults, sideResult } from "./output/result-file.ts";
import { HEAD, rowOf, shortNumber, sideFigure, textTable } from "./output/table.ts";
import { type Cpu, type ForcedSet, heldTo, kindName, thisCpu } from "./probe/cpu.ts";
import { bestTops, type Limits, probe } from "./probe/probe.ts";
import { buildLlamaServer, startLlamaServer } from "./servers/llama-server.ts";
import { startPagoda } from "./servers/pagoda.ts";
import { type ServedModel, type Server, serverAt } from "./servers/server.ts";
import type { Slice, Workload } from "./workloads/workload.ts";

const say = (line: string) => console.log(line);

/** @throws BenchError when a server is missing or fails a workload */
export async function serving(
  workloads: readonly Workload[],
  options: BenchArguments,
): Promise<void> {
  const cpu = heldTo(thisCpu(), options.cpu);
  sayCpu(cpu, options.cpu);
  const servers = await Servers.open(options, cpu);
  const runs: WorkloadRun[] = [];
  try {
    for (const workload of workloads) runs.push(await servers.run(workload));
  } finally {
    await servers.close();
  }
  say(`\n${textTable([HEAD, ...runs.map((run) => rowOf(run, cpu.kind))])}`);
  const date = new Date().toISOString();
  if (options.saveResult !== null) {
    const results = runs.map((run) => resultObject(run, options.goodput, date));
    await saveResults(options.saveResult, results);
  }
  if (options.report !== null) await Bun.write(options.report, htmlReport({ runs, cpu, date }));
}

function sayCpu({ name, numCpus, kind, features }: Cpu, set: ForcedSet | null): void {
  say(`cpu       ${name}, ${numCpus} CPUs, ${kindName(kind)} (${features.join(" ")})`);
  if (set === null) return;
  say(`limit     ${set}: Pagoda through PAGODA_CPU=${set}, llama-server built without AVX512`);
}

/** Servers given by URL, and whether the peer can be started. */
interface Given {
  readonly ours: Server | null;
  readonly peer: Server | null;
  readonly hasLlamaServer: boolean;
}

/** Keeps Pagoda running as long as its flags stay the same; starts a new peer for each workload. */
class Servers {
  readonly #options: BenchArguments;
  readonly #cpu: Cpu;
  readonly #model: ServedModel;
  readonly #given: Given;
  #pagoda: { readonly server: Server; readonly flags: string } | null = null;

  private constructor(options: BenchArguments, cpu: Cpu, given: Given) {
    this.#options = options;
    this.#cpu = cpu;
    this.#model = { path: options.model ?? MODEL_PATH, cpu: options.cpu };
    this.#given = given;
  }

  static async open(options: BenchArguments, cpu: Cpu): Promise<Servers> {
    const { url, against, alone } = options;
    const ours = url === null ? null : await serverAt(url);
    const peer = against === null || alone ? null : await serverAt(against);
    const wantsLlamaServer = url === null && against === null && !alone;
    const hasLlamaServer = wantsLlamaServer && (await buildLlamaServer(options.cpu));
    if (wantsLlamaServer && !hasLlamaServer) say("peer      none: building llama-server failed");
    return new Servers(options, cpu, { ours, peer, hasLlamaServer });
  }

  async run(workload: Workload): Promise<WorkloadRun> {
    say(`\n${workload.id}  ${workload.title}`);
    const ours = this.#given.ours ?? (await this.#startPagoda(workload));
    say(`  server  ${ours.name} ${ours.flags ?? "(flags unknown)"}`);
    const peer = this.#given.peer ?? (await this.#startPeer(workload));
    const limits = await limitsNow(this.#cpu);
    const options = { ...this.#runOptions(), limits };
    if (peer === null) return this.#sayShare(sayAlone(await runAlone(workload, ours, options)));
    try {
      say(`  peer    ${peer.name} ${peer.flags ?? "(flags unknown)"}`);
      return this.#sayShare(sayPairs(await runPairs(workload, ours, peer, options)));
    } finally {
      if (peer !== this.#given.peer) await peer.stop();
    }
  }

  async close(): Promise<void> {
    await this.#pagoda?.server.stop();
  }

  async #startPagoda({ ownFlags = [] }: Workload): Promise<Server> {
    const flags = [...this.#options.serveFlags, ...ownFlags];
    const key = flags.join(" ");
    if (this.#pagoda?.flags !== key) {
      await this.#pagoda?.server.stop();
      this.#pagoda = { server: await startPagoda(this.#model, flags), flags: key };
    }
    return this.#pagoda.server;
  }

  async #startPeer(workload: Workload): Promise<Server | null> {
    const { url, alone, quick, serveFlags } = this.#options;
    if (url !== null || alone) return null;
    const { ourPeerFlags } = workload;
    if (ourPeerFlags !== undefined) {
      return startPagoda(this.#model, [...serveFlags, ...ourPeerFlags]);
    }
    if (workload.candidates.length === 0 || !this.#given.hasLlamaServer) return null;
    const { server } = await bestPeer(workload, {
      candidates: quick ? workload.candidates.slice(0, 1) : workload.candidates,
      start: (candidate) => startLlamaServer(this.#model, workload.room, candidate),
      onTrial: ({ name, figure }) => {
        const text = figure === null ? "failed" : `${shortNumber(figure)} ${workload.figure.name}`;
        say(`  tried   ${name}: ${text}`);
      },
    });
    return server;
  }

  /** Prints the bandwidth share of a server that the bench started; only then is the model's size known. */
  #sayShare(run: WorkloadRun): WorkloadRun {
    const { workload, limits, ours } = run;
    if (limits === null || workload.readsAllWeights !== true) return run;
    if (this.#given.ours !== null) return run;
    const ceiling = (limits.readGbs * 1e9) / statSync(this.#model.path).size;
    const share = (100 * sideFigure(ours)) / ceiling;
    say(
      `  share   ${share.toFixed(0)}% of the probed memory bandwidth, which allows ${ceiling.toFixed(0)} tok/s`,
    );
    return run;
  }

  #runOptions(): Omit<RunOptions, "limits"> {
    const { seed, pairs, slices } = this.#options;
    return { seed, pairs, slices, onPair: sayPair };
  }
}

const PROBE_MS = 50;

/** Prints the machine's current limits, so that figures from different days can be compared. */
async function limitsNow(cpu: Cpu): Promise<Limits | null> {
  try {
    const limits = await probe(navigator.hardwareConcurrency, PROBE_MS);
    const { readGbs } = limits;
    say(
      `  probe   int8 dot ${bestTops(limits, cpu).toFixed(2)} Tops, memory read ${readGbs.toFixed(0)} GB/s`,
    );
    return limits;
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    say(`  probe   none: ${error.message}`);
    return null;
  }
}

function sayPair({ a, b, ratio, discarded }: Pair<Slice>): void {
  const figures = `${shortNumber(a.figure)} / ${shortNumber(b.figure)}`;
  const client = Math.max(a.disturbance.client, b.disturbance.client);
  const others = Math.max(a.disturbance.others ?? Number.NaN, b.disturbance.others ?? Number.NaN);
  const share = (value: number) => (Number.isNaN(value) ? "?" : `${(100 * value).toFixed(0)}%`);
  const fate = discarded === null ? "" : `, discarded: ${discarded}`;
  const shares = `client ${share(client)} of the CPUs, others ${share(others)}`;
  say(`  pair    ${figures} = ${shortNumber(ratio)} (${shares}${fate})`);
}

function sayPairs(run: WorkloadRun): WorkloadRun {
  if (run.peer === null) return run;
  const { numCounted, pairs, gaveUp } = run.peer.comparison;
  if (gaveUp) {
    say(
      `  gave up after ${pairs.length} pairs: ${numCounted} undisturbed; the ratio includes all pairs`,
    );
  } else if (numCounted < pairs.length) {
    say(`  ${pairs.length - numCounted} of ${pairs.length} pairs discarded as disturbed`);
  }
  sayNotes(run);
  return run;
}

/** Prints the most important lines of `vllm bench serve`, for a server without a peer. */
function sayAlone(run: WorkloadRun): WorkloadRun {
  const result = sideResult(run.ours, null);
  for (const metric of ["ttft", "tpot", "itl", "e2el"] as const) {
    const [p50, p90, p99] = ([50, 90, 99] as const).map((p) => result[`p${p}_${metric}_ms`]);
    const figures = [p50, p90, p99].map((value) => shortNumber(value ?? Number.NaN)).join(" / ");
    say(`  ${metric.padEnd(7)} p50 / p90 / p99 ${figures} ms`);
  }
  say(`  output  ${shortNumber(result.output_throughput)} tok/s, ${result.failed} failed`);
  const shares = run.ours.observed.map(({ disturbance }) => disturbance.client);
  say(`  client  up to ${(100 * Math.max(...shares)).toFixed(0)}% of the CPUs`);
  sayNotes(run);
  return run;
}

function sayNotes({ ours, peer }: WorkloadRun): void {
  for (const side of peer === null ? [ours] : [ours, peer]) {
    const notes = Object.entries(side.observed.at(-1)?.slice.notes ?? {});
    const text = notes.map(([name, value]) => `${name} ${shortNumber(value)}`).join(", ");
    if (text !== "") say(`  ${side.name}: ${text}`);
  }
}
