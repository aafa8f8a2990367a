// The LoRA adapters that requests can name as their model. The engine keeps no names: each request carries a reference
// to its adapter, so adapters survive a restart of the engine.

import { hash } from "node:crypto";
import { RequestError } from "../errors.ts";
import type { EngineCalls } from "../protocol/engine-calls.ts";
import type { AdapterRef } from "../request/adapter.ts";
import { allowedPath } from "../runtime/allowed-path.ts";

export interface ServedAdapter extends AdapterRef {
  /** Name of the base model in the adapter's card. */
  readonly parent: string;
  /** Load time, in Unix seconds. */
  readonly createdS: number;
}

export interface AdapterRegistryOptions {
  readonly calls: Pick<EngineCalls, "loadAdapter" | "removeAdapter">;
  /** Whether the engine has slots for adapters. */
  readonly isEnabled: boolean;
  /** Names of the base model, which no adapter can have. */
  readonly modelNames: readonly string[];
  /** Folders that adapters can be loaded from; empty = any. */
  readonly allowedPaths: readonly string[];
  /** Receives a log line for each load and unload. Absent = nothing is logged. */
  readonly log?: (line: string) => void;
}

export interface AdapterLoadRequest {
  readonly name: string;
  /** GGUF file, or folder in PEFT's format. */
  readonly path: string;
  /** Whether to replace an adapter with the same name. Absent = false. */
  readonly replaces?: boolean;
  /** Name of the base model in the adapter's card. Absent or null = the model's first name. */
  readonly baseModelName?: string | null;
}

const MAX_NAME_LENGTH = 256;

export class AdapterRegistry {
  readonly #options: AdapterRegistryOptions;
  /** In load order. */
  readonly #adapters = new Map<string, ServedAdapter>();
  /**
   * Short hashes of all names that have been loaded. If two hashes collide, the key of one name
   * gets an unnecessary number.
   */
  readonly #usedNames = new Set<string>();
  /** The last load or unload of each name, so that operations on one name run one after another. */
  readonly #changes = new Map<string, Promise<unknown>>();
  #numLoads = 0;

  constructor(options: AdapterRegistryOptions) {
    this.#options = options;
  }

  /** All adapters, in load order. */
  get all(): readonly ServedAdapter[] {
    return [...this.#adapters.values()];
  }

  find(name: string): ServedAdapter | null {
    return this.#adapters.get(name) ?? null;
  }

  /**
   * Loads an adapter. Later requests can use it once the promise resolves.
   * @throws RequestError "adapter_name", "adapter_not_found" or "adapter_refused", with vLLM's messages; EngineError
   */
  load(request: AdapterLoadRequest): Promise<void> {
    return this.#inTurn(request.name, () => this.#load(request));
  }

  /**
   * Removes an adapter. Requests that use it continue; its memory is freed once they end.
   * @throws RequestError "adapter_name" or "adapter_not_found", with vLLM's messages
   */
  unload(name: string): Promise<void> {
    return this.#inTurn(name, async () => {
      if (name === "")
        throw nameError("'lora_name' needs to be provided to unload a LoRA adapter.");
      const adapter = this.find(name);
      if (adapter === null) {
        const text = `The lora adapter '${shown(name)}' cannot be found.`;
        throw new RequestError("adapter_not_found", text);
      }
      this.#adapters.delete(name);
      await this.#options.calls.removeAdapter(adapter.key);
      this.#options.log?.(`removed LoRA adapter ${name}`);
    });
  }

  async #load(request: AdapterLoadRequest): Promise<void> {
    const { name, baseModelName } = request;
    const { calls, modelNames, log } = this.#options;
    this.#check(request);
    const previous = this.find(name);
    const adapter = {
      ...{ name, key: this.#keyOf(name), path: await this.#pathOf(request) },
      parent: baseModelName ?? modelNames[0] ?? "",
      createdS: Date.now() / 1000,
    };
    const { key, path } = adapter;
    await calls.loadAdapter({ name, key, path });
    this.#adapters.set(name, adapter);
    log?.(`loaded LoRA adapter ${name} from ${JSON.stringify(path)}`);
    if (previous !== null) await calls.removeAdapter(previous.key);
  }

  /** @throws RequestError */
  #check({ name, path, replaces = false }: AdapterLoadRequest): void {
    if (name === "" || path === "")
      throw nameError("Both 'lora_name' and 'lora_path' must be provided.");
    if (!this.#options.isEnabled) {
      const text = "LoRA is not enabled. Use --enable-lora to enable LoRA.";
      throw new RequestError("adapter_refused", text);
    }
    if (name.length > MAX_NAME_LENGTH)
      throw nameError(`'lora_name' must have at most ${MAX_NAME_LENGTH} characters.`);
    // The metrics list names separated by commas.
    if (/[,\p{Cc}]/u.test(name))
      throw nameError("'lora_name' must not contain commas or control characters.");
    if (this.#options.modelNames.includes(name))
      throw nameError(`The base model has the name '${name}'. Choose another name.`);
    if (!replaces && this.#adapters.has(name)) {
      const advice = "If you want to load the adapter in place, set 'load_inplace' to True.";
      throw nameError(`The lora adapter '${name}' has already been loaded. ${advice}`);
    }
  }

  async #pathOf({ name, path }: AdapterLoadRequest): Promise<string> {
    const found = await allowedPath(path, this.#options.allowedPaths);
    if (found !== null) return found;
    const text = `Loading lora ${name} failed: ${shown(path)} is outside the folders of --allowed-lora-paths`;
    throw new RequestError("adapter_refused", text);
  }

  /** @see AdapterRef.key */
  #keyOf(name: string): string {
    const digest = hash("sha256", name, "base64url").slice(0, 12);
    const isNew = !this.#usedNames.has(digest);
    this.#usedNames.add(digest);
    this.#numLoads++;
    return isNew ? name : `${name}\0${this.#numLoads}`;
  }

  async #inTurn<T>(name: string, change: () => Promise<T>): Promise<T> {
    const before = this.#changes.get(name) ?? Promise.resolve();
    const changed = before.then(change, change);
    const settled = changed.then(
      () => {},
      () => {},
    );
    this.#changes.set(name, settled);
    try {
      return await changed;
    } finally {
      if (this.#changes.get(name) === settled) this.#changes.delete(name);
    }
  }
}

function nameError(message: string): RequestError {
  return new RequestError("adapter_name", message);
}

const MAX_SHOWN_LENGTH = 256;

function shown(text: string): string {
  return text.length <= MAX_SHOWN_LENGTH ? text : `${text.slice(0, MAX_SHOWN_LENGTH)}...`;
}
