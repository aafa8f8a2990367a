// The index of each request's tokens, which grows with the request.

import type { Request } from "../request/request.ts";
import { NgramIndex } from "./ngram-index.ts";

export class RequestIndexes {
  readonly #n: number;
  readonly #indexes = new WeakMap<Request, NgramIndex>();

  /** @param n number of tokens in an n-gram */
  constructor(n: number) {
    this.#n = n;
  }

  /** @returns the index of the n-grams that end before the request's last token */
  of(request: Request): NgramIndex {
    const index = this.#indexes.get(request) ?? this.#add(request);
    const tokenIds = request.tokenIds();
    index.extend(tokenIds, tokenIds.length - 1);
    return index;
  }

  delete(request: Request): void {
    this.#indexes.delete(request);
  }

  #add(request: Request): NgramIndex {
    const index = new NgramIndex(this.#n);
    this.#indexes.set(request, index);
    return index;
  }
}
