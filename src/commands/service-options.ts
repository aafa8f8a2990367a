// Converts the options of `serve` to options for the front and the app.

import { contentFormat } from "../cli/chat-format.ts";
import type { ServeOptions } from "../cli/commands.ts";
import { templateText } from "../cli/engine-config.ts";
import { type serveLimits, unlessNegative } from "../cli/limits.ts";
import type { DecidedSampling } from "../cli/sampling-defaults.ts";
import type { StatsLine } from "../cli/stats-line.ts";
import { ConfigError } from "../errors.ts";
import type { MeasuredFrontOptions } from "../front/measured-front.ts";
import type { MetricFeature } from "../metrics/family.ts";
import { readGgufHeader } from "../models/gguf-header.ts";
import { modelNameOf } from "../models/model-name.ts";
import { tokenizerFacts } from "../models/tokenizer-facts.ts";
import type { ContextOptions } from "../server/context-options.ts";
import type { CommandContext } from "./command.ts";
import type { ListenPlace } from "./listen-place.ts";

type Log = CommandContext["log"];

export interface ServiceInit {
  readonly options: ServeOptions;
  readonly path: string;
  readonly sampling: DecidedSampling;
  readonly statsLine: StatsLine;
  readonly limits: ReturnType<typeof serveLimits>;
  readonly place: ListenPlace;
  readonly log: Log;
}

/** @throws ConfigError "invalid_option" */
export function serviceOptions(init: ServiceInit): MeasuredFrontOptions & ContextOptions {
  const { options, path, sampling, statsLine, limits, place, log } = init;
  const names = options["served-model-name"];
  return {
    modelNames: names.length > 0 ? names : [modelNameOf(path)],
    modelRoot: path,
    apiKeys: options["api-key"],
    samplingDefaults: sampling.defaults,
    ...limits,
    // A Unix socket needs no Host check, because no other machine and no web page can reach it.
    ...(place.socketPath === null ? { listensOn: place } : {}),
    trustsRequestTemplates: options["trust-request-chat-template"],
    contentFormat: contentFormat(options),
    templateVariables: options["default-chat-template-kwargs"],
    warn: (text) => log(`warning: ${text}`),
    thinkingTokenBudget: unlessNegative(options["reasoning-budget"]),
    excludesUnusedTools: options["exclude-tools-when-tool-choice-none"],
    tracksLoad: options["enable-server-load-tracking"],
    ...tokenizerInfo(options, path),
    sendsRequestIds: options["enable-request-id-headers"],
    answers: answerOptions(options),
    servesDocs: !options["disable-fastapi-docs"],
    isDevMode: options["server-dev-mode"],
    allowsLoraUpdates: options["allow-runtime-lora-updating"],
    showHiddenFor: options["show-hidden-metrics-for-version"],
    createdSeries: !isPythonTrue(process.env["PROMETHEUS_DISABLE_CREATED_SERIES"]),
    features: metricFeatures(options),
    listeners: [statsLine],
    requestLog: requestLog(options, log),
    log: (fault) => log(`error: ${fault}`),
  };
}

/** @throws ConfigError "invalid_option" */
function requestLog(options: ServeOptions, log: Log): ContextOptions["requestLog"] {
  const logsOutputs = options["enable-log-outputs"];
  if (options["enable-log-requests"]) {
    return { log, maxPromptLength: options["max-log-len"], logsOutputs };
  }
  if (!logsOutputs) return null;
  throw new ConfigError("invalid_option", "--enable-log-outputs requires --enable-log-requests");
}

function answerOptions(options: ServeOptions): NonNullable<ContextOptions["answers"]> {
  return {
    role: options["response-role"],
    streamInterval: options["stream-interval"],
    forcesUsage: options["enable-force-include-usage"],
    showsNoCachedTokens: options["enable-prompt-tokens-details"],
    logprobsMode: options["logprobs-mode"],
    showsTimings: options["enable-timings"],
    namesTokensById: options["return-tokens-as-token-ids"],
  };
}

/** @returns settings of the tokenizer and the chat template, which can replace the model's */
function tokenizerInfo(options: ServeOptions, path: string): Pick<ContextOptions, "tokenizerInfo"> {
  if (!options["enable-tokenizer-info-endpoint"]) return {};
  const facts = tokenizerFacts(readGgufHeader(path).metadata);
  const template = templateText(options["chat-template"]);
  return { tokenizerInfo: { ...facts, chatTemplate: template || facts.chatTemplate } };
}

/** Interprets a switch as Python's metrics client does. */
function isPythonTrue(text = ""): boolean {
  return ["true", "1", "t"].includes(text.toLowerCase());
}

function metricFeatures(options: ServeOptions): Set<MetricFeature> {
  const features: [MetricFeature, boolean][] = [
    ["log-stats", !options["disable-log-stats"]],
    ["kv-cache-metrics", options["kv-cache-metrics"]],
    ["sleep-mode", options["enable-sleep-mode"]],
  ];
  return new Set(features.filter(([, isOn]) => isOn).map(([feature]) => feature));
}
