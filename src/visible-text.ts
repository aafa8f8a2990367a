// Escapes untrusted text, such as the keys in a model file, for terminals and logs.

/** Control characters except tab and line feed. */
const CONTROL = /[^\P{Cc}\t\n]/gu;

/** Escapes control characters, which could move the cursor or hide other text. */
export function visible(text: string): string {
  return text.replace(CONTROL, unicodeEscape);
}

/** @param unit one UTF-16 code unit @returns its JSON escape, e.g. \u001b */
export function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
