// `ls`: lists the models on this machine.

import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { bytesText, tableText } from "../cli/table.ts";
import { MODELS_DIR } from "../models/default-model.ts";
import { type InstalledModel, installedModels } from "../models/installed-models.ts";
import { printLine } from "../runtime/terminal.ts";
import type { CommandContext } from "./command.ts";

export async function run({ sources, log, warn }: CommandContext): Promise<ExitCode> {
  const { json, quiet } = parseOptions("ls", sources, warn);
  const models = installedModels(sources.env, MODELS_DIR);
  if (json) printLine(JSON.stringify(models.map(jsonOf), null, 2));
  else if (quiet) for (const { name } of models) printLine(name);
  else if (models.length === 0) log("no models on this machine; download one with `pull`");
  else printLine(listText(models));
  return EXIT_CODES.ok;
}

function jsonOf({ name, path, quantization, bytes, modified }: InstalledModel) {
  return { name, path, quantization, bytes, modified: modified.toISOString() };
}

function listText(models: readonly InstalledModel[]): string {
  const rows = models.map(({ name, quantization, bytes, modified }) => [
    name,
    quantization ?? "-",
    bytesText(bytes),
    modified.toISOString().slice(0, 10),
  ]);
  return tableText(["NAME", "QUANT", "SIZE", "MODIFIED"], rows, ["SIZE"]);
}
