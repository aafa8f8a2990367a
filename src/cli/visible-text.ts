// Shows text from outside, such as the keys of a model file, on a terminal.

/** Control characters except tab and line feed. */
const CONTROL = /[^\P{Cc}\t\n]/gu;

/** Escapes control characters, with which text could move the cursor or hide other text. */
export function visible(text: string): string {
  return text.replace(
    CONTROL,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
