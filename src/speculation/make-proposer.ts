// Creates the proposer of a method.

import { NgramProposer } from "./ngram-proposer.ts";
import { PredictionProposer } from "./prediction-proposer.ts";
import type { Proposer } from "./proposer.ts";
import type { SpeculationConfig } from "./speculation-config.ts";
import { SuffixProposer } from "./suffix-proposer.ts";

export function makeProposer(config: SpeculationConfig): Proposer {
  return new PredictionProposer(
    config.method === "ngram" ? new NgramProposer(config) : new SuffixProposer(config),
  );
}
