// Formats that models use for tool calls, by vLLM's names for --tool-call-parser. The names "apertus", "cohere",
// "command_r_plus", "functionary", "functionary_v32", "lfm2", "muse_glimmer", "nemotron_json" and "solar_open" are Pagoda's own.

import type { ToolParser } from "../protocol/message-parsing.ts";
import { type CallSource, readEnds, readMarkers, readName, readSection } from "./call-reader.ts";
import { gemmaCalls } from "./gemma-call.ts";
import { HARMONY_MARKERS } from "./harmony.ts";
import { readJsonCalls, readJsonList, readKeyedCalls } from "./json-call.ts";
import { readValue } from "./json-reader.ts";
import { minimaxM3 } from "./minimax-m3-call.ts";
import { museCalls } from "./muse.ts";
import { namedCalls } from "./named-call.ts";
import { readPythonLines, readPythonList } from "./python-call.ts";
import { recipientCalls } from "./recipient-call.ts";
import type { Parsing } from "./text-reader.ts";
import type { ToolFormat } from "./tool-format.ts";
import { xmlCalls } from "./xml-call.ts";

/** Calls as JSON after a marker. Some models omit the end marker. */
function jsonCalls(starts: readonly string[], end: string): ToolFormat {
  return {
    ...{ starts, bareStarts: [], markers: [], end },
    *read(source) {
      if (!(yield* readJsonCalls(source))) return false;
      yield* readEnds(source.reader, [end]);
      return true;
    },
  };
}

/** Calls as JSON after a marker, or in a message that starts with JSON. */
function bareJsonCalls(
  starts: readonly string[],
  bareStarts: readonly string[],
  end = "",
): ToolFormat {
  const calls = jsonCalls(starts, end);
  return {
    ...calls,
    bareStarts,
    read(source, start, types) {
      if (bareStarts.includes(start)) source.reader.unread(start);
      return calls.read(source, start, types);
    },
  };
}

function pythonCalls(start: string, end: string): ToolFormat {
  return {
    starts: start === "" ? [] : [start],
    bareStarts: ["["],
    markers: [end],
    end,
    *read(source, marker) {
      const { reader } = source;
      if (marker !== "[") {
        yield* reader.spaces();
        if (!(yield* reader.accept("["))) return yield* readJsonCalls(source);
      }
      yield* reader.spaces();
      // LFM2 can also be prompted to use JSON.
      const isJson = (yield* reader.peek()) === "{";
      if (!(yield* isJson ? readJsonList(source) : readPythonList(source))) return false;
      if (end !== "") yield* readEnds(reader, [end]);
      return true;
    },
  };
}

const QWEN_XML = {
  callStart: "<function=",
  nameEnd: ">",
  callEnd: "</function>",
  parameterStart: "<parameter=",
  parameterNameEnd: [">"],
  parameterEnd: "</parameter>",
  wrapsValues: true,
} as const;

const qwen3Coder = xmlCalls({
  ...QWEN_XML,
  ...{ sectionStart: "<tool_call>", sectionEnd: "</tool_call>" },
});

const INVOKE_XML = {
  callStart: '<invoke name="',
  nameEnd: '">',
  callEnd: "</invoke>",
  parameterStart: '<parameter name="',
  parameterNameEnd: ['">'],
  parameterEnd: "</parameter>",
  wrapsValues: false,
} as const;

const glm = xmlCalls({
  ...{ sectionStart: "", sectionEnd: "" },
  ...{ callStart: "<tool_call>", nameEnd: "", callEnd: "</tool_call>" },
  ...{ parameterStart: "<arg_key>", parameterNameEnd: ["</arg_key>", "<arg_value>"] },
  ...{ parameterEnd: "</arg_value>", wrapsValues: false },
});

const dsml = (section: string) =>
  xmlCalls({
    ...{ sectionStart: `<｜DSML｜${section}>`, sectionEnd: `</｜DSML｜${section}>` },
    ...{ callStart: '<｜DSML｜invoke name="', nameEnd: '">', callEnd: "</｜DSML｜invoke>" },
    ...{ parameterStart: '<｜DSML｜parameter name="', parameterNameEnd: ['" string="'] },
    ...{ parameterEnd: "</｜DSML｜parameter>", wrapsValues: false, attributeEnd: '">' },
  });

const DEEPSEEK_SECTION = {
  sectionStart: "<｜tool▁calls▁begin｜>",
  sectionEnd: "<｜tool▁calls▁end｜>",
} as const;

