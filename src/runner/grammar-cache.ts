// Compiled grammars, keyed by their text and shared by all sequences that use them. Unused grammars stay until newer
// ones replace them.

import { RequestError } from "../errors.ts";
import type { Request } from "../request/request.ts";
import type { GrammarSpec } from "../request/sampling-params.ts";
import type { NativeError, NativeModel } from "./addon-types.ts";

/**
 * Limits of the cache, which do not apply to grammars in use or to the last one used. A compiled grammar takes 1 MB and up
 * to 1.5 KB per character.
 */
const MAX_GRAMMARS = 128;
const MAX_CHARACTERS = 512 * 1024;

/** Number of grammars compiled at a time. The limit leaves threads for other work off the JS thread. */
const MAX_COMPILING = 2;

/** Maximum length of a grammar in characters. */
const MAX_LENGTH = 4 * 1024 * 1024;

interface Entry {
  readonly key: string;
  readonly compiling: Promise<void>;
  /** Handle of the compiled grammar; null until it is compiled. */
  handle: number | null;
  /** Number of sequences that use the grammar. */
  numUsers: number;
}

type Compiler = Pick<NativeModel, "compileGrammar" | "freeGrammar">;

export class GrammarCache {
  readonly #compiler: Compiler;
  readonly #log: (line: string) => void;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  /** Entries in use, by request ID. */
  readonly #used = new Map<string, Entry>();
  /** Callbacks that resume compilations waiting for others, in order. */
  readonly #waiting: (() => void)[] = [];
  #numCompiling = 0;
  #numCharacters = 0;

  /** @param log receives a warning for each use of an optional grammar that cannot be compiled */
  constructor(compiler: Compiler, log: (line: string) => void = () => {}) {
    this.#compiler = compiler;
    this.#log = log;
  }

  /** Implements ModelRunner.compileGrammar(). */
  compile(sequences: readonly Request[], spec: GrammarSpec): Promise<void> | null {
    const entry = this.#entry(spec);
    for (const { requestId } of sequences) this.#used.set(requestId, entry);
    entry.numUsers += sequences.length;
    this.#evict();
    if (entry.handle !== null) return null;
    return spec.isOptional === true ? this.#ignoringFaults(entry.compiling) : entry.compiling;
  }

  /** Waits for an optional grammar. If it cannot be compiled, its sequences run without it. */
  async #ignoringFaults(compiling: Promise<void>): Promise<void> {
    try {
      await compiling;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#log(`warning: ${error.message}; the output does not follow it`);
    }
  }

  /** @returns the handle of a sequence's grammar; 0 = none */
  handleOf(requestId: string): number {
    return this.#used.get(requestId)?.handle ?? 0;
  }

  /** Ends a sequence's use of its grammar, if it has one. */
  release(requestId: string): void {
    const entry = this.#used.get(requestId);
    if (entry === undefined) return;
    this.#used.delete(requestId);
    entry.numUsers--;
    this.#evict();
  }

  #entry(spec: GrammarSpec): Entry {
    const key = `${spec.kind} ${spec.text}`;
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry: Entry = { key, compiling: promise, handle: null, numUsers: 0 };
    this.#entries.set(key, entry);
    this.#numCharacters += key.length;
    this.#start(entry, spec).then(resolve, reject);
    return entry;
  }

  async #start(entry: Entry, spec: GrammarSpec): Promise<void> {
    try {
      if (this.#numCompiling++ >= MAX_COMPILING) await this.#turn();
      entry.handle = await this.#compiled(spec);
    } catch (error) {
      this.#drop(entry);
      throw toRequestError(error as NativeError, spec.param);
    } finally {
      this.#numCompiling--;
      this.#waiting.shift()?.();
    }
  }

  /** Waits for this compilation's turn. */
  #turn(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #compiled({ kind, text, param }: GrammarSpec): Promise<number> {
    if (text.length <= MAX_LENGTH) return this.#compiler.compileGrammar(kind, text);
    const message = `\`${param}\` is too long: at most ${MAX_LENGTH} characters, got ${text.length}`;
    throw new RequestError("invalid_value", message, param);
  }

  /** Drops unused grammars, least recently used first, as long as there are too many. */
  #evict(): void {
    for (const entry of this.#entries.values()) {
      const isFull = this.#entries.size > MAX_GRAMMARS || this.#numCharacters > MAX_CHARACTERS;
      if (!isFull || this.#entries.size === 1) return;
      if (entry.numUsers > 0 || entry.handle === null) continue;
      this.#compiler.freeGrammar(entry.handle);
      this.#drop(entry);
    }
  }

  #drop(entry: Entry): void {
    if (this.#entries.get(entry.key) !== entry) return;
    this.#entries.delete(entry.key);
    this.#numCharacters -= entry.key.length;
  }
}

/** Maximum length of the engine's message as shown to a client. */
const MAX_MESSAGE_LENGTH = 500;

/** Excerpts of the grammar or of a regular expression, which llguidance adds to its messages. */
const GRAMMAR_EXCERPT = /\n\s*\d+ \| .*$/s;
const REGEX_EXCERPT = /^.*(?:\nerror: |\(in regex\): )/s;

function toRequestError(error: NativeError, param: string): Error {
  if (error.code === "grammar_unavailable") {
    const message = `\`${param}\` is not supported by this server: ${error.message}.`;
    return new RequestError("unsupported", message, param);
  }
  if (error.code !== "grammar_error") return error;
  const reason = error.message
    .replace(GRAMMAR_EXCERPT, "")
    .replace(REGEX_EXCERPT, "")
    .slice(0, MAX_MESSAGE_LENGTH);
  return new RequestError("invalid_value", `\`${param}\` cannot be enforced: ${reason}`, param);
}
