// Contents of deploy/ for the tests: the dashboard's panels and queries, the rules, and the alerts.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { YAML } from "bun";
import type { DashboardQuery } from "./promql.ts";

export const DEPLOY = join(import.meta.dir, "../../deploy");

export const deployPath = (...parts: string[]) => join(DEPLOY, ...parts);

export function readYamlFile(...parts: string[]): unknown {
  return YAML.parse(readFileSync(deployPath(...parts), "utf8"));
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string }[];
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  /** `label_values(...)`; absent for the data source. */
  readonly definition?: string;
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

export function pagodaDashboard(): Dashboard {
  return JSON.parse(readFileSync(deployPath("grafana/dashboards/pagoda.json"), "utf8"));
}

/** Every query in Pagoda's dashboard; all of them must have data. */
export function pagodaQueries(): DashboardQuery[] {
  return pagodaDashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ dashboard: "Pagoda", panel: title, expr, needs: null })),
  );
}

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function rules(): Rule[] {
  const file = readYamlFile("prometheus/rules.yml") as { groups: { rules: Rule[] }[] };
  return file.groups.flatMap((group) => group.rules);
}

export const alerts = () => rules().filter(({ alert }) => alert !== undefined);

export function recordedNames(): string[] {
  return rules().flatMap(({ record }) => (record === undefined ? [] : [record]));
}
