// Kills the engine of a real server again and again amid 16 streams, and prints what it comes to: whether
// the client's books balance, how long the engine was away, memory and descriptors of the front. CSV.
//
//   bun scripts/fault-soak.ts [number of kills, default 20] [signal, default SIGSEGV]

import { readdirSync } from "node:fs";
import { Ledger } from "../test/support/ledger.ts";
import { enginePid, residentBytesOf } from "../test/support/processes.ts";
import { change, readMetrics, startServer, untilIdle } from "../test/support/server-process.ts";

const NUM_STREAMS = 16;
const TOKENS = "vllm:generation_tokens_total{}";
const LIMITS = ["--kv-cache-memory-bytes", "256M", "--max-engine-deaths", "0"];
/** Before the kill, a stream. */
const MIN_TOKENS = 8;
const MIB = 1024 * 1024;

const [numKills = "20", signal = "SIGSEGV"] = process.argv.slice(2);

const server = await startServer(LIMITS);
const { url } = server;
const frontPid = server.process.pid;
const ledger = new Ledger(url);
const start = await readMetrics(url);

/** @returns ms until the front was back at work */
async function killOnce(): Promise<number> {
  const before = await readMetrics(url);
  const running = ledger.runMany(NUM_STREAMS, { maxTokens: 1500, stream: true });
  while (change(before, await readMetrics(url), TOKENS) < MIN_TOKENS * NUM_STREAMS) {
    await Bun.sleep(5);
  }
  process.kill(enginePid(server), signal as NodeJS.Signals);
  const killedMs = performance.now();
  await running;
  while ((await fetch(`${url}/health`)).status !== 200) await Bun.sleep(5);
  const awayMs = performance.now() - killedMs;
  await ledger.runMany(4, { maxTokens: 8, stream: true });
  return awayMs;
}

console.log(
  "kill,away ms,front RSS MiB,front descriptors,finished,failed,lost,tokens received,counted",
);
for (let kill = 1; kill <= Number(numKills); kill++) {
  const awayMs = await killOnce();
  const counted = change(start, await untilIdle(url), TOKENS);
  const rss = (residentBytesOf(frontPid) / MIB).toFixed(1);
  const fds = readdirSync(`/proc/${frontPid}/fd`).length;
  const { finished, failed, lost } = ledger.outcomes;
  const row = [kill, awayMs.toFixed(0), rss, fds, finished, failed, lost];
  console.log([...row, ledger.numTokens, counted].join());
}
for (const loss of ledger.losses) console.log(`lost: ${loss}`);
const isBalanced =
  ledger.outcomes.lost === 0 &&
  ledger.numTokens === change(start, await untilIdle(url), TOKENS) &&
  ledger.outcomes.failed === Number(numKills) * NUM_STREAMS;
server.process.kill("SIGTERM");
await server.process.exited;
console.log(isBalanced ? "balanced" : "NOT balanced");
process.exit(isBalanced ? 0 : 1);
