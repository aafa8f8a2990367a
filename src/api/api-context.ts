// Context in which requests are checked and answered, over HTTP or in this process.

import { RequestError } from "../errors.ts";
import type { Front } from "../front/front.ts";
import { NEUTRAL_SAMPLING, type SamplingDefaults } from "../request/sampling-params.ts";
import { shortened } from "./quote.ts";

export interface ApiContext {
  readonly front: Front;
  /** The first is reported in answers; all are accepted. */
  readonly servedModelNames: readonly string[];
  /** Whether a chat request can contain its own template. */
  readonly trustsRequestTemplates: boolean;
  /** Null = the size of the vocabulary. */
  readonly maxLogprobs: number | null;
  readonly samplingDefaults: SamplingDefaults;
  readonly limits: ApiLimits;
}

export interface ApiLimits {
  readonly maxN: number;
  readonly maxPrompts: number;
  readonly maxStops: number;
  readonly maxStopTokenIds: number;
  readonly maxLogitBias: number;
}

export const DEFAULT_API_LIMITS: ApiLimits = {
  maxN: 128,
  maxPrompts: 1024,
  maxStops: 64,
  maxStopTokenIds: 1024,
  maxLogitBias: 1024,
};

export interface ApiOptions {
  /** The first is reported in answers; all are accepted. At least one. */
  readonly modelNames: readonly string[];
  /** Null = the size of the vocabulary. */
  readonly maxLogprobs: number | null;
  /** Absent = vLLM's defaults. */
  readonly samplingDefaults?: SamplingDefaults;
  /** Absent = false. */
  readonly trustsRequestTemplates?: boolean;
}

export function apiContext(front: Front, options: ApiOptions): ApiContext {
  return {
    front,
    servedModelNames: options.modelNames,
    trustsRequestTemplates: options.trustsRequestTemplates ?? false,
    maxLogprobs: options.maxLogprobs,
    samplingDefaults: options.samplingDefaults ?? NEUTRAL_SAMPLING,
    limits: DEFAULT_API_LIMITS,
  };
}

/** @returns the model name reported in answers */
export function modelName(context: ApiContext): string {
  return context.servedModelNames[0] ?? "";
}

/** Checks a name; absent or empty means the served model. @throws RequestError "model_not_found" */
export function checkModel(context: ApiContext, model: string | null): void {
  if (model === null || model === "" || context.servedModelNames.includes(model)) return;
  const message = `The model \`${shortened(model, 256)}\` does not exist.`;
  throw new RequestError("model_not_found", message);
}

/** Unix seconds, for `created`. */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
