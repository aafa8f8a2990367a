// Measures the CPU time of parsing a streamed tool call, per token and as a percentage of a real model's
// decode step. Uses two lengths, because a linear parser needs the same time per token for both.

import { MessageParser } from "../src/formats/message-parser.ts";
import type { MessageParsing, ToolParser } from "../src/protocol/message-parsing.ts";
import { generateAll, loadRunner, startEngine } from "./engine.ts";
import { median, report, tokensOf } from "./measure.ts";

const NUM_TOKENS = 8000;
const NUM_RUNS = 7;
const NUM_BLOCKS = 257;

/** Text before and after a call's long argument. */
const CALLS: readonly (readonly [ToolParser, start: string, end: string])[] = [
  ["hermes", '<tool_call>{"name":"write","arguments":{"content":"', '"}}</tool_call>'],
  [
    "qwen3_coder",
    "<tool_call>\n<function=write>\n<parameter=content>\n",
    "\n</parameter>\n</function>\n</tool_call>",
  ],
  [
    "openai",
    '<|channel|>commentary to=functions.write <|constrain|>json<|message|>{"content":"',
    '"}<|call|>',
  ],
];

/** @returns µs per token for one streamed call */
function parsingUs(toolParser: ToolParser, start: string, end: string, numTokens: number): number {
  const parsing: MessageParsing = {
    ...{ toolParser, reasoningParser: null, holdsCalls: false, onlyFirstCall: false },
    tools: [{ name: "write", parameters: [["content", ["string"]]] }],
    thinkingTokenBudget: null,
  };
  const parser = new MessageParser(parsing, "");
  const startMs = performance.now();
  parser.push(start);
  for (let i = 0; i < numTokens; i++) parser.push(i % 9 === 0 ? "\\n  " : " word");
  parser.push(end);
  parser.flush();
  return (1000 * (performance.now() - startMs)) / numTokens;
}

/** @returns the duration of a single-sequence decode step, in µs */
async function stepUs(): Promise<number> {
  const { engine, counts, shutdown } = startEngine(await loadRunner(NUM_BLOCKS), NUM_BLOCKS);
  await generateAll(engine, [tokensOf(0, 16)], { maxTokens: 64 });
  await shutdown();
  return (1000 * counts.nativeMs) / counts.numSteps;
}

export async function parsing(): Promise<void> {
  const step = await stepUs();
  report("decode step of one sequence", `${step.toFixed(0)} us`);
  for (const [toolParser, start, end] of CALLS) {
    const usFor = (numTokens: number) =>
      median(Array.from({ length: NUM_RUNS }, () => parsingUs(toolParser, start, end, numTokens)));
    const [us, doubleUs] = [usFor(NUM_TOKENS), usFor(2 * NUM_TOKENS)];
    const share = `${((100 * us) / step).toFixed(2)}% of a step`;
    report(`${toolParser}, per token`, `${us.toFixed(2)} us, ${share}`, "<= 2%");
    report(`${toolParser}, twice the length`, `x ${(doubleUs / us).toFixed(2)} per token`, "1");
  }
}
