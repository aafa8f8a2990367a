// `bun run bench [name ...]`: every figure is a count or a ratio of one run; nothing is asserted.

import { attention } from "./attention.ts";
import { bookkeeping } from "./bookkeeping.ts";
import { memory } from "./memory.ts";
import { overcommit, sharedPrefix } from "./sharing.ts";

const MEASUREMENTS = {
  bookkeeping,
  attention,
  "shared-prefix": sharedPrefix,
  overcommit,
  memory,
} as const;

const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in MEASUREMENTS));
if (unknown !== undefined) {
  console.error(
    `unknown measurement ${unknown}; there are: ${Object.keys(MEASUREMENTS).join(", ")}`,
  );
  process.exit(2);
}
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.log(name);
  await measure();
}
