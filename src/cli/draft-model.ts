// Finds the draft model of --speculative-config, by the same kinds of names as the model.

import type { EngineConfig } from "../engine/engine-config.ts";
import { type ModelSourceOptions, resolveModel } from "../models/model-source.ts";
import { asDraftFault } from "../speculation/speculation-config.ts";

/**
 * Finds or downloads the draft model, if the config names one.
 * @param source where the model was found
 * @returns the config with the draft model's name replaced by the path of its file
 * @throws ConfigError, like resolveModel()
 */
export async function withDraftModel(
  config: EngineConfig,
  source: ModelSourceOptions,
): Promise<EngineConfig> {
  const { speculation } = config;
  if (speculation?.method !== "draft_model") return config;
  const { model, revision } = speculation;
  try {
    const path = await resolveModel(model, { ...source, revision: revision ?? "main" });
    return { ...config, speculation: { ...speculation, model: path } };
  } catch (error) {
    throw asDraftFault(error);
  }
}
