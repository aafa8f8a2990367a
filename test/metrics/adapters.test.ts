// vllm:lora_requests_info, and how a gateway reads it.

import { expect, test } from "bun:test";
import type { AdapterStats } from "../../src/protocol/stats.ts";
import { IDLE, INFO, makeMetrics } from "./fixtures.ts";

const info = { ...INFO, maxLoras: 4 };
const NAME = "vllm:lora_requests_info";

const linesOf = (text: string) => text.split("\n").filter((line) => line.includes(NAME));

/** Adapters that the Gateway API inference extension finds: it takes the series with the largest value. */
function gatewayView(text: string) {
  const series = linesOf(text)
    .filter((line) => !line.startsWith("#"))
    .map((line) => ({ line, value: Number(line.split("} ")[1]) }));
  const newest = series.sort((a, b) => b.value - a.value)[0]?.line ?? "";
  const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(newest)?.[1] ?? "";
  const namesIn = (list: string) => list.split(",").filter((name) => name !== "");
  return {
    active: namesIn(label("running_lora_adapters")),
    waiting: namesIn(label("waiting_lora_adapters")),
    maxActive: Number(label("max_lora")),
  };
}

function metricsAfter(...steps: readonly AdapterStats[]) {
  const metrics = makeMetrics({ info });
  for (const adapters of steps) metrics.record({ ...IDLE, adapters }, null);
  return metrics;
}

test("the family is absent if LoRA is off", async () => {
  expect(await makeMetrics().text()).not.toContain("lora");
});

test("before the first step, the family has no series", async () => {
  expect(linesOf(await makeMetrics({ info }).text())).toEqual([
    `# HELP ${NAME} Running stats on lora requests.`,
    `# TYPE ${NAME} gauge`,
  ]);
});

test("each step sets the time, with both lists as labels and without the common labels", async () => {
  const metrics = metricsAfter({ running: ["a", "b"], waiting: ["c"] });
  expect(linesOf(await metrics.text()).at(-1)).toBe(
    `${NAME}{max_lora="4",running_lora_adapters="a,b",waiting_lora_adapters="c"} 1.7000000005e+09`,
  );
});

test("a gateway finds running and waiting adapters, and only those from the last step", async () => {
  const metrics = metricsAfter(
    { running: ["a"], waiting: ["b"] },
    { running: ["b"], waiting: ["a", "c"] },
  );
  const text = await metrics.text();
  expect(linesOf(text)).toHaveLength(3);
  expect(gatewayView(text)).toEqual({ active: ["b"], waiting: ["a", "c"], maxActive: 4 });
});

test("the lists are empty if the engine is idle or restarting", async () => {
  const metrics = metricsAfter({ running: ["a"], waiting: [] }, { running: [], waiting: [] });
  expect(gatewayView(await metrics.text())).toEqual({ active: [], waiting: [], maxActive: 4 });
  metrics.record(IDLE, null);
  expect(gatewayView(await metrics.text())).toEqual({ active: [], waiting: [], maxActive: 4 });
});
