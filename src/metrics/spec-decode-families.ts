// Draft tokens of speculative decoding, counted per request and step that verified drafts.

import type { SpecDecodeStats } from "../protocol/stats.ts";
import { type MetricFamily, onStep } from "./family.ts";

function perDraft(of: (stats: SpecDecodeStats) => number): MetricFamily["source"] {
  return onStep(({ scheduler: { specDecode } }, sink) => {
    if (specDecode !== null) sink.add(of(specDecode));
  });
}

export const SPEC_DECODE_FAMILIES: readonly MetricFamily[] = [
  {
    name: "vllm:spec_decode_num_drafts",
    type: "counter",
    help: "Number of spec decoding drafts.",
    since: "0.8.5",
    enabledBy: "spec-decode",
    meaning:
      "Number of times that a request had draft tokens in a step. The mean number of tokens per draft, including the token that the model adds, is 1 + accepted / drafts.",
    source: perDraft(({ numDrafts }) => numDrafts),
  },
  {
    name: "vllm:spec_decode_num_draft_tokens",
    type: "counter",
    help: "Number of draft tokens.",
    since: "0.8",
    enabledBy: "spec-decode",
    meaning:
      "Draft tokens that the model verified. Proposed tokens that were dropped because of their cost are not counted.",
    source: perDraft(({ numDraftTokens }) => numDraftTokens),
  },
  {
    name: "vllm:spec_decode_num_accepted_tokens",
    type: "counter",
    help: "Number of accepted tokens.",
    since: "0.8",
    enabledBy: "spec-decode",
    meaning: "Draft tokens that match the tokens that the model generates.",
    alert: "An acceptance rate (accepted / draft tokens) below 0.3: use another method.",
    source: perDraft(({ numAcceptedTokens }) => numAcceptedTokens),
  },
  {
    name: "vllm:spec_decode_num_accepted_tokens_per_pos",
    type: "counter",
    help: "Accepted tokens per draft position.",
    labels: [{ name: "position", values: "draft-positions" }],
    since: "0.8.5",
    enabledBy: "spec-decode",
    meaning:
      "Accepted draft tokens by their position in the draft, from 0 to num_speculative_tokens - 1.",
    source: onStep(({ scheduler: { specDecode } }, sink) => {
      specDecode?.acceptedPerPos.forEach((count, position) => {
        sink.add(count, String(position));
      });
    }),
  },
];
