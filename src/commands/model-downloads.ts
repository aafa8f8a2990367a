// Finds or downloads models for all commands, with a progress bar for downloads.

import { ProgressBar } from "../cli/progress-bar.ts";
import { MODELS_DIR } from "../models/default-model.ts";
import type { Env } from "../models/hub.ts";
import type { ModelSourceOptions } from "../models/model-source.ts";
import { stderrTerminal } from "../runtime/terminal.ts";

export interface DownloadOptions {
  readonly offline: boolean;
  readonly revision: string;
}

export function modelSource(
  { offline, revision }: DownloadOptions,
  env: Env,
  log: (line: string) => void,
): ModelSourceOptions {
  const terminal = stderrTerminal(env);
  const options = { modelsDir: MODELS_DIR, env, log, isOffline: offline, revision };
  const progressOf = (what: string) => {
    const bar = new ProgressBar({ what, terminal, log, nowMs: () => performance.now() });
    return (done: number, total: number | null) => bar.update(done, total);
  };
  return { ...options, progressOf };
}
