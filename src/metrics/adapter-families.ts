// LoRA adapters of live requests, for routers that prefer a server where a request's adapter already runs.

import { type MetricFamily, onStep } from "./family.ts";

export const ADAPTER_FAMILIES: readonly MetricFamily[] = [
  {
    name: "vllm:lora_requests_info",
    type: "gauge",
    help: "Running stats on lora requests.",
    common: [],
    labels: ["max_lora", "running_lora_adapters", "waiting_lora_adapters"].map((name) => ({
      name,
      values: null,
    })),
    since: "0.6.4",
    enabledBy: "lora",
    meaning:
      "Unix time of the last step. The labels list the adapters of running requests and of waiting requests, separated by commas, and the value of --max-loras. There is only one series; each step replaces it.",
    alert: "Gateways route requests to a server that already runs their adapter.",
    source: onStep(({ scheduler, info, nowS }, sink) => {
      const { running = [], waiting = [] } = scheduler.adapters ?? {};
      sink.replace(nowS, String(info.maxLoras), running.join(","), waiting.join(","));
    }),
  },
];
