// Starts Pagoda as an operator would, on a free port.

import { join } from "node:path";
import { startChild, untilReady } from "./child.ts";
import { modelOf, type ServedModel, type Server } from "./server.ts";

const MAIN = join(import.meta.dir, "..", "..", "src", "main.ts");

export async function startPagoda(
  model: ServedModel,
  flags: readonly string[] = [],
): Promise<Server> {
  const words = ["serve", model.path, "--port", "0", ...flags];
  const env: Record<string, string> = model.cpu === null ? {} : { PAGODA_CPU: model.cpu };
  const child = startChild([process.execPath, MAIN, ...words], env);
  const url = await untilReady("Pagoda", child, async () => {
    const text = child.output();
    return text.includes("ready in") ? (/API\s+(\S+)\/v1/.exec(text)?.[1] ?? null) : null;
  });
  return {
    ...{ name: "Pagoda", url, model: await modelOf(url), pid: child.pid },
    flags: [
      ...Object.entries(env).map((pair) => pair.join("=")),
      flags.join(" ") || "defaults",
    ].join(" "),
    death: child.death,
    stop: child.stop,
  };
}
