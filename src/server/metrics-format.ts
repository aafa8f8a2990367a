// Negotiates the metrics format with a scraper according to the rules of Prometheus's Python client. Pagoda's metric
// names need no escaping; of the client's four escaping schemes, only the two that leave the names unchanged are
// offered.

import { CONTENT_TYPE, OPEN_METRICS_CONTENT_TYPE } from "../metrics/exposition.ts";

export interface MetricsFormat {
  readonly format: "prometheus" | "openmetrics";
  readonly contentType: string;
}

/** Format for scrapers that accept none of the versions that the Python client supports. */
const OLDEST: MetricsFormat = {
  format: "prometheus",
  contentType: "text/plain; version=0.0.4; charset=utf-8",
};

/** @returns the format of the first supported entry in an Accept header; quality values are ignored */
export function acceptedFormat(accept: string): MetricsFormat {
  for (const entry of accept.split(",")) {
    const [type, ...parameters] = entry.split(";").map((part) => part.trim());
    const version = parameter(parameters, "version");
    const escaping = escapingOf(parameters);
    if (type === "application/openmetrics-text" && version === "") {
      return { format: "openmetrics", contentType: OPEN_METRICS_CONTENT_TYPE };
    }
    if (!isFromOne(version)) continue;
    if (type === "application/openmetrics-text") {
      return {
        format: "openmetrics",
        contentType: `${type}; version=${version}; charset=utf-8; escaping=${escaping}`,
      };
    }
    if (type === "text/plain") {
      return { format: "prometheus", contentType: `${CONTENT_TYPE}; escaping=${escaping}` };
    }
  }
  return OLDEST;
}

function parameter(parameters: readonly string[], name: string): string {
  return parameters.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

function escapingOf(parameters: readonly string[]): string {
  return parameter(parameters, "escaping") === "allow-utf-8" ? "allow-utf-8" : "underscores";
}

/** @returns true for version 1.0.0 or later; "1.0" counts as earlier, as in Python's comparison of tuples */
function isFromOne(version: string): boolean {
  if (!/^\d+(\.\d+)*$/.test(version)) return false;
  const [major = 0, minor = -1, patch = -1] = version.split(".").map(Number);
  return major > 1 || (major === 1 && (minor > 0 || (minor === 0 && patch >= 0)));
}