const llama3 = bareJsonCalls(["<|python_tag|>"], ["{"]);
const hermes = jsonCalls(["<tool_call>"], "</tool_call>");
const toolCalls = jsonCalls(["<tool_calls>"], "</tool_calls>");

const gemma4 = gemmaCalls({ start: "<|tool_call>", end: "<tool_call|>", quote: '<|"|>' });

/** Read by harmony.ts, since calls are separate messages. */
const openai: ToolFormat = {
  ...{ starts: [], bareStarts: [], markers: HARMONY_MARKERS, end: "" },
  *read({ reader }) {
    yield* reader.spaces();
    return false;
  },
};

export const TOOL_FORMATS: Readonly<Record<ToolParser, ToolFormat>> = {
  apertus: {
    ...{ starts: ["<|tools_prefix|>"], bareStarts: [], markers: [] },
    end: "<|tools_suffix|>",
    *read(source) {
      if (!(yield* readKeyedCalls(source))) return false;
      yield* readEnds(source.reader, ["<|tools_suffix|>"]);
      return true;
    },
  },
  cohere: jsonCalls(["<|START_ACTION|>"], "<|END_ACTION|>"),
  command_r_plus: {
    ...{ starts: ["Action:"], bareStarts: [], markers: [], end: "```" },
    *read(source, _, types) {
      if (!(yield* readMarkers(source.reader, ["```json"]))) return false;
      // The template asks the model to call "directly-answer", which is not a tool, before an
      // answer.
      source.writer.requiredNames = new Set(types.keys());
      if (!(yield* readJsonCalls(source))) return false;
      yield* readEnds(source.reader, ["```"]);
      return true;
    },
  },
  deepseek_v3: namedCalls({
    ...DEEPSEEK_SECTION,
    callStart: "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
    nameEnd: ["```json"],
    callEnd: ["```", "<｜tool▁call▁end｜>"],
  }),
  deepseek_v31: namedCalls({
    ...DEEPSEEK_SECTION,
    callStart: "<｜tool▁call▁begin｜>",
    nameEnd: ["<｜tool▁sep｜>"],
    callEnd: ["<｜tool▁call▁end｜>"],
  }),
  deepseek_v32: dsml("function_calls"),
  deepseek_v4: dsml("tool_calls"),
  ernie45: hermes,
  functionary: namedCalls({
    ...{ sectionStart: "", sectionEnd: "", callStart: "<function=" },
    ...{ nameEnd: [">"], callEnd: ["</function>"] },
  }),
  functionary_v32: recipientCalls,
  functiongemma: gemmaCalls({
    ...{ start: "<start_function_call>", end: "<end_function_call>", quote: "<escape>" },
  }),
  gemma: gemma4,
  gemma4,
  gigachat3: jsonCalls(["<|function_call|>", "function call<|role_sep|>"], "<|message_sep|>"),
  glm45: glm,
  glm47: glm,
  granite: bareJsonCalls(["<|tool_call|>", "<tool_call>"], ["["], "</tool_call>"),
  "granite-20b-fc": jsonCalls(["<function_call>"], "</function_call>"),
  hermes,
  hunyuan_a13b: toolCalls,
  hy_v3: xmlCalls({
    ...{ sectionStart: "<tool_calls:opensource>", sectionEnd: "</tool_calls:opensource>" },
    ...{ callStart: "<tool_call:opensource>", nameEnd: "<tool_sep:opensource>" },
    ...{ callEnd: "</tool_call:opensource>", parameterStart: "<arg_key:opensource>" },
    parameterNameEnd: ["</arg_key:opensource>", "<arg_value:opensource>"],
    ...{ parameterEnd: "</arg_value:opensource>", wrapsValues: false },
  }),
  internlm: jsonCalls(["<|action_start|><|plugin|>"], "<|action_end|>"),
  jamba: toolCalls,
  kimi_k2: namedCalls({
    sectionStart: "<|tool_calls_section_begin|>",
    sectionEnd: "<|tool_calls_section_end|>",
    callStart: "<|tool_call_begin|>",
    nameEnd: ["<|tool_call_argument_begin|>"],
    callEnd: ["<|tool_call_end|>"],
    toolName: (written) => written.replace(/^functions\./, "").replace(/:\d+$/, ""),
  }),
  kimi_k3: xmlCalls({
    ...{ sectionStart: "<|open|>tools<|sep|>", sectionEnd: "<|close|>tools<|sep|>" },
    ...{ callStart: '<|open|>call tool="', nameEnd: '"', callAttributesEnd: "<|sep|>" },
    ...{ callEnd: "<|close|>call<|sep|>", parameterStart: '<|open|>argument key="' },
    ...{ parameterNameEnd: ['" type="'], attributeEnd: '"<|sep|>' },
    ...{ parameterEnd: "<|close|>argument<|sep|>", wrapsValues: false },
    jsonBlock: ['<|open|>json type="object"<|sep|>', "<|close|>json<|sep|>"],
  }),
  lfm2: pythonCalls("<|tool_call_start|>", "<|tool_call_end|>"),
  llama3_json: llama3,
  llama4_json: llama3,
  llama4_pythonic: pythonCalls("<|python_start|>", "<|python_end|>"),
  longcat: jsonCalls(["<longcat_tool_call>"], "</longcat_tool_call>"),
  minicpm5: xmlCalls({
    ...{ sectionStart: "", sectionEnd: "", callStart: '<function name="', nameEnd: '">' },
    ...{ callEnd: "</function>", parameterStart: '<param name="', parameterNameEnd: ['">'] },
    ...{ parameterEnd: "</param>", wrapsValues: false, allowsCdata: true },
  }),
  minimax: toolCalls,
  minimax_m2: xmlCalls({
    ...INVOKE_XML,
    ...{ sectionStart: "<minimax:tool_call>", sectionEnd: "</minimax:tool_call>" },
  }),
  minimax_m3: minimaxM3,
  mistral: mistralCalls(),
  muse_glimmer: museCalls,
  nemotron_json: jsonCalls(["<TOOLCALL>"], "</TOOLCALL>"),
  olmo3: {
    ...{ starts: ["<function_calls>"], bareStarts: [], markers: [], end: "</function_calls>" },
    read: (source) => readPythonLines(source, "</function_calls>"),
  },
  openai,
  phi4_mini_json: jsonCalls(["functools"], ""),
  pythonic: pythonCalls("", ""),
  qwen3_coder: qwen3Coder,
  qwen3_xml: qwen3Coder,
  seed_oss: xmlCalls({
    ...{ ...QWEN_XML, wrapsValues: false },
    ...{ sectionStart: "<seed:tool_call>", sectionEnd: "</seed:tool_call>" },
  }),
  solar_open: namedCalls({
    ...{ sectionStart: "<|tool_calls|>", sectionEnd: "<|calls|>" },
    ...{ callStart: "<|tool_call:begin|>", idEnd: "<|tool_call:name|>" },
    ...{ nameEnd: ["<|tool_call:args|>"], callEnd: ["<|tool_call:end|>"] },
  }),
  step3: xmlCalls({
    sectionStart: "<｜tool_calls_begin｜>",
    sectionEnd: "<｜tool_calls_end｜>",
    callStart: '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="',
    nameEnd: '">',
    callEnd: "</steptml:invoke><｜tool_call_end｜>",
    parameterStart: '<steptml:parameter name="',
    parameterNameEnd: ['">'],
    parameterEnd: "</steptml:parameter>",
    wrapsValues: false,
  }),
  step3p5: qwen3Coder,
  xlam: bareJsonCalls(["[TOOL_CALLS]", "<tool_call>"], ["[", "{"]),
};

/** A list of JSON calls or, since version 11 of the tokenizer, a name and arguments after each marker. */
function mistralCalls(): ToolFormat {
  const callStart = "[TOOL_CALLS]";
  const section = { sectionStart: "", sectionEnd: "", callStart };
  return {
    ...{ starts: [callStart], bareStarts: [], markers: ["[CALL_ID]", "[ARGS]"], end: "" },
    *read(source, start) {
      yield* source.reader.spaces();
      const first = yield* source.reader.peek();
      if (first === "[" || first === "{") return yield* readJsonCalls(source);
      return yield* readSection(source, section, start, () => readMistralCall(source));
    },
  };
}

function* readMistralCall({ reader, writer }: CallSource): Parsing<boolean> {
  const name = yield* readName(reader);
  if (yield* reader.accept("[CALL_ID]")) yield* readName(reader);
  yield* reader.accept("[ARGS]");
  yield* reader.spaces();
  if (name === "" || (yield* reader.peek()) !== "{" || !writer.call(name)) return false;
  return (yield* readValue(reader, writer.arguments)) && writer.endCall();
}
