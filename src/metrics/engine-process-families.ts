// Metric families that vLLM does not have, for an engine that can crash and restart while the server
// runs. The prefix `pagoda_` distinguishes them from vLLM's.

import { type MetricFamily, onRestart, onScrape } from "./family.ts";

export const ENGINE_PROCESS_FAMILIES: readonly MetricFamily[] = [
  {
    name: "pagoda_engine_up",
    type: "gauge",
    help: "1 while the engine accepts requests, 0 while it is down or restarting.",
    since: "Pagoda",
    enabledBy: "always",
    meaning: "Same as `/health`, except while the server is stopping. A sleeping engine is up.",
    alert: "0 for a minute: the engine cannot start; see the end of the log.",
    source: onScrape(({ isEngineUp }, sink) => sink.set(isEngineUp ? 1 : 0)),
  },
  {
    name: "pagoda_engine_restarts",
    type: "counter",
    help: "Number of times the engine was restarted after a crash or a hang.",
    since: "Pagoda",
    enabledBy: "log-stats",
    meaning:
      "+1 when a new engine replaces one that crashed or hung. Always 0 with `--in-process`.",
    alert: "`increase(pagoda_engine_restarts_total[15m]) > 1`.",
    source: onRestart((sink) => sink.add(1)),
  },
];
