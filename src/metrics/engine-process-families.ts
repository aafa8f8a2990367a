// Families of our own, for what vLLM does not have: an engine that the server outlives. Their names begin
// with ours, so that none can be taken for one of vLLM's.

import { type MetricFamily, onRestart, onScrape } from "./family.ts";

export const ENGINE_PROCESS_FAMILIES: readonly MetricFamily[] = [
  {
    name: "pagoda_engine_up",
    type: "gauge",
    help: "1 while the engine takes requests, 0 while it is down or starts again.",
    since: "ours",
    enabledBy: "always",
    meaning: "As `/health` has it, but for a server that is stopping. An engine that sleeps is up.",
    alert: "0 for a minute: the engine cannot start, its last words are in the log.",
    source: onScrape(({ isEngineUp }, sink) => sink.set(isEngineUp ? 1 : 0)),
  },
  {
    name: "pagoda_engine_restarts",
    type: "counter",
    help: "Number of times the engine came back after it had died or was killed for a hang.",
    since: "ours",
    enabledBy: "log-stats",
    meaning: "+1 when a new engine takes requests in place of a dead one. 0 with `--in-process`.",
    alert: "`increase(pagoda_engine_restarts_total[15m]) > 1`.",
    source: onRestart((sink) => sink.add(1)),
  },
];
