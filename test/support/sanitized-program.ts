// Builds a C++ test program over some of the addon's sources with AddressSanitizer and
// UndefinedBehaviorSanitizer, into the build folder; built again when a source has changed.

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Checkout } from "../../scripts/checkout.ts";
import { needTool, runOrFail } from "../../scripts/shell.ts";

export interface SanitizedProgram {
  /** Base name of test/native/kernels/<name>.cpp. */
  readonly name: string;
  /** Base names of native/<source>.cpp, with flags of their own. */
  readonly sources: Readonly<Record<string, readonly string[]>>;
}

const FLAGS = [
  ...["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Wno-maybe-uninitialized"],
  ...["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"],
];

/** @returns path of the program @throws SetupError when it cannot be built */
export async function buildSanitized({ name, sources }: SanitizedProgram): Promise<string> {
  const checkout = new Checkout();
  const folder = checkout.path("build", "sanitized");
  const program = join(folder, name);
  const inputs = checkout.filesIn("native", [".cpp", ".h"]);
  const stamp = checkout.stampOf([...inputs, `test/native/kernels/${name}.cpp`], FLAGS);
  const step = `sanitized-${name}`;
  if (existsSync(program) && checkout.readStamp(step) === stamp) return program;
  const compiler = needTool(["c++", "g++", "clang++"], "g++", "xcode-select --install");
  mkdirSync(folder, { recursive: true });
  const ggml = checkout.path("build", "llama.cpp", "ggml");
  const includes = ["native"].map((path) => `-I${checkout.path(path)}`);
  const headers = ["include", "src"].map((path) => `-I${join(ggml, path)}`);
  const compile = async (source: string, object: string, flags: readonly string[]) => {
    const options = [...FLAGS, ...flags, ...includes, ...headers];
    await runOrFail([compiler, ...options, "-c", source, "-o", object], `compiling ${source}`);
    return object;
  };
  const objects = await Promise.all([
    compile(checkout.path("test", "native", "kernels", `${name}.cpp`), `${program}.o`, []),
    ...Object.entries(sources).map(([source, flags]) =>
      compile(checkout.path("native", `${source}.cpp`), join(folder, `${source}.o`), flags),
    ),
  ]);
  const [base = ""] = await Array.fromAsync(
    new Bun.Glob("**/libggml-base.a").scan({
      cwd: checkout.path("build", "native"),
      absolute: true,
    }),
  );
  await runOrFail([compiler, ...FLAGS, ...objects, base, "-lpthread", "-o", program], "linking");
  checkout.writeStamp(step, stamp);
  return program;
}
