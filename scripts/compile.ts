// Builds the executable: one file with the runtime, the program and the addon. Prints its size and,
// if it runs on this machine, the time to its first line and to its first token.
//
//   bun scripts/compile.ts [--target bun-linux-arm64] [--addon file] [--outfile dist/pagoda]

import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DEFAULT_MODEL_FILE } from "../src/models/default-model.ts";
import {
  checkAddon,
  checkPortable,
  glibcOf,
  hostPlatform,
  type Platform,
} from "./addon-platform.ts";
import { addonPath } from "./build-addon.ts";
import { enterCallersFolder } from "./callers-folder.ts";
import { Checkout } from "./checkout.ts";
import { SetupError, say } from "./report.ts";
import { scriptArguments } from "./script-arguments.ts";
import { commandMs, firstTokenMs } from "./start-time.ts";

interface CompileOptions {
  readonly target: Bun.Build.CompileTarget;
  readonly addon: string;
  readonly outfile: string;
}

/**
 * Converts a target such as "bun-windows-x64-baseline" to the platform of its addon, "win32-x64".
 */
function platformOfTarget(target: string): Platform {
  const [, system = "", machine = ""] = target.split("-");
  const isMusl = target.endsWith("-musl");
  return `${system === "windows" ? "win32" : system}-${machine}${isMusl ? "-musl" : ""}`;
}

function hostTarget(): string {
  return `bun-${hostPlatform().replace("win32", "windows")}`;
}

async function compile({ target, addon, outfile }: CompileOptions): Promise<void> {
  mkdirSync(dirname(outfile), { recursive: true });
  const result = await Bun.build({
    entrypoints: [new Checkout().path("src", "main.ts")],
    compile: { target, outfile, autoloadDotenv: false, autoloadBunfig: false },
    format: "esm",
    bytecode: true,
    // Keeps identifiers so that stack traces are readable.
    minify: { whitespace: true, syntax: true, identifiers: false },
    plugins: [
      {
        name: "addon of the target",
        setup: ({ onResolve }) => {
          onResolve({ filter: /pagoda\.node$/ }, () => ({ path: addon }));
        },
      },
    ],
  });
  if (!result.success) throw new SetupError(`the build failed: ${result.logs.join("; ")}`);
}

/** Reports the best startup times from several starts, with a warm file cache. */
async function reportStart(checkout: Checkout, executable: string): Promise<void> {
  say(
    `executable: ${Math.round(await commandMs(executable, "--version"))} ms to print its version`,
  );
  const model = checkout.path("models", DEFAULT_MODEL_FILE.name);
  if (!existsSync(model)) return;
  const ms = Math.round(await firstTokenMs(executable, model));
  say(`executable: ${ms} ms from the start to the first token from ${DEFAULT_MODEL_FILE.name}`);
}

const USAGE = `bun run compile [--target bun-linux-arm64] [--addon FILE] [--outfile dist/pagoda]
Build the executable: one file with the runtime, the program and the addon.`;

async function main(): Promise<void> {
  const checkout = new Checkout();
  enterCallersFolder(checkout.root);
  const { values } = scriptArguments(USAGE, {
    options: {
      target: { type: "string", default: hostTarget() },
      addon: { type: "string", default: addonPath(checkout) },
      outfile: { type: "string", default: checkout.path("dist", "pagoda") },
    },
  });
  const { target, addon, outfile } = values;
  checkAddon(addon, platformOfTarget(target));
  if (addon === addonPath(checkout)) checkPortable(checkout);
  const executable = resolve(outfile);
  await compile({
    target: target as Bun.Build.CompileTarget,
    addon: resolve(addon),
    outfile: executable,
  });
  const glibc = glibcOf(readFileSync(addon));
  const needs = glibc === null ? "" : ` with glibc ${glibc} or later`;
  const size = `${(statSync(executable).size / 1e6).toFixed(1)} MB`;
  say(`executable: ${outfile}, ${size}, for ${target}${needs}`);
  if (target === hostTarget()) await reportStart(checkout, executable);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`error: ${error.message}`);
  process.exit(1);
}
