// Measures a program's startup times: until a command prints a line, and until a server returns its first
// token.

import { SetupError } from "./report.ts";

/** Number of starts; only the fastest counts. Assumes a warm file cache and an idle machine. */
const NUM_STARTS = 3;

/** @returns the time in ms @throws SetupError when the program fails */
export async function commandMs(program: string, word: string): Promise<number> {
  return bestOf(async () => {
    const startMs = performance.now();
    const child = Bun.spawn([program, word], { stdio: ["ignore", "ignore", "inherit"] });
    if ((await child.exited) !== 0) throw new SetupError(`${program} ${word} failed`);
    return performance.now() - startMs;
  });
}

/** @returns ms from the start of `program serve model` to the end of a one-token response */
export async function firstTokenMs(program: string, model: string): Promise<number> {
  return bestOf(async () => {
    const startMs = performance.now();
    const child = Bun.spawn([program, "serve", model, "--port", "0"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    try {
      await oneToken(await urlOf(child.stderr));
      return performance.now() - startMs;
    } finally {
      child.kill("SIGTERM");
      await child.exited;
    }
  });
}

async function bestOf(measure: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < NUM_STARTS; i++) times.push(await measure());
  return Math.min(...times);
}

/** Reads the banner up to the URL. */
async function urlOf(banner: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of banner) {
    text += decoder.decode(chunk, { stream: true });
    const url = /API\s+(\S+)\/v1/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new SetupError(`the server did not start: ${text}`);
}

async function oneToken(url: string): Promise<void> {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "The capital of France is", max_tokens: 1 }),
  });
  if (!response.ok) throw new SetupError(`the server responded with ${response.status}`);
}
