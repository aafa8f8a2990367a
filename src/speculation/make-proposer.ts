// Creates the proposer of a method.

import { NgramProposer } from "./ngram-proposer.ts";
import type { Proposer } from "./proposer.ts";
import type { SpeculationConfig } from "./speculation-config.ts";
import { SuffixProposer } from "./suffix-proposer.ts";

export function makeProposer(config: SpeculationConfig): Proposer {
  return config.method === "ngram" ? new NgramProposer(config) : new SuffixProposer(config);
}
