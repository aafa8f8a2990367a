// Reads messages in which each part follows its recipient's name, as Functionary 3.2 writes them. The prompt ends
// with ">>>".
//
//   all
//   text>>>get_weather
//   {"city": "Rome"}

import { readValue } from "./json-reader.ts";
import type { ToolFormat } from "./tool-format.ts";

/** Marker before a recipient. */
export const RECIPIENT_START = ">>>";
/** Line before text for the user. */
const TO_ALL = "all\n";

export const recipientCalls: ToolFormat = {
  ...{ starts: [RECIPIENT_START], bareStarts: [], markers: [], end: "" },
  ...{ startsMessage: true, contentStart: TO_ALL },
  *read({ reader, writer }, _, types) {
    if (yield* reader.accept(TO_ALL)) return true;
    const line = yield* reader.acceptOne([...types.keys()].map((name) => `${name}\n`));
    if (line === null) return false;
    yield* reader.spaces();
    if ((yield* reader.peek()) !== "{" || !writer.call(line.slice(0, -1))) return false;
    return (yield* readValue(reader, writer.arguments)) && writer.endCall();
  },
};
