// Runs the tests by group: `unit` has no requirements, `native` needs the addon, and `model` needs the
// addon and the default model. The last line of output is the total, "N passed, N failed".
//
//   bun scripts/test.ts [unit | native | model ...]

import { existsSync } from "node:fs";
import { DEFAULT_MODEL_FILE } from "../src/models/default-model.ts";
import { addonPath } from "./build-addon.ts";
import { Checkout } from "./checkout.ts";
import { SetupError, setQuiet } from "./report.ts";
import { refuseArguments, scriptArguments } from "./script-arguments.ts";
import { addCounts, type Counts, countsOf, summaryLine } from "./test-counts.ts";
import {
  API_CLIENTS,
  COMPARISONS,
  type PythonEnvironment,
  prepareTestPython,
} from "./test-python.ts";
import { endOf } from "./tool-process.ts";

const GROUPS = ["unit", "native", "model"] as const;
type Group = (typeof GROUPS)[number];

/**
 * Timeout enforced from outside, since a native call that hangs blocks every timer in its process.
 */
const FILES_TIMEOUT_MS = 15 * 60_000;

const checkout = new Checkout();

/** Paths that each group requires. */
const NEEDS: Readonly<Record<Group, readonly string[]>> = {
  unit: [],
  native: [addonPath(checkout)],
  model: [addonPath(checkout), checkout.path("models", DEFAULT_MODEL_FILE.name)],
};

/** Environments that the tests of each group use. */
const PYTHON: Readonly<Record<Group, readonly PythonEnvironment[]>> = {
  unit: [COMPARISONS, API_CLIENTS],
  native: [COMPARISONS],
  model: [API_CLIENTS],
};

function groupOf(file: string): Group {
  return GROUPS.find((group) => file.startsWith(`test/${group}/`)) ?? "unit";
}

async function runGroup(group: Group): Promise<Counts> {
  const missing = NEEDS[group].find((path) => !existsSync(path));
  if (missing !== undefined) {
    console.log(`${group}: cannot run without ${missing}; run \`bun run setup\``);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  for (const environment of PYTHON[group]) await preparePython(group, environment);
  const scan = new Bun.Glob("test/**/*.test.ts").scan({ cwd: checkout.root });
  const files = (await Array.fromAsync(scan)).filter((file) => groupOf(file) === group).sort();
  // ggml's threads need all cores, so native files run one at a time.
  const batches = group === "unit" ? [files] : files.map((file) => [file]);
  const counts: Counts[] = [];
  for (const batch of batches) if (batch.length > 0) counts.push(await runFiles(batch));
  return addCounts(counts);
}

/** Prepares Python for the tests. Without it, tests that need its packages are skipped. */
async function preparePython(group: Group, environment: PythonEnvironment): Promise<void> {
  setQuiet(true);
  try {
    await prepareTestPython(checkout, environment);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(`${group}: continuing without ${environment.packages}: ${error.message}`);
  }
}

async function runFiles(files: readonly string[]): Promise<Counts> {
  const child = Bun.spawn([process.execPath, "test", ...files.map((file) => `./${file}`)], {
    cwd: checkout.root,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
    timeout: FILES_TIMEOUT_MS,
    killSignal: "SIGKILL",
    detached: true,
  });
  const ended = endOf(child);
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stderr) {
    const text = decoder.decode(chunk, { stream: true });
    process.stderr.write(text);
    output += text;
  }
  const exitCode = await ended;
  if (child.signalCode !== null) console.log(`${files.join(" ")}: killed by ${child.signalCode}`);
  return countsOf(output, exitCode);
}

const USAGE = `bun run test [unit | native | model ...]
Run all tests, or only the named groups. To run one file: bun test ./test/cli/options.test.ts`;

const { positionals: asked } = scriptArguments(USAGE, { allowPositionals: true });
const unknown = asked.find((word) => !GROUPS.some((group) => group === word));
if (unknown !== undefined)
  refuseArguments(`unknown test group ${unknown}; available: ${GROUPS.join(", ")}`);
const counts: Counts[] = [];
for (const group of GROUPS) {
  if (asked.length === 0 || asked.includes(group)) counts.push(await runGroup(group));
}
const total = addCounts(counts);
console.log(summaryLine(total));
process.exit(total.failed === 0 ? 0 : 1);
