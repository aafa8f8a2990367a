// Starts the server in its own process, as an operator would, and reads its /metrics as numbers.

import { join } from "node:path";

const MAIN = join(import.meta.dir, "../../src/main.ts");

const FROM_SOURCE = [process.execPath, MAIN];

/**
 * Returns a command that runs the program from source after running bash commands in the same process, for
 * example to set limits.
 */
export function afterShell(commands: string): string[] {
  return ["bash", "-c", `${commands}exec "$0" "$@"`, ...FROM_SOURCE];
}

export interface ServerProcess {
  readonly url: string;
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** Everything that the server wrote to standard error; resolves when it has exited. */
  readonly log: Promise<string>;
}

/**
 * Runs `serve` on a free port with further arguments; resolves when the server is ready.
 * @param program command to run; by default, the program from source
 * @param spawn `detached`: run in its own process group, as if started from a terminal
 */
export async function startServer(
  words: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  program: readonly string[] = FROM_SOURCE,
  spawn: { readonly detached?: boolean } = {},
): Promise<ServerProcess> {
  const child = Bun.spawn([...program, "serve", "--port", "0", ...words], {
    ...spawn,
    stdin: "ignore",
    stderr: "pipe",
    env: { ...process.env, ...env },
  });
  let text = "";
  const log = Promise.withResolvers<string>();
  const url = Promise.withResolvers<string>();
  const read = async () => {
    // Reads to the end, because the pipe would fill up otherwise.
    for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.includes("ready in")) url.resolve(/API\s+(\S+)\/v1/.exec(text)?.[1] ?? "");
    }
    url.reject(new Error(`the server did not start: ${text}`));
    log.resolve(text);
  };
  void read();
  return { url: await url.promise, process: child, log: log.promise };
}

/** Values by series, without the labels `engine` and `model_name`. */
export type Series = ReadonlyMap<string, number>;

export function seriesOf(text: string): Series {
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line) => {
      const at = line.lastIndexOf(" ");
      const name = line
        .slice(0, at)
        .replace(/(engine|model_name)="[^"]*",?/g, "")
        .replace(",}", "}");
      return [name, Number(line.slice(at))];
    }),
  );
}

export async function readMetrics(url: string): Promise<Series> {
  return seriesOf(await (await fetch(`${url}/metrics`)).text());
}

/** Returns the change in a series; NaN if either side lacks it. */
export function change(before: Series, after: Series, name: string): number {
  return (after.get(name) ?? Number.NaN) - (before.get(name) ?? Number.NaN);
}

/** Waits until the server is idle. @returns its metrics */
export async function untilIdle(url: string): Promise<Series> {
  for (let i = 0; i < 200; i++) {
    const now = await readMetrics(url);
    if (now.get("vllm:num_requests_running{}") === 0) return now;
    await Bun.sleep(25); // polls another process
  }
  throw new Error("the server did not become idle");
}
