// Sleep mode: the engine's sleep state, and how long sleeps and wake-ups take.

import { SLEEP_STATES } from "../protocol/stats.ts";
import { SLEEP_BUCKETS } from "./buckets.ts";
import { type MetricFamily, onSleep } from "./family.ts";

const OPERATION = { name: "operation", values: ["sleep", "wake"] };

export const SLEEP_STATE_FAMILY: MetricFamily = {
  name: "vllm:engine_sleep_state",
  type: "gauge",
  help:
    "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; " +
    "weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.",
  labels: [{ name: "sleep_state", values: SLEEP_STATES }],
  since: "0.12",
  enabledBy: "log-stats",
  meaning:
    "1 for the current state, updated when a sleep or wake-up completes. All are 0 at sleep level 0, which only pauses.",
  alert: "Asleep while requests wait.",
  source: onSleep(({ state }, sink) => {
    for (const name of SLEEP_STATES) sink.set(name === state ? 1 : 0, name);
  }),
};

export const SLEEP_OPERATION_FAMILIES: readonly MetricFamily[] = [
  {
    name: "vllm:sleep_mode_operation_duration_seconds",
    type: "histogram",
    help: "Histogram of the duration of sleep mode operations in seconds.",
    common: [],
    labels: [OPERATION],
    buckets: SLEEP_BUCKETS,
    since: "0.32",
    enabledBy: "sleep-mode",
    meaning: "Duration of a sleep or wake-up, from the call to its end, including failed calls.",
    source: onSleep(({ operation, durationS }, sink) => {
      if (durationS !== null) sink.observe(durationS, operation);
    }),
  },
  {
    name: "vllm:sleep_mode_operations_in_flight",
    type: "gauge",
    help: "Number of sleep mode operations in progress.",
    common: [],
    labels: [OPERATION],
    since: "0.32",
    enabledBy: "sleep-mode",
    meaning: "Sleeps and wake-ups in progress.",
    alert:
      "Above 0 for minutes: a sleep with mode=wait is waiting for a request that does not finish.",
    source: onSleep(({ operation, numInFlight }, sink) => sink.set(numInFlight, operation)),
  },
];
