// Completes many prompts, several at a time, and prints the results in order: bun examples/batch.ts [model]

import { LLM } from "pagoda";

const [model = "SmolLM2-135M-Instruct"] = process.argv.slice(2);
const countries = ["France", "Italy", "Spain", "Norway", "Japan", "Peru", "Kenya", "India"];
const prompts = countries.map((country) => `The capital of ${country} is`);

await using llm = await LLM.load(model, { maxSequences: 4 }).catch(fail);
const results = llm.generateAll(prompts, { maxTokens: 4, temperature: 0, stop: "\n" });
for await (const { text, usage } of results) {
  console.log(`${prompts.shift()}${text} (${usage.cachedTokens} of ${usage.promptTokens} cached)`);
}

const steps = (await llm.metrics.snapshot()).get("vllm:iteration_tokens_total")?.histograms[0];
console.log(`${countries.length} prompts in ${steps?.count} steps`);

/** Prints one line and exits if the model is missing or cannot be loaded. */
function fail({ message }: Error): never {
  console.error(`error: ${message}`);
  process.exit(1);
}
