// Carries out the loads and unloads of adapters that the scheduler decides on. Files are read while steps run; the
// requests that need the adapter are deferred until it is loaded.

import type { OpenedAdapter } from "../adapters/adapter-files.ts";
import { EngineError, RequestError } from "../errors.ts";
import type { AdapterRef } from "../request/adapter.ts";
import type { ModelRunner } from "../runner/model-runner.ts";
import type { AdapterLoad } from "../scheduler/adapter-slots.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";

/** Finds adapter files. */
export interface AdapterFiles {
  /** Finds or creates an adapter's GGUF file. @throws RequestError "adapter_not_found" or "adapter_refused" */
  open(path: string): Promise<OpenedAdapter>;
  /** Receives the error from a load that requests waited for. */
  onFault(error: Error): void;
}

/** Treats all adapter paths as GGUF files. */
export const GGUF_FILES: AdapterFiles = {
  open: async (path) => ({ path, close: async () => {} }),
  onFault: () => {},
};

export interface AdapterLoaderOptions {
  readonly scheduler: Scheduler;
  readonly runner: ModelRunner;
  readonly files: AdapterFiles;
  /** Wakes the engine's loop. */
  readonly notify: () => void;
  /** Ends the requests that wait for an adapter. @returns their number */
  readonly failRequests: (key: string) => number;
}

interface Call extends PromiseWithResolvers<void> {
  readonly adapter: AdapterRef;
}

export class AdapterLoader {
  readonly #options: AdapterLoaderOptions;
  /** Calls to load() that have not ended, by key. */
  readonly #calls = new Map<string, Call>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: AdapterLoaderOptions) {
    this.#options = options;
  }

  /**
   * Loads an adapter that no request has used yet. The load begins with the next run().
   * @throws RequestError "adapter_not_found" or "adapter_refused"; EngineError "engine_adapter_failed" if memory runs
   *   out
   */
  load(adapter: AdapterRef): Promise<void> {
    const call = this.#calls.get(adapter.key) ?? { adapter, ...Promise.withResolvers<void>() };
    this.#calls.set(adapter.key, call);
    this.#options.notify();
    return call.promise;
  }

  /** Unloads an adapter once no request uses it. */
  remove(key: string): void {
    this.#options.scheduler.adapters.remove(key);
    this.#options.notify();
  }

  /** Begins the loads and carries out the unloads that are due. Must be called only between steps. */
  run(): void {
    const { scheduler, runner } = this.#options;
    for (const { adapter } of this.#calls.values()) {
      if (scheduler.adapters.load(adapter) === "loaded") this.#endCall(adapter, null);
    }
    for (const slot of scheduler.adapters.takeUnloads()) runner.unloadAdapter(slot);
    for (const load of scheduler.adapters.takeLoads()) {
      const running = this.#load(load).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  /** Rejects all calls and waits for the loads in progress. */
  async close(error: Error): Promise<void> {
    for (const { adapter } of this.#calls.values()) this.#endCall(adapter, error);
    await Promise.all(this.#running);
  }

  /** Never rejects. */
  async #load({ adapter, slot }: AdapterLoad): Promise<void> {
    const { scheduler, files, failRequests, notify } = this.#options;
    try {
      const { invocationTokens } = await this.#loadFile(adapter.path, slot);
      scheduler.endAdapterLoad(adapter.key, invocationTokens);
      this.#endCall(adapter, null);
    } catch (cause) {
      const error = loadError(adapter, cause);
      scheduler.endAdapterLoad(adapter.key, null);
      if (failRequests(adapter.key) > 0) files.onFault(error);
      this.#endCall(adapter, error);
    }
    notify();
  }

  async #loadFile(path: string, slot: number) {
    const { runner, files } = this.#options;
    const file = await files.open(path);
    try {
      return await runner.loadAdapter(file.path, slot);
    } catch (error) {
      // For a converted folder, the addon's message names the temporary file.
      if (error instanceof Error) error.message = error.message.replaceAll(file.path, path);
      throw error;
    } finally {
      await file.close();
    }
  }

  #endCall({ key }: AdapterRef, error: Error | null): void {
    const call = this.#calls.get(key);
    this.#calls.delete(key);
    if (error === null) call?.resolve();
    else call?.reject(error);
  }
}

/** The messages begin like vLLM's. */
function loadError({ name, path }: AdapterRef, cause: unknown): Error {
  const { code, message } = cause as { code?: unknown; message: string };
  if (code === "adapter_not_found") {
    const text = `Loading lora ${name} failed: No adapter found for ${path}`;
    return new RequestError("adapter_not_found", text);
  }
  const text = `Loading lora ${name} failed: ${message}`;
  const isRefused = typeof code === "string" && code.startsWith("adapter_");
  if (isRefused) return new RequestError("adapter_refused", text);
  return new EngineError("engine_adapter_failed", text, { cause });
}
