// Reads Muse Glimmer's messages, each for the recipient in its header; a message to a tool contains calls.
//
//    to=self<|message|>thoughts<|eom|><|start|>assistant to=get_weather<|message|><atem:function_calls>
//   <atem:invoke name="get_weather">
//   <atem:parameter name="city">Rome</atem:parameter>
//   </atem:invoke>
//   </atem:function_calls><|eot|>

import type { HarmonyFormat } from "./harmony.ts";
import { xmlCalls } from "./xml-call.ts";

const SECTION_START = "<atem:function_calls>";
const ENDS = ["<|eom|>", "<|eot|>", "<|start|>"];

export const museCalls = xmlCalls({
  ...{ sectionStart: SECTION_START, sectionEnd: "</atem:function_calls>" },
  ...{ callStart: '<atem:invoke name="', nameEnd: '">', callEnd: "</atem:invoke>" },
  ...{ parameterStart: '<atem:parameter name="', parameterNameEnd: ['">'] },
  ...{ parameterEnd: "</atem:parameter>", wrapsValues: false },
  // The model was trained on tools with namespaces and writes a tool's name twice if it has no namespace.
  toolName: (written) => written.replace(/^(.+)\.\1$/, "$1"),
});

export const MUSE: HarmonyFormat = {
  ends: ENDS,
  isHeader: (text) => /^\s*to=/.test(text),
  kindOf(header, readsCalls) {
    const [, recipient = "user"] = /\bto=([^\s<]+)/.exec(header) ?? [];
    if (recipient === "self") return "reasoning";
    return readsCalls && recipient !== "user" ? "calls" : "text";
  },
  *readCalls(source, _, types) {
    const { reader, writer } = source;
    reader.record("");
    yield* reader.spaces();
    const isRead =
      (yield* reader.accept(SECTION_START)) &&
      (yield* museCalls.read(source, SECTION_START, types));
    const text = reader.takeRecord();
    if (!isRead && !writer.isCallShown) writer.text(text);
    const rest = writer.isCallShown ? writer.arguments : writer.text;
    yield* reader.until(ENDS, isRead ? () => {} : rest);
    writer.breakCall();
  },
};
