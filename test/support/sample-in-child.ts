// Samples rows of every shape in every way from a model of chosen logits, and prints the results as JSON.
// Arguments: the model, the number of threads.

import { SHAPE_NAMES } from "./logit-rows.ts";
import { loadTestModel, NativeStep, type StepRow } from "./native-step.ts";

const CUTS: readonly StepRow[] = [
  {},
  { temperature: 1 },
  { temperature: 0.7, topK: 40 },
  { temperature: 1.2, topP: 0.95 },
  { temperature: 1, topK: 300, topP: 0.8 },
  { temperature: 1.5, minP: 0.02 },
];

const model = await loadTestModel(process.argv[2] ?? "", { numThreads: Number(process.argv[3]) });
const step = new NativeStep(model);
const sequences = SHAPE_NAMES.map((_, token) => ({
  tokenIds: [token],
  blockIds: [1 + token],
  rows: Array.from({ length: 5 }, (_, outputIndex) =>
    CUTS.map((cut): StepRow => ({ ...cut, seed: 42n, outputIndex, numLogprobs: outputIndex })),
  ).flat(),
}));
console.log(JSON.stringify(await step.run(sequences)));
await model.dispose();
