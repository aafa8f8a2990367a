// Samples rows of every shape with every method from a model with chosen logits, and prints the results as
// JSON. Arguments: the model, the number of threads.

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
const none = new Int32Array(0);
/** Shared by several rows of the step; each must see the tokens of the previous rows. */
const sampler = model.createSampler({
  vocabSize: model.info.vocabSize,
  promptTokenIds: none,
  outputTokenIds: none,
  logitBiasIds: Int32Array.of(7),
  logitBiasValues: Float32Array.of(100),
  allowedTokenIds: none,
  endTokenIds: none,
  badWordIds: none,
  badWordStarts: Int32Array.of(0),
  grammar: 0,
  isGrammarOptional: false,
});
const counted: StepRow = { sampler, frequencyPenalty: 7, temperature: 1, topK: 5, seed: 3n };
const sequences = SHAPE_NAMES.map((_, token) => ({
  tokenIds: [token],
  blockIds: [1 + token],
  rows: Array.from({ length: 4 }, (_, outputIndex) =>
    [...CUTS.map((cut): StepRow => ({ seed: 42n, ...cut })), counted].map(
      (row): StepRow => ({ ...row, outputIndex, numLogprobs: outputIndex }),
    ),
  ).flat(),
}));
console.log(JSON.stringify(await step.run(sequences)));
await model.dispose();
