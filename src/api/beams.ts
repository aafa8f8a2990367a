// The beams of a beam search: how a round extends them and which of them are kept. The rules are those of vLLM 0.13
// (OpenAIServing.beam_search, get_beam_search_score).

import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";

type Position = PositionLogprobs<DecodedLogprob>;

/** A candidate output: a beam from an earlier round plus one more token. */
export interface Beam {
  /** The beam that this one extends; null = the empty output. */
  readonly last: { readonly before: Beam; readonly position: Position } | null;
  /** Number of generated tokens, not counting the end token. */
  readonly numTokens: number;
  /** Sum of the log-probabilities, including that of the end token. */
  readonly logprob: number;
  /** The token that ended the beam; null = it can be extended. */
  readonly endTokenId: number | null;
}

export interface BeamRules {
  /** Number of beams to keep, at least 1. */
  readonly width: number;
  /** Scores are divided by the length raised to this exponent; 0 = longer beams have no advantage. */
  readonly lengthPenalty: number;
  readonly endTokenIds: ReadonlySet<number>;
  readonly numPromptTokens: number;
}

export const EMPTY_BEAM: Beam = { last: null, numTokens: 0, logprob: 0, endTokenId: null };

/** Positions of all of a beam's tokens, in order, including the end token. */
export function positionsOf(beam: Beam): Position[] {
  const positions: Position[] = [];
  for (let { last } = beam; last !== null; last = last.before.last) positions.push(last.position);
  return positions.reverse();
}

/** Log-probability per token. The length includes the prompt and the output, but not an end token. */
export function scoreOf({ numTokens, logprob }: Beam, rules: BeamRules): number {
  return logprob / (rules.numPromptTokens + numTokens) ** rules.lengthPenalty;
}

/** The best beams, at most `width`, best first. Equal scores keep their order. */
export function bestBeams(beams: readonly Beam[], rules: BeamRules): Beam[] {
  const scored = beams.map((beam) => ({ beam, score: scoreOf(beam, rules) }));
  scored.sort((one, other) => other.score - one.score);
  return scored.slice(0, rules.width).map(({ beam }) => beam);
}

/** All extensions of a beam by a token reported for its next position. */
export function extensions(before: Beam, { top }: Position, { endTokenIds }: BeamRules): Beam[] {
  return top.map((chosen) => {
    const isEnd = endTokenIds.has(chosen.tokenId);
    return {
      last: { before, position: { chosen, top } },
      numTokens: before.numTokens + (isEnd ? 0 : 1),
      logprob: before.logprob + chosen.logprob,
      endTokenId: isEnd ? chosen.tokenId : null,
    };
  });
}
