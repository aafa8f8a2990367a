// Measurements with the engine in this process. Every figure is a count or a ratio from one run; nothing is
// asserted. If other processes used the CPUs, the run says so: its times are then unreliable, but its counts
// are still valid.

import { attention } from "./attention.ts";
import { bookkeeping } from "./bookkeeping.ts";
import { lora } from "./lora.ts";
import { cpuTime, shareOfOthers } from "./measure.ts";
import { memory } from "./memory.ts";
import { metrics } from "./metrics.ts";
import { overcommit } from "./overcommit.ts";
import { parsing } from "./parsing.ts";
import { residency } from "./residency.ts";
import { sampling } from "./sampling.ts";
import { sharedPrefix } from "./shared-prefix.ts";
import { speculation } from "./speculation.ts";
import { stepGap } from "./step-gap.ts";
import { tools } from "./tools.ts";

export const IN_PROCESS: Readonly<Record<string, () => Promise<void>>> = {
  bookkeeping,
  residency,
  "step-gap": stepGap,
  metrics,
  attention,
  sampling,
  parsing,
  tools,
  "shared-prefix": sharedPrefix,
  overcommit,
  speculation,
  lora,
  memory,
};

/** A measurement counts as disturbed if other processes used more than this share of the CPUs. */
const MAX_OTHERS = 0.05;

/** Runs one measurement and reports whether it was disturbed. */
export async function measured(name: string, measurement: () => Promise<void>): Promise<void> {
  const before = cpuTime();
  console.log(name);
  await measurement();
  const others = shareOfOthers(before, cpuTime()) ?? 0;
  if (others <= MAX_OTHERS) return;
  console.log(`  disturbed: other processes used ${(100 * others).toFixed(0)}% of the CPUs`);
}
