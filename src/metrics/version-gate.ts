// The lifecycle of a deprecated metric: deprecated in X.Y, hidden in X.Y+1, removed in X.Y+2. The flag
// --show-hidden-metrics-for-version shows hidden metrics if it names the previous minor version.

import { ConfigError } from "../errors.ts";
import type { MetricFamily } from "./family.ts";

/** vLLM version that Pagoda's metrics match. */
export const CLAIMED_VERSION = "0.13.0";

export type Visibility = "shown" | "hidden" | "removed";

/**
 * @returns visibility of a family at `version`, by the policy or by the removal version in its record
 */
export function visibility(
  { deprecated }: Pick<MetricFamily, "deprecated">,
  version: string,
): Visibility {
  if (deprecated === undefined) return "shown";
  const minor = minorOf(version);
  const deprecatedAt = minorOf(deprecated.in);
  const { removedIn } = deprecated;
  const removedAt = removedIn === undefined ? deprecatedAt + 2 : minorOf(removedIn);
  if (minor <= deprecatedAt) return "shown";
  return minor < removedAt ? "hidden" : "removed";
}

/**
 * @param showHiddenFor value of the flag; null when absent
 * @returns families to register at `version`
 */
export function visibleFamilies(
  catalog: readonly MetricFamily[],
  showHiddenFor: string | null,
  version = CLAIMED_VERSION,
): MetricFamily[] {
  const showsHidden = showHiddenFor === `0.${minorOf(version) - 1}`;
  return catalog.filter((family) => {
    const state = visibility(family, version);
    return state === "shown" || (state === "hidden" && showsHidden);
  });
}

/** PEP 440: a release, then optional pre-, post- and development releases and a local label. */
const PEP_440 = new RegExp(
  [
    /^\s*v?(\d+!)?\d+(\.\d+)*/,
    /([-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?\d*)?/,
    /(-\d+|[-_.]?(post|rev|r)[-_.]?\d*)?/,
    /([-_.]?dev[-_.]?\d*)?/,
    /(\+[a-z0-9]+([-_.][a-z0-9]+)*)?\s*$/,
  ]
    .map(({ source }) => source)
    .join(""),
  "i",
);

/** @throws ConfigError "invalid_version" when `text` is not a PEP 440 version */
export function checkVersion(text: string): string {
  if (PEP_440.test(text)) return text;
  throw new ConfigError("invalid_version", `Value error, Invalid version: '${text}'`);
}

function minorOf(version: string): number {
  return Number(version.split(".")[1] ?? 0);
}
