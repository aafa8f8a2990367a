// llama-server's flags at the pinned version, given to `serve`: each is accepted or has a hint.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LLAMA_SERVER_HINTS } from "../../src/cli/llama-server-flags.ts";
import { parse } from "../support/serve-options.ts";

const SOURCE = join(import.meta.dir, "../../third_party/llama.cpp/common/arg.cpp");

/** Names in the first arguments of each common_arg(), for llama-server or any program. */
function flagsOf(source: string): string[] {
  const options = source.split("add_opt(common_arg(").slice(1);
  const isServers = (option: string) => {
    const programs = /set_examples\(\{([^}]*)\}/.exec(option)?.[1] ?? "LLAMA_EXAMPLE_COMMON";
    return /_(SERVER|COMMON)\b/.test(programs);
  };
  const names = (option: string) => {
    const [head = ""] = option.split("[](");
    return Array.from(head.matchAll(/"(-{1,2}[a-zA-Z][\w.-]*)"/g), ([, name]) => name as string);
  };
  return [...new Set(options.filter(isServers).flatMap(names))];
}

/** @returns the error that `serve` reports for this flag; null if it is accepted, possibly with a warning */
function refusal(flag: string): string | null {
  try {
    parse([flag, "1"]);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

const flags = flagsOf(readFileSync(SOURCE, "utf8"));
/** Flags that are handled before options are read, or that have their own message. */
const OTHERS = ["-h", "--help", "--usage", "--prompt"];

describe("every llama-server flag", () => {
  test("occurs in its source", () => {
    expect(flags.length).toBeGreaterThan(350);
    for (const flag of ["--override-kv", "-cmoe", "--rope-scaling", "--no-webui"]) {
      expect(flags).toContain(flag);
    }
  });

  test("is accepted by serve, or refused with a hint", () => {
    const isPlain = (flag: string) => {
      const message = refusal(flag);
      return message !== null && !message.startsWith(`unknown option ${flag}: `);
    };
    expect(flags.filter((flag) => !OTHERS.includes(flag)).filter(isPlain)).toEqual([]);
  });

  test("exists if it has its own hint", () => {
    const hinted = Object.values(LLAMA_SERVER_HINTS).flatMap((names) => names.trim().split(/\s+/));
    expect(hinted.filter((name) => !flags.includes(name))).toEqual([]);
    expect(hinted.filter((name, i) => hinted.indexOf(name) !== i)).toEqual([]);
  });
});

test.each([
  ["--override-kv", "the model file sets it, and Pagoda cannot override it"],
  ["--cpu-moe", "--gpu-layers offloads whole layers, including their KV cache"],
  ["--n_cpu_moe", "--gpu-layers offloads whole layers, including their KV cache"],
  ["--rope-scaling", "the model file sets it, and Pagoda cannot override it"],
  ["--draft-max", "--speculative-config sets up speculative decoding and names the draft model"],
  ["--temperature", "set sampling parameters in each request"],
])("%s gets a hint", (flag, hint) => {
  expect(refusal(flag)).toBe(`unknown option ${flag}: ${hint}`);
});
