// `inspect`: shows a model's contents, from the headers of its GGUF files.

import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { bytesText } from "../cli/table.ts";
import { type ModelFacts, modelFacts } from "../models/model-facts.ts";
import { readModelHeader } from "../models/model-header.ts";
import { resolveModel } from "../models/model-source.ts";
import { printLine } from "../runtime/terminal.ts";
import { visible } from "../visible-text.ts";
import type { CommandContext } from "./command.ts";
import { modelSource } from "./model-downloads.ts";

export async function run({ sources, log, warn }: CommandContext): Promise<ExitCode> {
  const options = parseOptions("inspect", sources, warn);
  const path = await resolveModel(options.model, modelSource(options, sources.env, log));
  const facts = modelFacts(readModelHeader(path));
  printLine(options.json ? JSON.stringify({ path, ...facts }, null, 2) : factsText(path, facts));
  return EXIT_CODES.ok;
}

function factsText(path: string, facts: ModelFacts): string {
  const { kvBytesPerToken: kv, contextLength } = facts;
  const types = Object.entries(facts.tensorTypes).map(([type, count]) => `${count} ${type}`);
  const rows: [string, string | number | null][] = [
    ["file", `${path} (${bytesText(facts.fileBytes)}, GGUF ${facts.ggufVersion})`],
    ["name", facts.name],
    ["license", facts.license],
    ["architecture", facts.architecture],
    ["parameters", `${(facts.parameters / 1e6).toFixed(0)} million`],
    ["quantization", `${facts.quantization} (tensors: ${types.join(", ")})`],
    ["context", contextLength === null ? null : `${contextLength} tokens`],
    ["layers", facts.layers],
    ["embedding", facts.embeddingLength],
    [
      "heads",
      facts.heads === null ? null : `${facts.heads}, ${facts.kvHeads ?? facts.heads} for K and V`,
    ],
    ["window", facts.slidingWindow === null ? null : `${facts.slidingWindow} tokens`],
    [
      "vocabulary",
      facts.vocabulary === null ? null : `${facts.vocabulary} tokens (${facts.tokenizer})`,
    ],
    ["KV cache", kv === null ? null : kvText(kv, contextLength)],
    ["chat template", facts.chatTemplate ?? "none"],
  ];
  const shown = rows.filter(([, value]) => value !== null);
  return shown.map(([name, value]) => `${name.padEnd(14)} ${visible(String(value))}`).join("\n");
}

function kvText(bytesPerToken: number, contextLength: number | null): string {
  const whole =
    contextLength === null
      ? ""
      : `, ${bytesText(bytesPerToken * contextLength)} for a full context`;
  return `${bytesPerToken} bytes per token in f16${whole}`;
}
