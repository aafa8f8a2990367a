// Requests that the curl commands in the docs send.

export interface Call {
  readonly url: string;
  readonly init: {
    readonly method: string;
    readonly headers: [string, string][];
    readonly body?: string;
  };
}

/**
 * Converts a curl example to a request.
 * @param variables values for the shell variables in the command
 */
export function callOf(command: string, variables: Readonly<Record<string, string>>): Call {
  const text = command
    .replaceAll("\\\n", " ")
    .replace(/\$([A-Z]+)/g, (_, name) => variables[name] ?? "");
  const [, url = ""] = /(http:\/\/[^\s"']+)/.exec(text) ?? [];
  const [, method] = /-X ([A-Z]+)/.exec(text) ?? [];
  const headers = [...text.matchAll(/-H '([^:]+): ([^']*)'/g)].map(([, name = "", value = ""]) => [
    name,
    value,
  ]);
  const [, body] = /-d '([^']*)'/.exec(text) ?? [];
  return {
    url,
    init: {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: headers as [string, string][],
      ...(body !== undefined && { body }),
    },
  };
}
