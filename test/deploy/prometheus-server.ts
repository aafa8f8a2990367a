// A real Prometheus on loopback, in a temporary folder. It scrapes one server every second, evaluates the
// rules in deploy/, and serves queries.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deployPath } from "./deploy-files.ts";

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Answer<T> {
  readonly status: "success" | "error";
  readonly error?: string;
  readonly data: T;
}

/** Labels that service discovery adds in a deployment, and that Perses dashboards read. */
export const TARGET_LABELS = { namespace: "default", service: "pagoda", pod: "pagoda-0" };

export class PrometheusServer {
  readonly #url: string;
  readonly #folder: string;
  readonly #process: Bun.Subprocess;

  /** @param target "host:port" to scrape as job "pagoda" */
  constructor(target: string) {
    this.#folder = mkdtempSync(join(tmpdir(), "pagoda-prometheus-"));
    const config = join(this.#folder, "prometheus.yml");
    writeFileSync(config, configText(target));
    const address = `127.0.0.1:${freePort()}`;
    this.#url = `http://${address}/`;
    this.#process = Bun.spawn(
      [
        "prometheus",
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(this.#folder, "data")}`,
        `--web.listen-address=${address}`,
        "--log.level=error",
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "inherit" },
    );
  }

  /** Waits until the target has been scraped. */
  async untilScraping(): Promise<void> {
    for (let i = 0; i < 150 && this.#process.exitCode === null; i++) {
      const samples = await this.query("vllm:num_requests_running").catch(() => []);
      if (samples.length > 0) return;
      await Bun.sleep(100); // polls another process
    }
    throw new Error("Prometheus did not scrape the server");
  }

  /** @returns the current instant vector @throws Error if Prometheus rejects the expression */
  async query(expr: string): Promise<Sample[]> {
    const { result } = await this.#get<{
      result: { metric: Record<string, string>; value: [number, string] }[];
    }>("query", { query: expr });
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Values of a label in the series that match the selector, or in all series if it is null. */
  async labelValues(label: string, selector: string | null): Promise<string[]> {
    return this.#get<string[]>(
      `label/${label}/values`,
      selector === null ? {} : { "match[]": selector },
    );
  }

  /** Rules with evaluation errors. */
  async unhealthyRules(): Promise<string[]> {
    const { groups } = await this.#get<{
      groups: { rules: { name: string; health: string; lastError?: string }[] }[];
    }>("rules", {});
    return groups
      .flatMap(({ rules }) => rules)
      .filter(({ health }) => health !== "ok")
      .map(({ name, health, lastError = "" }) => `${name}: ${health} ${lastError}`);
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #get<T>(path: string, parameters: Record<string, string>): Promise<T> {
    const response = await fetch(`${this.#url}api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as Answer<T>;
    if (answer.status === "error")
      throw new Error(`${answer.error}: ${JSON.stringify(parameters)}`);
    return answer.data;
  }
}

/** Prometheus configuration, as JSON, which is valid YAML. */
function configText(target: string): string {
  return JSON.stringify({
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [deployPath("prometheus/rules.yml")],
    scrape_configs: [
      { job_name: "pagoda", static_configs: [{ targets: [target], labels: TARGET_LABELS }] },
    ],
  });
}

/** Finds a free port, since Prometheus does not report the port that it chooses. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
