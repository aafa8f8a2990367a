// Prepares a Python virtual environment in the clone, with the packages that tests compare Pagoda with: the
// metrics client and Jinja2. Without this environment, those tests are skipped with a message.
//
//   bun scripts/test-python.ts

import { existsSync, rmSync } from "node:fs";
import { Checkout } from "./checkout.ts";
import { needTool, PYTHON_WITH_VENV } from "./needed-tools.ts";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { scriptArguments } from "./script-arguments.ts";
import { run, runOrFail } from "./shell.ts";

/** Packages to install: exact versions with checksums. */
const REQUIREMENTS = "test/support/python-requirements.txt";
const STEP = "test-python";

/** @returns the path of the interpreter with these packages; null if it has not been prepared */
export function testPython(checkout: Checkout): string | null {
  return checkout.readStamp(STEP) !== null && existsSync(interpreter(checkout))
    ? interpreter(checkout)
    : null;
}

/** @throws SetupError */
export async function prepareTestPython(checkout: Checkout): Promise<void> {
  const base = needTool(PYTHON_WITH_VENV);
  const version = await runOrFail([base, "--version"], "python3");
  const stamp = checkout.stampOf([REQUIREMENTS], [version]);
  if (testPython(checkout) !== null && checkout.readStamp(STEP) === stamp) {
    sayUpToDate("Python for the tests");
    return;
  }
  checkout.clearStamp(STEP);
  await makeEnvironment(checkout, base);
  say("Python for the tests: installing the metrics client and Jinja2");
  const wheels = ["--only-binary", ":all:", "--require-hashes", "-r", checkout.path(REQUIREMENTS)];
  const patience = ["--retries", "1", "--timeout", "15", "--disable-pip-version-check"];
  const pip = [interpreter(checkout), "-m", "pip", "install", "-q", ...patience, ...wheels];
  await runOrFail(pip, "pip install");
  checkout.writeStamp(STEP, stamp);
}

async function makeEnvironment(checkout: Checkout, base: string): Promise<void> {
  const folder = checkout.path("build", "test-python");
  rmSync(folder, { recursive: true, force: true });
  const { exitCode, output } = await run([base, "-m", "venv", folder]);
  if (exitCode === 0) return;
  const isMissing = /ensurepip|No module named venv/.test(output);
  throw new SetupError(
    isMissing
      ? "python3 cannot create a virtual environment; install venv with `apt-get install python3-venv`"
      : `python3 -m venv failed: ${output.split("\n").at(-1)}`,
  );
}

function interpreter(checkout: Checkout): string {
  return checkout.path("build", "test-python", "bin", "python3");
}

const USAGE = `bun scripts/test-python.ts
Install the Python packages that tests compare with, in build/test-python.`;

if (import.meta.main) {
  scriptArguments(USAGE, {});
  try {
    await prepareTestPython(new Checkout());
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`error: ${error.message}`);
    process.exit(1);
  }
}
