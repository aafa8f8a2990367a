// Measures how much later the first token of a chat arrives if the model can call any of 40 tools (about 40 kB of
// schemas), compared with the same chat with tool_choice none, whose output is neither constrained nor parsed for calls.

import { LLM } from "../src/library/llm.ts";
import { createApp } from "../src/library/server.ts";
import { MODEL_PATH } from "./engine.ts";
import { median, report } from "./measure.ts";

const [NUM_TOOLS, NUM_PARAMETERS] = [40, 6];
const NUM_ROUNDS = 40;
const TYPES = [
  { type: "string" },
  { type: "integer" },
  { type: "array", items: { type: "string" } },
];

const parameter = (i: number) => ({
  ...TYPES[i % TYPES.length],
  description: "Parameter with a description of typical length.",
});

const toolsNamed = (suffix: string) =>
  Array.from({ length: NUM_TOOLS }, (_, i) => ({
    type: "function",
    function: {
      name: `tool_${i}${suffix}`,
      description: "Does something that takes a sentence or two to describe. ".repeat(2),
      parameters: {
        type: "object",
        properties: Object.fromEntries(
          Array.from({ length: NUM_PARAMETERS }, (_, k) => [`parameter_${k}`, parameter(k)]),
        ),
        required: ["parameter_0"],
      },
    },
  }));

/** The chat's tool fields in each round. */
const KINDS = {
  none: () => ({ tools: toolsNamed(""), tool_choice: "none" }),
  known: () => ({ tools: toolsNamed("") }),
  new: (round: number) => ({ tools: toolsNamed(`_${round}`) }),
};

type Kind = keyof typeof KINDS;

export async function tools(): Promise<void> {
  const llm = await LLM.load(MODEL_PATH);
  const { fetch } = createApp(llm);
  const firstMs = async (round: number, kind: Kind) => {
    const content = `Round ${round}, ${kind}. ${"Please explain what a river is and where it ends. ".repeat(40)}`;
    const messages = [{ role: "user", content }];
    const sampling = { max_tokens: 2, temperature: 0, stream: true };
    const body = JSON.stringify({ messages, ...sampling, ...KINDS[kind](round) });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body };
    const startMs = performance.now();
    const response = await fetch(new Request("http://localhost/v1/chat/completions", init));
    return timeToContent(response, startMs);
  };
  const times: Record<Kind, number[]> = { none: [], known: [], new: [] };
  for (let round = 0; round < NUM_ROUNDS; round++) {
    for (const kind of ["none", "known", "new"] as const) {
      times[kind].push(await firstMs(round, kind));
    }
  }
  await llm[Symbol.asyncDispose]();
  const base = median(times.none);
  report("bytes of tools", String(JSON.stringify(toolsNamed("")).length));
  report("time to the first token, tool_choice none", `${base.toFixed(1)} ms`);
  report("with known tools", `x ${(median(times.known) / base).toFixed(3)}`, "<= 1.1");
  report("with new tools", `x ${(median(times.new) / base).toFixed(3)}`, "<= 1.1");
}

async function timeToContent(response: Response, startMs: number): Promise<number> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (/"content":"[^"]/.test(text)) return performance.now() - startMs;
  }
  throw new Error(`no content: ${text}`);
}
