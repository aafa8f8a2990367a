// Formats the access log as uvicorn does for vLLM, so programs that parse vLLM's access log can parse Pagoda's.

import { STATUS_CODES } from "node:http";
import type { Access } from "../runtime/http-types.ts";
import { shownUrl } from "../shown-url.ts";
import { visible } from "../visible-text.ts";
import type { ServeOptions } from "./commands.ts";

type Options = Pick<
  ServeOptions,
  "disable-uvicorn-access-log" | "disable-access-log-for-endpoints" | "uvicorn-log-level"
>;

/** Log levels at which uvicorn does not log requests. */
const QUIET: readonly string[] = ["warning", "error", "critical"];

/** @returns a function that logs a request; null if the options turn the access log off */
export function accessLog(
  options: Options,
  print: (line: string) => void,
): ((access: Access) => void) | null {
  if (options["disable-uvicorn-access-log"] || QUIET.includes(options["uvicorn-log-level"])) {
    return null;
  }
  const silent = new Set(
    options["disable-access-log-for-endpoints"].split(",").map((path) => path.trim()),
  );
  return (access) => {
    const path = shownUrl(access.target);
    if (!silent.has(path)) print(accessLine(access, path));
  };
}

/**
 * Omits the query, since clients can put a key in it.
 * @param path the request target without its query
 */
function accessLine({ client, method, httpVersion, status }: Access, path: string): string {
  const request = `${method} ${path.replaceAll('"', "%22")} HTTP/${httpVersion}`;
  const reason = STATUS_CODES[status] ?? "";
  return visible(`INFO:     ${client} - "${request}" ${status} ${reason}`.trimEnd());
}
