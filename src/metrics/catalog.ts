// All of the server's metric families, in the order of vLLM's exposition. Names, help texts and buckets
// come from vLLM 0.13's Production Metrics page. Families from later versions are next to related
// families, and Pagoda's own families come last.

import { ADAPTER_FAMILIES } from "./adapter-families.ts";
import { CACHE_CONFIG_FAMILY } from "./cache-config.ts";
import { ENGINE_PROCESS_FAMILIES } from "./engine-process-families.ts";
import type { MetricFamily } from "./family.ts";
import { HTTP_FAMILIES } from "./http-families.ts";
import { LATENCY_FAMILIES } from "./latency-families.ts";
import { PROCESS_FAMILIES } from "./process-families.ts";
import { RESIDENCY_FAMILIES } from "./residency-families.ts";
import { CACHE_FAMILIES, SCHEDULER_FAMILIES } from "./scheduler-families.ts";
import { SLEEP_OPERATION_FAMILIES, SLEEP_STATE_FAMILY } from "./sleep-families.ts";
import { SPEC_DECODE_FAMILIES } from "./spec-decode-families.ts";
import { PREEMPTION_FAMILIES, REQUEST_FAMILIES, TOKEN_FAMILIES } from "./token-families.ts";

export const CATALOG: readonly MetricFamily[] = [
  ...PROCESS_FAMILIES,
  ...SPEC_DECODE_FAMILIES,
  ...SCHEDULER_FAMILIES,
  SLEEP_STATE_FAMILY,
  ...CACHE_FAMILIES,
  ...TOKEN_FAMILIES,
  ...REQUEST_FAMILIES,
  ...LATENCY_FAMILIES,
  ...PREEMPTION_FAMILIES,
  ...RESIDENCY_FAMILIES,
  ...SLEEP_OPERATION_FAMILIES,
  CACHE_CONFIG_FAMILY,
  ...ADAPTER_FAMILIES,
  ...HTTP_FAMILIES,
  ...ENGINE_PROCESS_FAMILIES,
];
