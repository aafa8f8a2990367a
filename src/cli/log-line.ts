// Formats a server's log lines in vLLM's layout (level, local time, text), so programs that parse
// vLLM's logs can parse Pagoda's.

import { visible } from "../visible-text.ts";

const LEVELS = {
  INFO: { mark: "", color: "" },
  WARNING: { mark: "warning: ", color: "\x1b[33m" },
  ERROR: { mark: "error: ", color: "\x1b[31m" },
} as const;

type Level = keyof typeof LEVELS;

const RESET = "\x1b[0m";

export interface LogLineOptions {
  readonly at: Date;
  readonly hasColor: boolean;
}

/**
 * @param text a leading "warning: " or "error: " sets the level
 * @returns `INFO 11-30 14:31:53 text`, with the prefix on every line
 */
export function logLine(text: string, { at, hasColor }: LogLineOptions): string {
  const level = levelOf(text);
  const { mark, color } = LEVELS[level];
  const word = hasColor && color !== "" ? `${color}${level}${RESET}` : level;
  const head = `${word} ${timeOf(at)}`;
  const lines = visible(text.slice(mark.length)).split("\n");
  return lines.map((line) => `${head} ${line}`.trimEnd()).join("\n");
}

/** Formats a log line for any other command, with a colored warning or error prefix. */
export function markedLine(text: string, hasColor: boolean): string {
  const { mark, color } = LEVELS[levelOf(text)];
  const shown = visible(text);
  return hasColor && color !== ""
    ? `${color}${mark.trimEnd()}${RESET} ${shown.slice(mark.length)}`
    : shown;
}

function levelOf(text: string): Level {
  if (text.startsWith(LEVELS.ERROR.mark)) return "ERROR";
  return text.startsWith(LEVELS.WARNING.mark) ? "WARNING" : "INFO";
}

function timeOf(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [at.getMonth() + 1, at.getDate()].map(two).join("-");
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
}
