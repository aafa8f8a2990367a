// Defines a workload: how it loads a server for one slice, its figure, and the required ratio to the peer.

import type { Load } from "../../src/benchmark/load.ts";
import type { Target } from "../../src/benchmark/measured-request.ts";
import type { Candidate, Room } from "../servers/llama-server.ts";

/** A load and its figure. */
export interface Slice extends Load {
  readonly figure: number;
  /** Additional figures to print. */
  readonly notes?: Readonly<Record<string, number>>;
}

/** Minimum ratio to the best peer on one CPU type, and the stretch goal. */
export interface Gate {
  readonly gate: number;
  readonly stretch?: number;
}

export interface Workload {
  /** "W2", or "W2:8" for a variant that only runs on request. */
  readonly id: string;
  readonly title: string;
  readonly figure: { readonly name: string; readonly better: "higher" | "lower" };
  readonly room: Room;
  readonly numPairs: number;
  readonly candidates: readonly Candidate[];
  /** Gates for CPUs with AVX512-VNNI, and for CPUs with only AVX2. */
  readonly gates?: { readonly vnni: Gate; readonly avx2: Gate };
  /** Limit for Pagoda's own figure. If set, this figure decides instead of the ratio to the peer. */
  readonly floor?: number;
  /** Options for Pagoda; none by default. */
  readonly ownFlags?: readonly string[];
  /** A decoded token reads every weight once, so the probe's memory read limits the figure. */
  readonly readsAllWeights?: true;
  /** Runs before the first slice and is not measured. */
  readonly warmUp?: (target: Target) => Promise<unknown>;
  /** @param seed differs from pair to pair, but is the same for both servers of a pair */
  readonly slice: (target: Target, seed: number) => Promise<Slice>;
  /** The peer is another Pagoda, with these options. */
  readonly ourPeerFlags?: readonly string[];
  /** Refused and failed requests count toward the figure. */
  readonly toleratesErrors?: true;
  /** Starts a helper during the slices of both servers. @returns its processes and a function that stops it */
  readonly neighbor?: () => { readonly pids: readonly number[]; stop(): Promise<void> };
}

/** Room for `concurrency` requests of `tokensIn` + `tokensOut` tokens. */
export const roomFor = (concurrency: number, tokensIn: number, tokensOut: number): Room => ({
  concurrency,
  maxTokens: tokensIn + tokensOut,
});
