// Prints a result in the format of `vllm bench serve`, so the two can be compared.

import type { LatencyMetric, ServingResult } from "./serving-result.ts";

const WIDTH = 50;

const LATENCIES: readonly (readonly [LatencyMetric, string, string])[] = [
  ["ttft", "Time to First Token", "TTFT"],
  ["tpot", "Time per Output Token (excl. 1st token)", "TPOT"],
  ["itl", "Inter-token Latency", "ITL"],
];

export function resultText(result: ServingResult): string {
  const counts: [string, string][] = [
    ["Successful requests:", String(result.completed)],
    ["Failed requests:", String(result.failed)],
    ["Benchmark duration (s):", result.duration.toFixed(2)],
    ["Total input tokens:", String(result.total_input_tokens)],
    ["Total generated tokens:", String(result.total_output_tokens)],
    ["Request throughput (req/s):", result.request_throughput.toFixed(2)],
    ["Output token throughput (tok/s):", result.output_throughput.toFixed(2)],
    ["Peak output token throughput (tok/s):", result.max_output_tokens_per_s.toFixed(2)],
    ["Total Token throughput (tok/s):", result.total_token_throughput.toFixed(2)],
  ];
  return [
    titled("Serving Benchmark Result", "="),
    ...counts.map(row),
    ...LATENCIES.flatMap(([metric, title, name]) => [
      titled(title, "-", ""),
      row([`Mean ${name} (ms):`, result[`mean_${metric}_ms`].toFixed(2)]),
      row([`Median ${name} (ms):`, result[`median_${metric}_ms`].toFixed(2)]),
      row([`P99 ${name} (ms):`, result[`p99_${metric}_ms`].toFixed(2)]),
    ]),
    "=".repeat(WIDTH),
  ].join("\n");
}

function row([name, value]: readonly [string, string]): string {
  return `${name.padEnd(41)}${value}`;
}

function titled(title: string, line: string, space = " "): string {
  const text = space + title + space;
  const left = Math.floor((WIDTH - text.length) / 2);
  return line.repeat(left) + text + line.repeat(WIDTH - text.length - left);
}
