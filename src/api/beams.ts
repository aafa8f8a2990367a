// The beams of a beam search: how a round extends them and which ones stay. The rules are those of vLLM 0.13
// (OpenAIServing.beam_search, get_beam_search_score).

import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";

/** A candidate answer. */
export interface Beam {
  /** Generated tokens. */
  readonly tokenIds: readonly number[];
  /** Parallel to the generated tokens, and to the end token, whether it is among them or not. */
  readonly positions: readonly PositionLogprobs<DecodedLogprob>[];
  /** Sum of the log-probabilities. */
  readonly logprob: number;
  /** The token that ended the beam; null = it can be extended. */
  readonly endTokenId: number | null;
}

export interface BeamRules {
  /** Number of beams that stay, >= 1. */
  readonly width: number;
  /** Exponent of the length by which scores are divided; 0 = longer beams have no advantage. */
  readonly lengthPenalty: number;
  readonly endTokenIds: ReadonlySet<number>;
  /** Whether the end token becomes part of the answer. */
  readonly includesEnd: boolean;
  readonly numPromptTokens: number;
}

export const FIRST_BEAM: Beam = { tokenIds: [], positions: [], logprob: 0, endTokenId: null };

/** Log-probability per token. The length is that of prompt and answer, without an end token. */
export function scoreOf({ tokenIds, logprob, endTokenId }: Beam, rules: BeamRules): number {
  const hasEnd = endTokenId !== null && rules.includesEnd;
  const length = rules.numPromptTokens + tokenIds.length - (hasEnd ? 1 : 0);
  return logprob / length ** rules.lengthPenalty;
}

/** The best beams, at most `width`, best first; earlier ones come first among equals. */
export function bestBeams(beams: readonly Beam[], rules: BeamRules): Beam[] {
  const scored = beams.map((beam) => ({ beam, score: scoreOf(beam, rules) }));
  scored.sort((one, other) => other.score - one.score);
  return scored.slice(0, rules.width).map(({ beam }) => beam);
}

/** Every extension of a beam by a token that its next position reports. */
export function extensions(
  beam: Beam,
  position: PositionLogprobs<DecodedLogprob>,
  rules: BeamRules,
): Beam[] {
  return position.top.map((chosen) => {
    const isEnd = rules.endTokenIds.has(chosen.tokenId);
    const isShown = !isEnd || rules.includesEnd;
    return {
      tokenIds: isShown ? [...beam.tokenIds, chosen.tokenId] : beam.tokenIds,
      positions: [...beam.positions, { chosen, top: position.top }],
      logprob: beam.logprob + chosen.logprob,
      endTokenId: isEnd ? chosen.tokenId : null,
    };
  });
}
