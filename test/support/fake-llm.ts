// The library's LLM with the fake model. Everything except loading is real.

import type { ServeOptions } from "../../src/cli/commands.ts";
import { OPTIONS } from "../../src/cli/options.ts";
import { LLM } from "../../src/library/llm.ts";
import { NEUTRAL_SAMPLING } from "../../src/request/sampling-params.ts";
import { type FakeEngineOptions, makeEngine } from "./fake-engine.ts";

const DEFAULTS = Object.fromEntries(
  OPTIONS.map(({ name, fallback }) => [name, fallback]),
) as unknown as ServeOptions;

/** An LLM whose steps each take several turns of the event loop. */
export function makeLlm(
  options: FakeEngineOptions = {},
  logger: (line: string) => void = () => {},
) {
  const parts = makeEngine({ ...options, model: { stepTurns: 3, ...options.model } });
  const { client } = parts;
  const sampling = { defaults: NEUTRAL_SAMPLING, sources: [] };
  const loaded = { client, options: DEFAULTS, sampling, path: "tiny.gguf", name: "tiny", logger };
  const llm = Reflect.construct(LLM, [loaded]) as LLM;
  return { ...parts, llm };
}
