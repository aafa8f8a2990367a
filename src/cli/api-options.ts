// Options of the API: additional routes, and what answers contain.

import type { OptionSpec } from "./option-spec.ts";

export const API_OPTIONS = [
  {
    name: "enable-server-load-tracking",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Count the requests in progress, for GET /load.",
  },
] as const satisfies readonly OptionSpec[];
