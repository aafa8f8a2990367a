// Converts the options of `serve` into options for the front and the app.

import { describe, expect, test } from "bun:test";
import { serveLimits } from "../../src/cli/limits.ts";
import { StatsLine } from "../../src/cli/stats-line.ts";
import { serviceOptions } from "../../src/commands/service-options.ts";
import { NEUTRAL_SAMPLING } from "../../src/request/sampling-params.ts";
import { parse } from "../support/serve-options.ts";

const settingsOf = (...args: string[]) => {
  const options = parse(args);
  return serviceOptions({
    options,
    path: "/models/tiny.gguf",
    sampling: { defaults: NEUTRAL_SAMPLING } as Parameters<typeof serviceOptions>[0]["sampling"],
    statsLine: new StatsLine(),
    limits: serveLimits(options, () => {}),
    place: { socketPath: null } as Parameters<typeof serviceOptions>[0]["place"],
    log: () => {},
  });
};

describe("serviceOptions()", () => {
  test("by default, names the model after its file and answers as vLLM does", () => {
    expect(settingsOf()).toMatchObject({
      modelNames: ["tiny"],
      contentFormat: null,
      requestLog: null,
      tracksLoad: false,
      sendsRequestIds: false,
      answers: {
        role: "assistant",
        streamInterval: 1,
        forcesUsage: false,
        showsNoCachedTokens: false,
        showsTimings: false,
        logprobsMode: "raw_logprobs",
        namesTokensById: false,
      },
    });
    expect(settingsOf()).not.toHaveProperty("tokenizerInfo");
  });

  test("passes on options that affect answers", () => {
    const { answers, contentFormat } = settingsOf(
      ...["--response-role", "bot", "--stream-interval", "4", "--enable-force-include-usage"],
      ...["--enable-prompt-tokens-details", "--enable-timings", "--return-tokens-as-token-ids"],
      ...["--chat-template-content-format", "openai", "--logprobs-mode", "processed_logits"],
    );
    expect([answers, contentFormat]).toEqual([
      {
        role: "bot",
        streamInterval: 4,
        forcesUsage: true,
        showsNoCachedTokens: true,
        showsTimings: true,
        logprobsMode: "processed_logits",
        namesTokensById: true,
      },
      "openai",
    ]);
  });

  test("logs outputs only along with requests", () => {
    const logged = settingsOf(
      "--enable-log-requests",
      "--enable-log-outputs",
      "--max-log-len",
      "9",
    );
    expect(logged.requestLog).toMatchObject({ maxPromptLength: 9, logsOutputs: true });
    expect(() => settingsOf("--enable-log-outputs")).toThrow(
      "--enable-log-outputs requires --enable-log-requests",
    );
  });

  test("enables additional routes", () => {
    const args = ["--enable-server-load-tracking", "--enable-request-id-headers"];
    expect(settingsOf(...args)).toMatchObject({ tracksLoad: true, sendsRequestIds: true });
  });
});
