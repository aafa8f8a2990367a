// The HTTP app over a front. It does not listen.

import type { Front } from "../front/front.ts";
import type { MeasuredFront } from "../front/measured-front.ts";
import { createApp } from "./app.ts";
import { type ContextOptions, serverContext } from "./context-options.ts";
import { isReachable } from "./host-check.ts";

export interface Service {
  readonly front: Front;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly maxBodyBytes: number;
  /** Other machines can reach it, and it asks for no key. */
  readonly isOpen: boolean;
  /** /health answers 503 from now on and new work is refused; what is in progress goes on. */
  drain(): void;
}

export function createService(measured: MeasuredFront, options: ContextOptions): Service {
  const { front } = measured;
  let isDraining = false;
  const context = { ...serverContext(measured, options), isDraining: () => isDraining };
  const app = createApp(context);
  const drain = () => {
    isDraining = true;
  };
  const { maxBodyBytes } = context.limits;
  const { listensOn, apiKeys } = options;
  const isOpen = listensOn !== undefined && isReachable(listensOn) && apiKeys.length === 0;
  return { front, fetch: app.fetch, maxBodyBytes, isOpen, drain };
}
