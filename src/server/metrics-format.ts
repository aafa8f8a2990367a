// In what form a scraper is answered where it may ask, by the rules of Python's metrics client. Our names
// need no escaping, so of its four ways only those that leave every name alone are claimed.

import { CONTENT_TYPE, OPEN_METRICS_CONTENT_TYPE } from "../metrics/exposition.ts";

export interface MetricsFormat {
  readonly format: "prometheus" | "openmetrics";
  readonly contentType: string;
}

/** For whoever names no version that the client knows. */
const OLDEST: MetricsFormat = {
  format: "prometheus",
  contentType: "text/plain; version=0.0.4; charset=utf-8",
};

/** The first entry of an Accept header that can be met; qualities are not weighed. */
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

/** At least 1.0.0; "1.0" is earlier than that, as Python compares tuples. */
function isFromOne(version: string): boolean {
  if (!/^\d+(\.\d+)*$/.test(version)) return false;
  const [major = 0, minor = -1, patch = -1] = version.split(".").map(Number);
  return major > 1 || (major === 1 && (minor > 0 || (minor === 0 && patch >= 0)));
}
