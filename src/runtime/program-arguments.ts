// Finds command-line words whose bytes are not UTF-8. The runtime silently replaces such bytes with U+FFFD.

import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";

/** U+FFFD, which can also have been typed. */
const REPLACEMENT = "\ufffd";

/**
 * @param words the command line's last words, as decoded by the runtime
 * @param readCommandLine reads the command line's bytes, with a NUL after each word. Default: Linux's
 * @returns index of the first word that is not UTF-8; null if there is none, or if the system does not report the bytes
 */
export function notUtf8(
  words: readonly string[],
  readCommandLine = () => readFileSync("/proc/self/cmdline"),
): number | null {
  if (!words.some((word) => word.includes(REPLACEMENT))) return null;
  const raw = rawWords(readCommandLine).slice(-words.length);
  const index = raw.findIndex((word) => !isUtf8(word));
  return index === -1 ? null : index;
}

function rawWords(readCommandLine: () => Buffer): Buffer[] {
  try {
    const text = readCommandLine().toString("latin1");
    const words = text.split("\0").slice(0, -1);
    return words.map((word) => Buffer.from(word, "latin1"));
  } catch {
    return [];
  }
}
