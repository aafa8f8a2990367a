// Why the system does not open or read a file, in its own words.

import { getSystemErrorMap } from "node:util";

/** @returns e.g. "permission denied": without the path, which the message around it has */
export function fileFault(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { code, errno } = cause as NodeJS.ErrnoException;
  if (code === "EISDIR") return "it is a folder";
  const [, text] = getSystemErrorMap().get(errno ?? 0) ?? [];
  return text ?? cause.message;
}
