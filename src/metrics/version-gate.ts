// The life of a deprecated metric: deprecated in X.Y, hidden in X.Y+1, removed in X.Y+2; the flag
// --show-hidden-metrics-for-version shows what is hidden, if it names the previous minor version.

import { ConfigError } from "../errors.ts";
import type { MetricFamily } from "./family.ts";

/** vLLM's version whose surface is claimed. */
export const CLAIMED_VERSION = "0.13.0";

export type Visibility = "shown" | "hidden" | "removed";

/** Where a family stands at `version`, by the policy or by the removal that its record names. */
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

/** PEP 440: release, then pre-, post- and development release, then local label, each optional. */
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
