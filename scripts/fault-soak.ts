// Sends signals, one at a time, to a real server's engine while it streams, and checks that
// every request and token is accounted for. Reports memory, descriptors, blocks and latency as CSV
// and as a page with plots. Exits with 1 if a request or token was lost or resource use has grown.
//
//   bun scripts/fault-soak.ts [--faults 20] [--every 5] [--signals SIGSEGV,SIGKILL] [--report FILE]

import { constants } from "node:os";
import { medianOf } from "../src/benchmark/statistics.ts";
import { printErrorLine } from "../src/runtime/terminal.ts";
import { Ledger } from "../test/support/ledger.ts";
import { childrenOf, enginePid, isAlive } from "../test/support/processes.ts";
import { change, readMetrics, startServer, untilIdle } from "../test/support/server-process.ts";
import { Checkout } from "./checkout.ts";
import { refuseArguments, scriptArguments } from "./script-arguments.ts";
import { soakPage } from "./soak-page.ts";
import { CSV_HEAD, csvRow, type Sample, SoakSampler } from "./soak-samples.ts";
import { quarters, soakFaults } from "./soak-verdict.ts";

const NUM_STREAMS = 16;
const TOKENS = "vllm:generation_tokens_total{}";
const FLAGS = [
  ...["--kv-cache-memory-bytes", "256M", "--max-engine-deaths", "0"],
  // A stopped engine counts as hung after two seconds.
  ...["--engine-step-timeout", "2"],
];
const SAMPLE_MS = 500;
/** Time without faults before the first fault and after the last one. */
const CALM_MS = 5_000;
const AFTER_REFUSAL_MS = 100;
/**
 * Maximum time until the engine is back, which exceeds the longest restart delay plus the load time.
 */
const MAX_AWAY_MS = 60_000;

const USAGE = `bun scripts/fault-soak.ts [--faults 20] [--every 5] [--signals SIGSEGV,SIGKILL] [--report FILE]
Send each signal in turn to a real server's engine while it streams, some seconds after it has recovered
from the previous signal. Record what clients see as CSV on standard output and as a page with plots in --report.`;

const { values: options } = scriptArguments(USAGE, {
  options: {
    faults: { type: "string", default: "20" },
    /** Seconds between recovery and the next fault. */
    every: { type: "string", default: "5" },
    signals: { type: "string", default: "SIGSEGV,SIGKILL,SIGABRT,SIGSTOP" },
    report: { type: "string", default: new Checkout().path("build", "fault-soak.html") },
  },
});
const signals = options.signals.split(",") as NodeJS.Signals[];
const unknown = signals.find((signal) => !(signal in constants.signals));
if (unknown !== undefined) refuseArguments(`unknown signal ${unknown}`);
const numFaults = Number(options.faults);
if (!Number.isSafeInteger(numFaults) || numFaults < 0)
  refuseArguments(`--faults must be a whole number, got ${options.faults}`);
const everyS = Number(options.every);
if (!(everyS >= 0 && everyS < 1e6))
  refuseArguments(`--every must be a number of seconds, got ${options.every}`);

const server = await startServer(FLAGS);
const { url } = server;
const ledger = new Ledger(url);
const sampler = new SoakSampler(server, ledger);
const before = await readMetrics(url);
const samples: Sample[] = [];
const awayMs: number[] = [];
let newFaults: string[] = [];
let isOver = false;

/** Requests streams of varying lengths, one after another. */
async function client(index: number): Promise<void> {
  for (let i = index; !isOver; i++) {
    const maxTokens = 50 + ((i * 7919) % 300);
    const outcome = await ledger.run({ maxTokens, stream: true });
    if (outcome === "refused") await Bun.sleep(AFTER_REFUSAL_MS);
  }
}

async function sample(): Promise<void> {
  const faults = newFaults;
  newFaults = [];
  const one = await sampler.take(faults);
  samples.push(one);
  console.log(csvRow(one));
}

async function sampleRepeatedly(): Promise<void> {
  for (; !isOver; await Bun.sleep(SAMPLE_MS)) await sample();
}

/** Sends the signal and waits until a new engine accepts requests. */
async function fault(signal: NodeJS.Signals): Promise<void> {
  const pid = enginePid(server);
  process.kill(pid, signal);
  newFaults.push(signal);
  const startMs = performance.now();
  const isReplaced = () =>
    childrenOf(server.process.pid).some((child) => child !== pid && isAlive(child));
  const isBack = async () => isReplaced() && (await fetch(`${url}/health`)).status === 200;
  while (!(await isBack())) {
    if (performance.now() - startMs > MAX_AWAY_MS)
      throw new Error(`${signal}: the engine did not come back`);
    await Bun.sleep(5);
  }
  awayMs.push(performance.now() - startMs);
}

console.log(CSV_HEAD);
const load = [
  ...Array.from({ length: NUM_STREAMS }, (_, i) => client(i)),
  ...[sampler.probe(), sampleRepeatedly()],
];
await Bun.sleep(CALM_MS);
for (let i = 0; i < numFaults; i++) {
  await fault(signals[i % signals.length] ?? "SIGKILL");
  await Bun.sleep(everyS * 1000);
}
await Bun.sleep(CALM_MS);
isOver = true;
sampler.end();
await Promise.all(load);
const numCounted = change(before, await untilIdle(url), TOKENS);
await sample();
server.process.kill("SIGTERM");
const exitCode = await server.process.exited;

const { finished, failed, refused, lost } = ledger.outcomes;
const end = {
  ...{ outcomes: ledger.outcomes, numReceived: ledger.numTokens, numCounted, numFaults, exitCode },
  // The clients are the streams plus the probe.
  numClients: NUM_STREAMS + 1,
};
const faults = soakFaults(end, samples);
const frontMib = quarters(samples, "frontMib").map((mib) => mib.toFixed(1));
const summary = {
  verdict: faults.join("; ") || "nothing was lost and nothing has grown",
  faults: `${numFaults}, ${signals.join(", ")} in turn, each ${options.every} s after recovery from the previous one`,
  load: `${NUM_STREAMS} streams of 50 to 349 tokens, plus requests of one token`,
  "time until the engine was back": `${medianOf(awayMs).toFixed(0)} ms median, ${Math.max(0, ...awayMs).toFixed(0)} ms maximum`,
  requests: `${finished} finished, ${failed} ended with an error, ${refused} refused, ${lost} lost`,
  tokens: `${ledger.numTokens} received, ${numCounted} counted by the server`,
  "front-end resident memory": `${frontMib.join(" -> ")} MiB, medians of the first and last quarter`,
  "blocks in use at the end": String(samples.at(-1)?.blocks),
};
for (const loss of ledger.losses) printErrorLine(`lost: ${loss}`);
for (const [name, value] of Object.entries(summary)) printErrorLine(`${name}: ${value}`);
await Bun.write(options.report, soakPage({ date: new Date().toISOString(), samples, summary }));
printErrorLine(`plots: ${options.report}`);
process.exit(faults.length === 0 ? 0 : 1);
