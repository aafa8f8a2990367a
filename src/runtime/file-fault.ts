// Describes why the system refuses to open a file or to listen on an address.

import { getSystemErrorMap } from "node:util";

/** @returns a reason without the path or address, e.g. "permission denied" */
export function fileFault(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { code, errno } = cause as NodeJS.ErrnoException;
  if (code === "EISDIR") return "it is a folder";
  if (code === "EADDRNOTAVAIL") return "this machine has no such address";
  // The numbers are negative in the map, but positive in Bun's errors from listening.
  const [, text] = getSystemErrorMap().get(-Math.abs(errno ?? 0)) ?? [];
  return text ?? cause.message;
}

/**
 * Describes an unexpected error from the system.
 * @returns e.g. "/models: permission denied"; null for any other error
 */
export function systemFault(error: unknown): string | null {
  if (!(error instanceof Error) || !("errno" in error) || !("syscall" in error)) return null;
  const { path, syscall } = error as NodeJS.ErrnoException;
  return `${path ?? syscall}: ${fileFault(error)}`;
}
