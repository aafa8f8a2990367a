// Runs the addon's tests under ThreadSanitizer: builds the addon with it into build/tsan, puts it beside a
// copy of the sources and runs the tests there. For a nightly job: the build takes minutes.
//
//   bun scripts/tsan.ts [name of a file in test/native ...]
//
// Bun itself is not instrumented: the addon says where its work goes from one of Bun's threads to another
// (native/handoff.h), tsan-suppressions.txt has what happens before it can. Every other report counts.

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { Checkout } from "./checkout.ts";
import { run, runOrFail } from "./shell.ts";

/** Those that run steps, samplers and templates on threads. */
const TESTS = [
  ...["attention", "chat-template", "conformance", "lifetime", "sampler-state", "sleep", "threads"],
  ...["vocabulary"],
];

/** In those of the build type: cmake-js sets CMAKE_CXX_FLAGS itself, and the last word counts. */
const COMPILER_FLAGS = "-O1 -g1 -DNDEBUG -fsanitize=thread -fno-omit-frame-pointer";

/** Everything takes ten times as long. */
const TEST_TIMEOUT_MS = "60000";

const checkout = new Checkout();
const FOLDER = checkout.path("build", "tsan");
const TREE = join(FOLDER, "tree");

async function buildAddon(): Promise<void> {
  const tool = checkout.path("node_modules", "cmake-js", "bin", "cmake-js");
  const flags = ["C", "CXX"].map(
    (language) => `--CDCMAKE_${language}_FLAGS_RELEASE=${COMPILER_FLAGS}`,
  );
  const onCpu = ["PAGODA_CUDA", "PAGODA_VULKAN"].map((name) => `--CD${name}=OFF`);
  const command = [process.execPath, tool, "build", "-O", "build/tsan", ...flags, ...onCpu];
  await runOrFail(command, "building the addon with ThreadSanitizer");
}

/** The addon is looked for beside the sources: they are copied, so that the usual one stays. */
async function copyTree(): Promise<void> {
  rmSync(TREE, { recursive: true, force: true });
  const { output } = await run(["git", "-C", checkout.root, "ls-files"]);
  const parts = /^(src|test|scripts|native)\/|^[^/]+\.(json|toml)$/;
  for (const file of output.split("\n").filter((name) => parts.test(name))) {
    mkdirSync(dirname(join(TREE, file)), { recursive: true });
    cpSync(checkout.path(file), join(TREE, file));
  }
  symlinkSync(checkout.path("node_modules"), join(TREE, "node_modules"));
  const release = join("build", "native", "Release");
  mkdirSync(join(TREE, release), { recursive: true });
  cpSync(join(FOLDER, "Release", "pagoda.node"), join(TREE, release, "pagoda.node"));
}

async function runTest(name: string): Promise<boolean> {
  const { output } = await run([process.env["CXX"] ?? "g++", "-print-file-name=libtsan.so"]);
  const options = [
    "exitcode=0",
    "ignore_noninstrumented_modules=1",
    `suppressions=${checkout.path("scripts", "tsan-suppressions.txt")}`,
    `log_path=${join(FOLDER, "report")}`,
  ];
  const child = Bun.spawn(
    [process.execPath, "test", "--timeout", TEST_TIMEOUT_MS, `./test/native/${name}.test.ts`],
    {
      cwd: TREE,
      env: { ...process.env, LD_PRELOAD: output.trim(), TSAN_OPTIONS: options.join(":") },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    },
  );
  const text = await new Response(child.stderr).text();
  const isPassed = (await child.exited) === 0;
  console.log(`${name}: ${isPassed ? "passed" : `failed\n${text.slice(-2000)}`}`);
  return isPassed;
}

function reports(): string[] {
  const files = readdirSync(FOLDER).filter((name) => name.startsWith("report"));
  const texts = files.map((name) => readFileSync(join(FOLDER, name), "utf8"));
  return texts.flatMap((text) => text.split(/={10,}/)).filter((text) => text.includes("WARNING"));
}

const asked = process.argv.slice(2);
await buildAddon();
await copyTree();
for (const name of readdirSync(FOLDER)) {
  if (name.startsWith("report")) rmSync(join(FOLDER, name));
}
let numFailed = 0;
for (const name of asked.length > 0 ? asked : TESTS) numFailed += (await runTest(name)) ? 0 : 1;
const found = reports();
for (const report of found) console.log(report);
console.log(`${found.length} reports, ${numFailed} files of tests failed`);
process.exit(numFailed === 0 && found.length === 0 ? 0 : 1);
