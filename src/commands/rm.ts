// `rm`: removes models from this machine, after confirmation.

import { resolve } from "node:path";
import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { bytesText } from "../cli/table.ts";
import { ConfigError } from "../errors.ts";
import { MODELS_DIR } from "../models/default-model.ts";
import type { Env } from "../models/hub.ts";
import { type InstalledModel, installedModels, removeModel } from "../models/installed-models.ts";
import { installedPath } from "../models/model-source.ts";
import { fileExists } from "../runtime/system.ts";
import { askLine } from "../runtime/terminal.ts";
import type { CommandContext } from "./command.ts";

export async function run({ sources, log, warn }: CommandContext): Promise<ExitCode> {
  const { models: names, yes } = parseOptions("rm", sources, warn);
  if (names.length === 0)
    throw new ConfigError(
      "missing_option",
      "rm: no model given; `ls` lists the models on this machine",
    );
  const installed = installedModels(sources.env, MODELS_DIR);
  const models = new Set(names.map((name) => modelOf(name, sources.env, installed)));
  for (const model of models) {
    const shown = `${model.name} (${bytesText(model.bytes)})`;
    if (!yes && !(await isConfirmed(`remove ${shown}? [y/N] `))) {
      log(`kept ${shown}`);
      return EXIT_CODES.failed;
    }
    removeModel(model);
    log(`removed ${shown}`);
  }
  return EXIT_CODES.ok;
}

/** @throws ConfigError "model_not_found" */
function modelOf(name: string, env: Env, installed: readonly InstalledModel[]): InstalledModel {
  const model = installed.find((one) => one.name === name) ?? modelAt(name, env, installed);
  if (model !== undefined) return model;
  const message = fileExists(name)
    ? `${name} is not a model that \`ls\` lists; delete the file yourself`
    : `model ${name} not found; \`ls\` lists the models on this machine`;
  throw new ConfigError("model_not_found", message);
}

/** Finds a model as `serve` does: by path, or by name if its file is on this machine. */
function modelAt(
  name: string,
  env: Env,
  installed: readonly InstalledModel[],
): InstalledModel | undefined {
  const path = installedPath(name, { env, modelsDir: MODELS_DIR });
  if (path === null) return undefined;
  return installed.find(({ parts }) => parts.includes(resolve(path)));
}

/** @throws ConfigError "missing_option" if there is no terminal */
async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new ConfigError("missing_option", "rm: no terminal to confirm on; pass --yes");
  }
  return /^y(es)?$/i.test((await askLine(question)).trim());
}
