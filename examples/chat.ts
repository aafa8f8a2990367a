// Streams the answer to one question: bun examples/chat.ts [model] [question]

import { LLM } from "pagoda";

const [model = "SmolLM2-135M-Instruct", question = "Why is the sky blue?"] = process.argv.slice(2);

await using llm = await LLM.load(model).catch(fail);
const answer = llm.chat([{ role: "user", content: question }], { maxTokens: 64, temperature: 0 });
for await (const piece of answer.text) process.stdout.write(piece);

const { finishReason, usage } = await answer.result;
console.log(`\n(${usage.completionTokens} tokens, ended by ${finishReason})`);

/** Prints one line and exits if the model is missing or cannot be loaded. */
function fail({ message }: Error): never {
  console.error(`error: ${message}`);
  process.exit(1);
}
