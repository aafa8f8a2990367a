// Prepares Python virtual environments in the clone for tests: one with the packages that tests compare Pagoda
// with (the metrics client and Jinja2), and one with the official API clients, openai and anthropic. If an
// environment is missing, its tests are skipped with a message.
//
//   bun scripts/test-python.ts

import { existsSync, rmSync } from "node:fs";
import { Checkout } from "./checkout.ts";
import { needTool, PYTHON_WITH_VENV } from "./needed-tools.ts";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { scriptArguments } from "./script-arguments.ts";
import { run, runOrFail } from "./shell.ts";

export interface PythonEnvironment {
  /** Name of the environment's folder in build/ and of its stamp. */
  readonly name: string;
  readonly packages: string;
  /** File with exact versions and checksums. */
  readonly requirements: string;
}

export const COMPARISONS: PythonEnvironment = {
  name: "test-python",
  packages: "the metrics client and Jinja2",
  requirements: "test/support/python-requirements.txt",
};

/** Environment that needs Python 3.11 or newer, with checksums for 3.11 to 3.14 on Linux and macOS, x64 and arm64. */
export const API_CLIENTS: PythonEnvironment = {
  name: "test-python-clients",
  packages: "the openai and anthropic clients",
  requirements: "test/support/python-clients-requirements.txt",
};

const ENVIRONMENTS = [COMPARISONS, API_CLIENTS];

/** @returns the path of the environment's interpreter; null if it has not been prepared */
export function testPython(checkout: Checkout, environment: PythonEnvironment): string | null {
  return checkout.readStamp(environment.name) !== null &&
    existsSync(interpreter(checkout, environment))
    ? interpreter(checkout, environment)
    : null;
}

/** @throws SetupError */
export async function prepareTestPython(
  checkout: Checkout,
  environment: PythonEnvironment,
): Promise<void> {
  const { name, packages, requirements } = environment;
  const base = needTool(PYTHON_WITH_VENV);
  const version = await runOrFail([base, "--version"], "python3");
  const stamp = checkout.stampOf([requirements], [version]);
  if (testPython(checkout, environment) !== null && checkout.readStamp(name) === stamp) {
    sayUpToDate(`Python with ${packages}`);
    return;
  }
  checkout.clearStamp(name);
  await makeEnvironment(checkout.path("build", name), base);
  say(`Python for the tests: installing ${packages}`);
  const wheels = ["--only-binary", ":all:", "--require-hashes", "-r", checkout.path(requirements)];
  const patience = ["--retries", "1", "--timeout", "15", "--disable-pip-version-check"];
  const python = interpreter(checkout, environment);
  const pip = [python, "-m", "pip", "install", "-q", ...patience, ...wheels];
  await runOrFail(pip, "pip install");
  checkout.writeStamp(name, stamp);
}

async function makeEnvironment(folder: string, base: string): Promise<void> {
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

function interpreter(checkout: Checkout, { name }: PythonEnvironment): string {
  return checkout.path("build", name, "bin", "python3");
}

const USAGE = `bun scripts/test-python.ts
Install the Python packages that tests need, in build/test-python and build/test-python-clients.`;

if (import.meta.main) {
  scriptArguments(USAGE, {});
  for (const environment of ENVIRONMENTS) {
    try {
      await prepareTestPython(new Checkout(), environment);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      say(`error: ${environment.packages}: ${error.message}`);
      process.exitCode = 1;
    }
  }
}
