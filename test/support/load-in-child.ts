// Loads the model files given as arguments and runs a step with each, one after another, reporting each
// outcome. If a file crashes the process, that file is the first one without a report.

import { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { runStep } from "./drive.ts";
import { makeRequest } from "./make-request.ts";
import { loadOptions } from "./tiny-model.ts";

export const LOAD_CHILD = [process.execPath, import.meta.path];

async function serve(path: string): Promise<string> {
  const runner = await NativeModelRunner.load(loadOptions(path));
  const ids = await runner.tokenizer.encode("the the", true, true);
  const request = makeRequest(
    "a",
    Array.from(ids, (id) => Math.min(id, runner.info.vocabSize - 1)),
  );
  await runStep(runner, [{ request, blocks: [1] }], 16);
  await runner.dispose();
  return "served";
}

if (import.meta.main) {
  for (const path of process.argv.slice(2)) {
    const outcome = await serve(path).catch(
      (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
    );
    console.log(`${path}\t${outcome}`);
  }
}
