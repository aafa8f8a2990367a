// Loads the native addon once, from the executable or from its own file, and checks that both sides use the same
// contract version. Only this file and addon.cjs refer to the .node file.

import { ConfigError, EngineError } from "../errors.ts";
import { loadEmbeddedAddon } from "../runtime/embedded-addon.ts";
import { type Addon, CONTRACT_VERSION } from "./addon-types.ts";

let loaded: Addon | null = null;

/** Valid values of PAGODA_CPU; see native/simd/cpu-set.h. */
const CPU_SETS = ["avx512", "avxvnni", "avx2", "generic"];

/**
 * @throws EngineError "engine_dead" if the addon is missing, cannot be loaded, or has a different contract version
 *   than this source; ConfigError "invalid_option" for an unknown PAGODA_CPU
 */
export async function loadAddon(): Promise<Addon> {
  checkCpuSet(process.env["PAGODA_CPU"] ?? "");
  loaded ??= checkContract(await requireAddon());
  return loaded;
}

function checkCpuSet(set: string): void {
  if (set === "" || CPU_SETS.includes(set)) return;
  const message = `PAGODA_CPU: expected ${CPU_SETS.join(", ")} or nothing, got ${set}`;
  throw new ConfigError("invalid_option", message);
}

async function requireAddon(): Promise<Addon> {
  try {
    const embedded = (await loadEmbeddedAddon()) as Addon | null;
    if (embedded !== null) return embedded;
    const module = (await import("./addon.cjs")) as { default: Addon };
    return module.default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    const isMemory = /map segment|allocate memory/.test(reason ?? "");
    const advice = isMemory
      ? "there is not enough memory for it; raise the limit (ulimit -v)"
      : "in a clone, `bun run setup` builds it";
    throw new EngineError("engine_dead", `cannot load the native addon (${reason}); ${advice}`, {
      cause,
    });
  }
}

function checkContract(addon: Addon): Addon {
  if (addon.contractVersion === CONTRACT_VERSION) return addon;
  throw new EngineError(
    "engine_dead",
    `the native addon has contract version ${addon.contractVersion}, but this source needs ${CONTRACT_VERSION}; ` +
      "in a clone, `bun run setup` rebuilds it",
  );
}
