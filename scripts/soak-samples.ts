// Samples a server from outside while faults occur: memory and descriptors of both processes,
// blocks, the latency of a one-token request, and the counts of request outcomes so far.

import { readdirSync } from "node:fs";
import type { Ledger } from "../test/support/ledger.ts";
import { childrenOf, isAlive, residentBytesOf } from "../test/support/processes.ts";
import { readMetrics, type Series, type ServerProcess } from "../test/support/server-process.ts";

/** One sample; null = no value, because there was no engine or no response. */
export interface Sample {
  readonly timeS: number;
  /** Signals sent since the previous sample. */
  readonly faults: readonly string[];
  readonly frontMib: number;
  readonly engineMib: number | null;
  readonly frontFds: number;
  readonly engineFds: number | null;
  /** KV blocks in use. */
  readonly blocks: number | null;
  readonly running: number | null;
  /** Slowest one-token response since the previous sample, in ms. */
  readonly answerMs: number | null;
  readonly finished: number;
  readonly failed: number;
  readonly refused: number;
  readonly lost: number;
}

export const CSV_HEAD = [
  ...["time s", "faults", "front RSS MiB", "engine RSS MiB", "front descriptors"],
  ...["engine descriptors", "blocks in use", "requests running", "slowest one-token answer ms"],
  ...["finished", "failed", "refused", "lost"],
].join();

export function csvRow(sample: Sample): string {
  const cells = Object.values(sample).map((value: Sample[keyof Sample]) => {
    if (value === null) return "";
    return typeof value === "number" ? String(Number(value.toFixed(1))) : value.join("+");
  });
  return cells.join();
}

const MIB = 1024 * 1024;
const BETWEEN_PROBES_MS = 100;

export class SoakSampler {
  readonly #server: ServerProcess;
  readonly #ledger: Ledger;
  readonly #startMs = performance.now();
  #answersMs: number[] = [];
  #isOver = false;

  /** @param ledger ledger that also records the sampler's own requests */
  constructor(server: ServerProcess, ledger: Ledger) {
    this.#server = server;
    this.#ledger = ledger;
  }

  /** Repeatedly requests one token. */
  async probe(): Promise<void> {
    while (!this.#isOver) {
      const startMs = performance.now();
      const outcome = await this.#ledger.run({ maxTokens: 1, stream: false });
      if (outcome === "finished") this.#answersMs.push(performance.now() - startMs);
      await Bun.sleep(BETWEEN_PROBES_MS);
    }
  }

  end(): void {
    this.#isOver = true;
  }

  async take(faults: readonly string[]): Promise<Sample> {
    const { pid } = this.#server.process;
    const engine = childrenOf(pid).find(isAlive);
    const { finished, failed, refused, lost } = this.#ledger.outcomes;
    const answersMs = this.#answersMs;
    this.#answersMs = [];
    return {
      timeS: (performance.now() - this.#startMs) / 1000,
      faults,
      frontMib: residentBytesOf(pid) / MIB,
      engineMib:
        engine === undefined ? null : ofProcess(engine, (one) => residentBytesOf(one) / MIB),
      frontFds: numDescriptors(pid),
      engineFds: engine === undefined ? null : ofProcess(engine, numDescriptors),
      ...load(await readMetrics(this.#server.url)),
      answerMs: answersMs.length === 0 ? null : Math.max(...answersMs),
      ...{ finished, failed, refused, lost },
    };
  }
}

const numDescriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

/** @returns null if the process has exited */
function ofProcess(pid: number, read: (pid: number) => number): number | null {
  try {
    return read(pid);
  } catch {
    return null;
  }
}

function load(metrics: Series): Pick<Sample, "blocks" | "running"> {
  const use = metrics.get("vllm:kv_cache_usage_perc{}");
  const info = [...metrics.keys()].find((name) => name.startsWith("vllm:cache_config_info"));
  const numBlocks = Number(/num_gpu_blocks="(\d+)"/.exec(info ?? "")?.[1] ?? Number.NaN);
  const blocks = Math.round((use ?? Number.NaN) * (numBlocks - 1));
  return {
    blocks: Number.isNaN(blocks) ? null : blocks,
    running: metrics.get("vllm:num_requests_running{}") ?? null,
  };
}
