// Creates the proposer of a method.

import { NgramProposer } from "./ngram-proposer.ts";
import type { Proposer } from "./proposer.ts";
import type { SpeculationConfig } from "./speculation-config.ts";

export function makeProposer(config: SpeculationConfig): Proposer {
  return new NgramProposer(config);
}
