// Runs many prompts through one model, several at a time. Yields results in prompt
// order.

import { ConfigError } from "../errors.ts";
import type { Generation } from "./generation.ts";
import type { Prompt } from "./options.ts";
import type { GenerateResult } from "./results.ts";

/** @throws ConfigError "invalid_option", or the error from the first prompt that fails */
export async function* generateAll(
  prompts: Iterable<Prompt> | AsyncIterable<Prompt>,
  maxInFlight: number,
  generate: (prompt: Prompt) => Generation<GenerateResult>,
): AsyncGenerator<GenerateResult> {
  if (!(maxInFlight >= 1)) {
    throw new ConfigError("invalid_option", `maxInFlight must be at least 1, got ${maxInFlight}`);
  }
  const inFlight: Generation<GenerateResult>[] = [];
  try {
    for await (const prompt of prompts) {
      inFlight.push(generate(prompt));
      if (inFlight.length >= maxInFlight) yield* takeFirst(inFlight);
    }
    while (inFlight.length > 0) yield* takeFirst(inFlight);
  } finally {
    for (const generation of inFlight) generation.abort();
  }
}

async function* takeFirst(inFlight: Generation<GenerateResult>[]): AsyncGenerator<GenerateResult> {
  const first = inFlight.shift();
  if (first !== undefined) yield await first.result;
}
