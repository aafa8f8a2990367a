// The HTTP app on top of a front, without a listener.

import { prepareCheck } from "../api/parse-body.ts";
import { CHAT_FIELDS, COMPLETION_FIELDS } from "../api/schemas.ts";
import type { Front } from "../front/front.ts";
import type { MeasuredFront } from "../front/measured-front.ts";
import { createApp } from "./app.ts";
import { type ContextOptions, serverContext } from "./context-options.ts";
import { isReachable } from "./host-check.ts";

export interface Service {
  readonly front: Front;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly maxBodyBytes: number;
  /** True if the server requires no key and other machines can reach it. */
  readonly isOpen: boolean;
  /** From now on, refuses new work and makes /health return 503; work in progress continues. */
  drain(): void;
}

/** Compiles the checks for common bodies ahead of the first request, e.g. while a model loads. */
export function prepareService(): void {
  prepareCheck(CHAT_FIELDS);
  prepareCheck(COMPLETION_FIELDS);
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
