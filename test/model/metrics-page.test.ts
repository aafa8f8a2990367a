// Checks vLLM's Production Metrics page row by row against running servers: each family exists with the
// documented type, labels, and help text, and changes under a load that affects it. Rows that are not all
// "yes" belong to features that are not implemented yet.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { PAGE, type PageRow } from "../metrics/page.ts";
import {
  readMetrics,
  type Series,
  type ServerProcess,
  startServer,
  untilIdle,
} from "../support/server-process.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

/** Options for a pool of 1,008 tokens, which is too small for the long completions at once. */
const OPTIONS = [
  ...["--served-model-name", "smol", "--max-model-len", "512", "--num-gpu-blocks-override", "64"],
  ...["--kv-cache-metrics", "--kv-cache-metrics-sample", "1", "--enable-sleep-mode"],
  ...["--show-hidden-metrics-for-version", "0.12", "--enable-lora"],
  ...[
    "--speculative-config",
    '{"method":"ngram","num_speculative_tokens":3,"prompt_lookup_min":2}',
  ],
];
const DEV = { VLLM_SERVER_DEV_MODE: "1" };
const NAN_TOKEN = 40;

const folder = tempFolder();
const servers: ServerProcess[] = [];
let url = "";
let brokenUrl = "";

beforeAll(async () => {
  const broken = join(folder.path, "broken.gguf");
  writeTinyGguf(broken, { nanTokenId: NAN_TOKEN });
  servers.push(await startServer(OPTIONS, DEV));
  servers.push(await startServer([broken, "--served-model-name", "smol", "--max-model-len", "64"]));
  [url, brokenUrl] = servers.map((server) => server.url) as [string, string];
}, 60_000);

afterAll(() => {
  for (const { process } of servers) process.kill();
  folder.remove();
});

async function complete(at: string, body: object): Promise<void> {
  const response = await fetch(`${at}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ temperature: 0, ignore_eos: true, ...body }),
  });
  expect(response.status).toBe(200);
  await response.text();
}

/** Records a server's metrics during the load. */
class Watch {
  readonly states: Series[] = [];
  #isOn = true;
  readonly #watching: Promise<void>;

  constructor(at: string) {
    this.#watching = this.#poll(at);
  }

  async stop(): Promise<readonly Series[]> {
    this.#isOn = false;
    await this.#watching;
    return this.states;
  }

  async #poll(at: string): Promise<void> {
    while (this.#isOn) {
      this.states.push(await readMetrics(at));
      await Bun.sleep(5); // polls another process
    }
    this.states.push(await readMetrics(at));
  }
}

/** Sends long completions that preempt each other, identical prefixes, n = 2, and repetitive text; also sleeps once. */
async function load(): Promise<readonly Series[]> {
  const watch = new Watch(url);
  const long = (i: number) => complete(url, { prompt: `${i} `.repeat(60), max_tokens: 260 });
  const shared = "The same beginning for all of these requests, again and again. ".repeat(3);
  for (let i = 0; i < 4; i++) await complete(url, { prompt: shared, max_tokens: 2 });
  await complete(url, { prompt: shared, max_tokens: 4, n: 2, temperature: 1 });
  await complete(url, { prompt: shared, max_tokens: 80 });
  await Promise.all([0, 1, 2, 3, 4, 5].map(long));
  await untilIdle(url);
  await fetch(`${url}/sleep?level=2`, { method: "POST" });
  await readMetrics(url).then((state) => watch.states.push(state));
  await fetch(`${url}/wake_up`, { method: "POST" });
  await complete(url, { prompt: shared, max_tokens: 2 });
  return watch.stop();
}

/** Sends requests to the server whose model has a NaN. */
async function loadBroken(): Promise<readonly Series[]> {
  const watch = new Watch(brokenUrl);
  await complete(brokenUrl, { prompt: [1, 5, 9], max_tokens: 3 });
  await complete(brokenUrl, { prompt: [1, NAN_TOKEN, 9], max_tokens: 3 });
  return watch.stop();
}

const COMMON = ["engine", "model_name"];
/** Families without the common labels. */
const WITHOUT_COMMON = ["lora_requests_info"];
const OWN_LABELS: Readonly<Record<string, readonly string[]>> = {
  request_success: ["finished_reason"],
  engine_sleep_state: ["sleep_state"],
  spec_decode_num_accepted_tokens_per_pos: ["position"],
  lora_requests_info: ["max_lora", "running_lora_adapters", "waiting_lora_adapters"],
};

/** A family's lines: the header, then the samples. */
function linesOf(text: string, { name, type }: PageRow): string[] {
  const sample = `vllm:${name}${type === "counter" ? "_total" : ""}`;
  const ends = type === "histogram" ? "(_bucket|_count|_sum)" : "";
  const lines = new RegExp(`^(# (HELP|TYPE) ${sample} |${sample}${ends}\\{)`);
  return text.split("\n").filter((line) => lines.test(line));
}

function hasLabels(line: string, row: PageRow): boolean {
  const labels = [...line.matchAll(/(\w+)="/g)].map(([, label]) => label ?? "");
  const own = labels.filter((label) => label !== "le");
  const common = WITHOUT_COMMON.includes(row.name) ? [] : COMMON;
  return Bun.deepEquals(own, [...common, ...(OWN_LABELS[row.name] ?? [])].sort());
}

/** @returns whether a value of the family ever differed from its initial value */
function hasMoved(states: readonly Series[], { name, type }: PageRow): boolean {
  const suffix = { counter: "_total", gauge: "", histogram: "_count" }[type];
  const start = `vllm:${name}${suffix}{`;
  const [first] = states;
  return states.some((state) =>
    [...state].some(([key, value]) => key.startsWith(start) && value !== first?.get(key)),
  );
}

const yes = (isTrue: boolean) => (isTrue ? "yes" : "no");

function walk(row: PageRow, text: string, states: readonly Series[]) {
  const [help, type, ...samples] = linesOf(text, row);
  return {
    family: `vllm:${row.name}`,
    present: yes(samples.length > 0),
    type: yes(type?.endsWith(` ${row.type}`) ?? false),
    labels: yes(samples.length > 0 && samples.every((line) => hasLabels(line, row))),
    help: yes(help?.endsWith(` ${row.help}`) ?? false),
    moved: yes(hasMoved(states, row)),
    needs: row.needs ?? "",
  };
}

describe("the Production Metrics page", () => {
  test("every family exists as documented and changes, except for missing features", async () => {
    const states = await load();
    const broken = await loadBroken();
    const text = await (await fetch(`${url}/metrics`)).text();
    const rows = PAGE.map((row) =>
      walk(row, text, row.name === "corrupted_requests" ? broken : states),
    );
    console.table(rows);
    const isWhole = ({ present, type, labels, help, moved }: (typeof rows)[number]) =>
      [present, type, labels, help, moved].every((cell) => cell === "yes");
    expect(rows.filter((row) => !isWhole(row)).map(({ family }) => family)).toEqual(
      PAGE.filter(({ needs }) => needs !== undefined).map(({ name }) => `vllm:${name}`),
    );
  }, 120_000);

  test("only a request with a NaN in its logits counts as corrupted, once", async () => {
    const state = await untilIdle(brokenUrl);
    expect(state.get("vllm:corrupted_requests_total{}")).toBe(1);
    expect(state.get('vllm:request_success_total{finished_reason="length"}')).toBe(2);
  });
});
