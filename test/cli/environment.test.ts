// Warnings about PAGODA_* variables; options.test.ts tests how they are read.

import { describe, expect, test } from "bun:test";
import { parseOptions } from "../../src/cli/parse-options.ts";

describe("environment variables", () => {
  const warned = (env: Record<string, string>) => {
    const lines: string[] = [];
    const sources = { argv: [], env, readYaml: () => ({}) };
    parseOptions("ls", sources, (line) => void lines.push(line));
    return lines;
  };

  test("that name no option cause a warning", () => {
    expect(warned({ PAGODA_PROT: "1", PAGODA_FROBNICATE: "1" })).toEqual([
      "PAGODA_PROT has no effect: no such option; did you mean PAGODA_PORT?",
      "PAGODA_FROBNICATE has no effect: no such option",
    ]);
  });

  test.each([
    ["for another command", { PAGODA_MAX_NUM_SEQS: "2" }],
    ["for the addon and its build", { PAGODA_CPU: "avx2", PAGODA_CUDA: "OFF" }],
    [
      "that Kubernetes sets for services",
      {
        PAGODA_SERVICE_HOST: "10.0.0.1",
        PAGODA_PORT_80_TCP_ADDR: "10.0.0.1",
        PAGODA_WEB_PORT: "tcp://10.0.0.1:80",
      },
    ],
    ["for other programs", { PATH: "x", VLLM_PORT: "1" }],
  ])("%s cause no warning", (_, env) => {
    expect(warned(env as Record<string, string>)).toEqual([]);
  });

  test("that Kubernetes sets for a service named like an option cause an error with the reason", () => {
    expect(() => warned({ PAGODA_JSON: "tcp://10.0.0.1:80" })).toThrow(
      "PAGODA_JSON=tcp://10.0.0.1:80 was set by Kubernetes for a service of that name; rename",
    );
  });
});
