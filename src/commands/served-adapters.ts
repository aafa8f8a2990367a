// Loads the adapters in --lora-modules at startup.

import { type LoraOptions, loraModules } from "../cli/lora-config.ts";
import { ConfigError, RequestError } from "../errors.ts";
import { AdapterRegistry } from "../front/adapter-registry.ts";
import type { Front } from "../front/front.ts";

/**
 * @param modelNames the base model's names
 * @returns the registry of adapters, with all modules loaded
 * @throws ConfigError "adapter_failed"
 */
export async function servedAdapters(
  { calls, info }: Front,
  options: LoraOptions,
  modelNames: readonly string[],
  log: (line: string) => void,
): Promise<AdapterRegistry> {
  const allowedPaths = options["allowed-lora-paths"];
  const isEnabled = info.maxLoras > 0;
  const adapters = new AdapterRegistry({ calls, isEnabled, modelNames, allowedPaths, log });
  for (const module of loraModules(options)) {
    await adapters.load(module).catch((error) => {
      throw error instanceof RequestError ? startupError(error) : error;
    });
  }
  return adapters;
}

function startupError({ message }: RequestError): ConfigError {
  return new ConfigError("adapter_failed", `--lora-modules: ${message}`);
}
