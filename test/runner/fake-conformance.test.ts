// The fake runner in the shared conformance suite.

import { FakeModelRunner } from "../support/fake-model-runner.ts";
import { modelRunnerConformance } from "../support/model-runner.conformance.ts";

modelRunnerConformance({
  name: "FakeModelRunner",
  create: async () => ({
    runner: new FakeModelRunner({ numBlocks: 32, blockSize: 16 }),
    blockSize: 16,
    adapters: ["/a", "/b"],
  }),
});
