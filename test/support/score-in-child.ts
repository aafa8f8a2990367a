// score-in-child MODEL ATTENTION: loads a model, scores a fixed prompt, and prints device and logprobs (JSON).

import { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { runStep } from "./drive.ts";
import { makeRequest } from "./make-request.ts";
import { loadOptions } from "./tiny-model.ts";

const [path = "", backend = "paged"] = process.argv.slice(2);
const options = loadOptions(path, { attentionBackend: backend === "ggml" ? "ggml" : "paged" });
const runner = await NativeModelRunner.load(options);
const prompt = Array.from({ length: 300 }, (_, i) => 3 + ((i * 7) % 200));
const request = makeRequest("a", prompt, { params: { promptLogprobs: 0 } });
const blocks = Array.from({ length: 20 }, (_, i) => 1 + ((i * 7) % 20));
const logprobs: number[] = [];
for (const numTokens of [250, 1, 1, 48]) {
  const { results } = await runStep(runner, [{ request, blocks, numTokens }], 16);
  logprobs.push(...(results[0]?.promptLogprobs ?? []).map(({ chosen }) => chosen.logprob));
}
console.log(JSON.stringify({ device: runner.info.device, logprobs }));
await runner.dispose();
