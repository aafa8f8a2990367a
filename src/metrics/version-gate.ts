// The life of a deprecated metric: deprecated in X.Y, hidden in X.Y+1, removed in X.Y+2; the flag
// --show-hidden-metrics-for-version shows what is hidden, if it names the previous minor version.

import { ConfigError } from "../errors.ts";
import type { MetricFamily } from "./catalogue.ts";

/** vLLM's version whose surface is claimed. */
export const CLAIMED_VERSION = "0.13.0";

export type Visibility = "shown" | "hidden" | "removed";

/**
 * Where a family stands at `version`. Deprecation texts were late once: a family deprecated in 0.11 was
 * hidden from 0.12 to 0.14, so removal is counted from the claimed surface, as the page lists it.
 */
export function visibility(
  family: Pick<MetricFamily, "deprecatedIn">,
  version: string,
  removalGrace = 2,
): Visibility {
  if (family.deprecatedIn === undefined) return "shown";
  const age = minorOf(version) - minorOf(family.deprecatedIn);
  if (age <= 0) return "shown";
  return age <= 1 + removalGrace ? "hidden" : "removed";
}

/** Families to register at `version`. @param showHiddenFor value of the flag, null when absent */
export function visibleFamilies(
  catalogue: readonly MetricFamily[],
  showHiddenFor: string | null,
  version = CLAIMED_VERSION,
): MetricFamily[] {
  const showsHidden = showHiddenFor === `0.${minorOf(version) - 1}`;
  return catalogue.filter((family) => {
    const state = visibility(family, version);
    return state === "shown" || (state === "hidden" && showsHidden);
  });
}

/** @throws ConfigError "invalid_version" when `text` is not a version (PEP 440 release segment) */
export function checkVersion(text: string): string {
  const isVersion = /^v?(\d+!)?\d+(\.\d+)*([._-]?(a|b|rc|post|dev)\d*)*(\+[a-z0-9.]+)?$/i.test(
    text,
  );
  if (isVersion) return text;
  throw new ConfigError("invalid_version", `Value error, Invalid version: '${text}'`);
}

function minorOf(version: string): number {
  return Number(version.split(".")[1] ?? 0);
}
