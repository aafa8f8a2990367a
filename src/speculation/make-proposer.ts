// Creates a method's proposer.

import { ModelProposer } from "./model-proposer.ts";
import { NgramProposer } from "./ngram-proposer.ts";
import { PredictionProposer } from "./prediction-proposer.ts";
import type { Proposer } from "./proposer.ts";
import type { SpeculationConfig } from "./speculation-config.ts";
import { SuffixProposer } from "./suffix-proposer.ts";

export function makeProposer(config: SpeculationConfig): Proposer {
  return new PredictionProposer(proposerOf(config));
}

function proposerOf(config: SpeculationConfig): Proposer {
  switch (config.method) {
    case "ngram":
      return new NgramProposer(config);
    case "suffix":
      return new SuffixProposer(config);
    case "draft_model":
      return new ModelProposer();
  }
}
