// Prometheus rules: they are valid, alerts have useful descriptions, and each alert is tested both
// firing and silent.

import { describe, expect, test } from "bun:test";
import { optionSpec } from "../../src/cli/options.ts";
import { alerts, deployPath, readYamlFile } from "./deploy-files.ts";
import { hasPromtool, promtool, sayIfMissing } from "./promtool.ts";

sayIfMissing("promtool");

const RULES_TEST = "prometheus/rules.test.yml";

interface RulesTest {
  readonly tests: readonly {
    readonly name: string;
    readonly promql_expr_test?: readonly { readonly exp_samples: readonly { labels: string }[] }[];
  }[];
}

describe("the rules", () => {
  test.skipIf(!hasPromtool)("and the scrape configuration are valid for promtool", () => {
    for (const words of [
      ["config", "prometheus/prometheus.yml"],
      ["rules", "prometheus/rules.yml"],
    ] as const) {
      const { code, output } = promtool(["check", words[0], deployPath(words[1])]);
      expect(output).not.toContain("FAILED");
      expect(code).toBe(0);
    }
  });

  test.skipIf(!hasPromtool)("pass promtool's tests in rules.test.yml", () => {
    const { code, output } = promtool(["test", "rules", deployPath(RULES_TEST)]);
    expect(output).toContain("SUCCESS");
    expect(code).toBe(0);
  });
});

describe("each alert", () => {
  test("has a test in which it fires, and tests in which it does not", () => {
    const { tests } = readYamlFile(RULES_TEST) as RulesTest;
    const checks = tests.flatMap((scenario) => scenario.promql_expr_test ?? []);
    const fired = checks.flatMap(({ exp_samples }) => exp_samples.map(({ labels }) => labels));
    const names = fired.map((labels) => /alertname="(\w+)"/.exec(labels)?.[1] ?? "");
    expect([...new Set(names)].sort()).toEqual(
      alerts()
        .map(({ alert = "" }) => alert)
        .sort(),
    );
    expect(checks.filter(({ exp_samples }) => exp_samples.length === 0).length).toBeGreaterThan(
      alerts().length,
    );
  });

  test("has a severity, a summary that names the server, and a description", () => {
    for (const { alert, labels, annotations } of alerts()) {
      expect(["critical", "warning", "info"], alert).toContain(labels?.["severity"] ?? "none");
      expect(annotations?.["summary"], alert).toContain("{{ $labels.instance }}");
      expect(annotations?.["description"]?.length, alert).toBeGreaterThan(60);
    }
  });

  test("mentions only existing options", () => {
    const text = alerts()
      .map(({ annotations }) => annotations?.["description"])
      .join(" ");
    const names = [...text.matchAll(/--([a-z-]+)/g)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => optionSpec(name) === undefined)).toEqual([]);
  });
});
