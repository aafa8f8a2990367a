// deploy/ as a whole: files parse, and references between them are correct.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { deployPath, readYamlFile } from "./deploy-files.ts";

interface Service {
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly image?: string;
  readonly ports: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[] };
}

const { services } = readYamlFile("compose.yml") as { services: Record<string, Service> };

describe("compose.yml", () => {
  test("starts the server, Prometheus, and Grafana, each with a health check", () => {
    expect(Object.keys(services)).toEqual(["pagoda", "prometheus", "grafana"]);
    for (const { healthcheck } of Object.values(services)) {
      expect(healthcheck.test[0]).toBe("CMD");
    }
  });

  test("publishes ports only on this machine", () => {
    const ports = Object.values(services).flatMap((service) => service.ports);
    expect(ports).toEqual(["127.0.0.1:8000:8000", "127.0.0.1:9090:9090", "127.0.0.1:3000:3000"]);
  });

  test("does not start without a key and a password", () => {
    expect(services["pagoda"]?.environment?.["PAGODA_API_KEY"]).toStartWith("${PAGODA_API_KEY:?");
    const password = services["grafana"]?.environment?.["GF_SECURITY_ADMIN_PASSWORD"];
    expect(password).toStartWith("${GRAFANA_PASSWORD:?");
  });

  test("mounts existing files and pins the images", () => {
    const mounts = Object.values(services).flatMap(({ volumes = [] }) => volumes);
    const folders = mounts.filter((mount) => mount.startsWith("./"));
    expect(folders.length).toBe(3);
    for (const folder of folders) {
      expect(existsSync(deployPath(folder.split(":")[0] ?? "")), folder).toBe(true);
    }
    const images = Object.values(services).flatMap(({ image }) => image ?? []);
    expect(images.filter((image) => !/:v?\d+\.\d+\.\d+$/.test(image))).toEqual([]);
  });

  test("builds from the checkout, with the Bun version in package.json", () => {
    const build = services["pagoda"]?.build;
    expect(existsSync(deployPath(build?.context ?? "", build?.dockerfile ?? ""))).toBe(true);
    const { engines } = JSON.parse(readFileSync(deployPath("../package.json"), "utf8"));
    const version = /bun@(\S+)/.exec(readFileSync(deployPath("Dockerfile"), "utf8"))?.[1];
    expect(engines.bun).toBe(`>=${version}`);
  });
});

describe("Grafana's provisioning", () => {
  test("sets the scrape interval in the data source, so rates have enough samples", () => {
    const { datasources } = readYamlFile("grafana/provisioning/datasources/prometheus.yml") as {
      datasources: { type: string; url: string; jsonData: { timeInterval: string } }[];
    };
    const { scrape_configs } = readYamlFile("prometheus/prometheus.yml") as {
      scrape_configs: { job_name: string; scrape_interval: string }[];
    };
    const [scrape] = scrape_configs;
    expect(scrape?.job_name).toBe("pagoda");
    expect(scrape?.scrape_interval).toBe("5s");
    expect(datasources.map(({ type, url }) => [type, url])).toEqual([
      ["prometheus", "http://prometheus:9090"],
    ]);
    expect(datasources[0]?.jsonData.timeInterval).toBe(scrape?.scrape_interval ?? "");
  });

  test("reads dashboards from the folder that compose.yml mounts", () => {
    const { providers } = readYamlFile("grafana/provisioning/dashboards/pagoda.yml") as {
      providers: { options: { path: string } }[];
    };
    const path = providers[0]?.options.path;
    expect(services["grafana"]?.volumes).toContain(`./grafana/dashboards:${path}:ro`);
  });
});
