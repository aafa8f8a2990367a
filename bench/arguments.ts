// Parses the arguments and options of `bun run bench`. Pure: no I/O.

import type { Goodput } from "../src/benchmark/serving-result.ts";
import { BenchError } from "./bench-error.ts";
import { FORCED_SETS, type ForcedSet } from "./probe/cpu.ts";

export interface BenchArguments {
  readonly words: readonly string[];
  /** URL of the server to measure; null = start Pagoda. */
  readonly url: string | null;
  /** URL of the peer; null = llama-server, if it is built and `url` is not set. */
  readonly against: string | null;
  /** GGUF file for the servers that the bench starts; null = the default model. */
  readonly model: string | null;
  /** Extra options for the Pagoda server that the bench starts. */
  readonly serveFlags: readonly string[];
  /** Instruction set that both servers, or the kernels, are limited to; null = the CPU's best. */
  readonly cpu: ForcedSet | null;
  /** Measure without a peer. */
  readonly alone: boolean;
  /** Use one good configuration of the peer instead of the best of several. */
  readonly quick: boolean;
  /** Number of pairs of slices; null = the workload's default. */
  readonly pairs: number | null;
  /** Number of slices when a server is measured without a peer. */
  readonly slices: number;
  /** Selects the prompts. Use a new seed for each run, because servers cache the prompts that they have seen. */
  readonly seed: number;
  /** Open-loop settings: requests per second, burstiness, and duration in seconds. */
  readonly rate: number;
  readonly burstiness: number;
  readonly duration: number;
  readonly goodput: Goodput | null;
  readonly saveResult: string | null;
  readonly report: string | null;
  readonly help: boolean;
}

const VALUES = [
  "url",
  "against",
  "model",
  "serve-flags",
  "cpu",
  "pairs",
  "slices",
  "seed",
  "request-rate",
  "burstiness",
  "duration",
  "goodput",
  "save-result",
  "report",
] as const;
type ValueName = (typeof VALUES)[number];
const FLAGS = ["alone", "quick", "help"] as const;

/** @throws BenchError */
export function parseArguments(argv: readonly string[]): BenchArguments {
  const { words, values, flags } = split(argv);
  const number = (name: ValueName, fallback: number, isWhole = true) =>
    numberOf(name, values.get(name), isWhole) ?? fallback;
  return {
    words,
    url: urlOf("url", values.get("url")),
    against: urlOf("against", values.get("against")),
    model: values.get("model") ?? null,
    serveFlags: values.get("serve-flags")?.split(/\s+/).filter(Boolean) ?? [],
    cpu: setOf(values.get("cpu")),
    alone: flags.has("alone"),
    quick: flags.has("quick"),
    pairs: numberOf("pairs", values.get("pairs"), true),
    slices: number("slices", 3),
    seed: number("seed", 0),
    rate: number("request-rate", 2, false),
    burstiness: number("burstiness", 1, false),
    duration: number("duration", 60, false),
    goodput: goodputOf(values.get("goodput")),
    saveResult: values.get("save-result") ?? null,
    report: values.get("report") ?? null,
    help: flags.has("help"),
  };
}

function split(argv: readonly string[]) {
  const words: string[] = [];
  const values = new Map<ValueName, string>();
  const flags = new Set<string>();
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] === "-h" ? "--help" : (argv[i] ?? "");
    if (!word.startsWith("--")) {
      words.push(word);
      continue;
    }
    const [name = "", given] = word.slice(2).split(/=(.*)/s);
    const value = VALUES.find((known) => known === name);
    if (value !== undefined) values.set(value, given ?? valueAfter(name, argv[++i]));
    else if (FLAGS.some((known) => known === name)) flags.add(name);
    else throw new BenchError(`unknown option --${name}; see \`bun run bench --help\``);
  }
  return { words, values, flags };
}

function valueAfter(name: string, value: string | undefined): string {
  const isValue = value !== undefined && value !== "";
  if (isValue && (!value.startsWith("--") || value.includes(" "))) return value;
  throw new BenchError(`--${name} needs a value`);
}

function numberOf(name: string, text: string | undefined, isWhole: boolean): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  const isFine = isWhole ? Number.isSafeInteger(value) && value >= 0 : value > 0;
  if (isFine && Number.isFinite(value)) return value;
  throw new BenchError(`--${name} must be a ${isWhole ? "whole" : "positive"} number, got ${text}`);
}

function urlOf(name: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const url = URL.parse(text);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return text;
  throw new BenchError(`--${name} must be an address such as http://127.0.0.1:8000, got ${text}`);
}

function setOf(text: string | undefined): ForcedSet | null {
  if (text === undefined) return null;
  const set = FORCED_SETS.find((known) => known === text);
  if (set !== undefined) return set;
  throw new BenchError(`--cpu must be ${FORCED_SETS.join(" or ")}, got ${text}`);
}

const GOODPUT_METRICS = ["ttft", "tpot", "e2el"] as const;

/** Same syntax as vLLM's: "ttft:2000 tpot:100", in milliseconds. */
function goodputOf(text: string | undefined): Goodput | null {
  if (text === undefined) return null;
  const limits: Goodput = {};
  for (const part of text.trim().split(/[\s,]+/)) {
    const [name, value] = part.split(":");
    const metric = GOODPUT_METRICS.find((known) => known === name);
    if (metric === undefined || !(Number(value) > 0)) {
      throw new BenchError(`--goodput takes ttft:MS, tpot:MS and e2el:MS, got ${part}`);
    }
    limits[metric] = Number(value);
  }
  return limits;
}
