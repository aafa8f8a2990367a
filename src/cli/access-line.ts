// Formats the access log as uvicorn does for vLLM, so programs that parse vLLM's access log can parse Pagoda's.

import { STATUS_CODES } from "node:http";
import { ConfigError } from "../errors.ts";
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

/**
 * @returns a function that logs a request; null if the options turn the access log off
 * @throws ConfigError "invalid_option"
 */
export function accessLog(
  options: Options,
  print: (line: string) => void,
): ((access: Access) => void) | null {
  if (options["disable-uvicorn-access-log"] || QUIET.includes(options["uvicorn-log-level"])) {
    return null;
  }
  const silent = new Set(pathsIn(options["disable-access-log-for-endpoints"]));
  return (access) => {
    const path = shownUrl(access.target);
    if (!silent.has(path)) print(accessLine(access, path));
  };
}

/** Refuses text that is not a path, since it would silence nothing. @throws ConfigError "invalid_option" */
function pathsIn(list: string): string[] {
  const paths = list.split(",").map((path) => path.trim());
  const other = paths.find((path) => path !== "" && !path.startsWith("/"));
  if (other === undefined) return paths;
  const message = `--disable-access-log-for-endpoints: ${other} is not a path such as /health`;
  throw new ConfigError("invalid_option", message);
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
