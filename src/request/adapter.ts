// A LoRA adapter as requests refer to it, and the part of a prompt that it applies to.

export interface AdapterRef {
  /** Name that clients use as the model. */
  readonly name: string;
  /**
   * Identifies one load of the adapter in the engine and in block hashes: the name, as in vLLM, followed by a number if
   * the name has been loaded before, so that earlier K and V are not reused.
   */
  readonly key: string;
  /** GGUF file, or folder in PEFT's format. */
  readonly path: string;
}

/**
 * Finds the first position that an adapter applies to.
 * @param invocation tokens that enable the adapter, as in aLoRA; empty = it applies to all tokens
 * @returns start of the last occurrence of `invocation` in the prompt; Infinity if there is none, since such a request
 * is computed by the base model (as in llama-server)
 */
export function adapterStart(prompt: Int32Array, invocation: readonly number[]): number {
  for (let start = prompt.length - invocation.length; start >= 0; start--) {
    if (invocation.length === 0) return 0;
    if (invocation.every((tokenId, i) => prompt[start + i] === tokenId)) return start;
  }
  return Number.POSITIVE_INFINITY;
}
