// Grammars for all tool-call formats, by vLLM's names for --tool-call-parser.

import { writeJson } from "../json.ts";
import type { ToolParser } from "../protocol/message-parsing.ts";
import {
  type BareCalls,
  type CallGrammar,
  type CallPart,
  type GrammarTool,
  SPACES,
} from "./call-grammar.ts";
import { gemmaGrammar } from "./gemma-grammar.ts";
import { ANY, type Lark, literalRegex } from "./lark.ts";
import { minimaxM3Grammar } from "./minimax-m3-grammar.ts";
import { parametersOf, separated } from "./parameters.ts";
import { RECIPIENT_START } from "./recipient-call.ts";
import { type XmlGrammar, xmlGrammar, xmlParameters } from "./xml-grammar.ts";

interface JsonGrammar {
  readonly open?: string;
  readonly callStart?: string;
  readonly callEnd?: string;
  readonly separator?: string;
  readonly close?: string;
  readonly nameKey?: string;
  readonly argumentsKey?: string;
  readonly trigger?: string;
  readonly bare?: BareCalls;
}

/** Calls as JSON objects with a name and arguments. */
function json({
  open = "",
  callStart = "",
  callEnd = "",
  separator = ", ",
  close = "",
  nameKey = '"name"',
  argumentsKey = "arguments",
  trigger = open === "" ? callStart.trimEnd() : open.replace(/\[?\n?$/, ""),
  bare,
}: JsonGrammar): CallGrammar {
  return {
    ...{ open, separator, close, ...(bare && { bare }) },
    trigger: trigger === "" ? null : trigger,
    call: (tool, lark) => [
      text(`${callStart}{${nameKey}: ${writeJson(tool.name)}, "${argumentsKey}": `),
      argumentsOf(tool, lark),
      text(`}${callEnd}`),
    ],
  };
}

/**
 * Calls as JSON without a marker. JSON whose first member is not a tool's name is an ordinary answer.
 * @param open "[" for a list
 */
function bareJson(open: "[" | "", argumentsKey: string): BareCalls {
  const spaced = (...tokens: string[]) => tokens.map(literalRegex).join(SPACES) + SPACES;
  // Parsers also read a call after another one and a separator. Llama sometimes writes a type first.
  const start = open === "" ? `([;,]${SPACES})?` : spaced(open);
  const type = `(${spaced('"type"', ":", '"function"', ",")})?`;
  return {
    start: `${start}${spaced("{")}${type}${spaced('"name"', ":")}`,
    name: ({ name }) => literalRegex(writeJson(name)),
    rest: (tool, lark) => [
      { lark: `/, ?"${argumentsKey}": ?/` },
      argumentsOf(tool, lark),
      text("}"),
    ],
    close: open === "" ? null : "]",
  };
}

interface NamedGrammar {
  readonly open?: string;
  readonly callStart: string;
  readonly nameEnd: string;
  readonly callEnd: string;
  readonly close?: string;
  readonly separator?: string;
}

/** Calls as a name followed by JSON arguments. */
function named(grammar: NamedGrammar): CallGrammar {
  const { open = "", callStart, nameEnd, callEnd, close = "", separator = "" } = grammar;
  return {
    ...{ open, separator, close, trigger: open === "" ? callStart : open },
    call: (tool, lark) => [
      text(callStart + tool.name + nameEnd),
      argumentsOf(tool, lark),
      text(callEnd),
    ],
  };
}

function python(open: string, close: string, separator = ", "): CallGrammar {
  return {
    ...{ open: open === "" ? "[" : open, separator, close },
    trigger: open === "" ? null : open.replace(/\[$/, ""),
    call: (tool, lark) => [text(`${tool.name}(`), ...pythonParameters(tool, lark)],
  };
}

function pythonParameters({ schema, isLenient }: GrammarTool, lark: Lark): readonly CallPart[] {
  const parameters = parametersOf(schema);
  const given = parameters.map(({ name, schema: type }) => {
    const isTruth = type["type"] === "boolean";
    const value = isTruth ? '("True" | "False")' : lark.json(type, isLenient);
    return `${lark.text(`${name}=`)} ${value}`;
  });
  return [{ lark: separated(parameters, given, lark) }, text(")")];
}

/** A list of calls in Python without a marker. A list of anything else is an ordinary answer. */
const barePython: BareCalls = {
  start: `\\[${SPACES}`,
  name: ({ name }) => `${literalRegex(name)}\\(`,
  rest: pythonParameters,
  close: "]",
};

/** Calls that follow their tool's name, at the beginning or after a marker. */
const recipients: BareCalls = {
  start: `(${ANY}${literalRegex(RECIPIENT_START)})?`,
  name: ({ name }) => literalRegex(`${name}\n`),
  rest: (tool, lark) => [argumentsOf(tool, lark)],
  close: null,
};

function argumentsOf({ schema, isLenient, input }: GrammarTool, lark: Lark): CallPart {
  if (input === undefined) return { lark: lark.json(schema, isLenient) };
  const start = lark.text(`{${writeJson(input.parameter)}: "`);
  return { lark: `${start} ${lark.nested(input.lark)} ${lark.text('"}')}` };
}

function text(value: string): CallPart {
  return { text: value };
}

const QWEN_XML = {
  ...{ open: "", separator: "\n", close: "" },
  ...{ nameEnd: ">\n", parameterStart: "<parameter=" },
} as const;

const qwen3Coder = xmlGrammar({
  ...{ ...QWEN_XML, trigger: "<tool_call>" },
  ...{ callStart: "<tool_call>\n<function=", callEnd: "</function>\n</tool_call>" },
  ...{ parameterNameEnd: ">\n", parameterEnd: "\n</parameter>\n" },
});

const glm = (lineBreak: string) =>
  xmlGrammar({
    ...{ open: "", separator: "\n", close: "", trigger: "<tool_call>" },
    ...{ callStart: "<tool_call>", nameEnd: lineBreak, callEnd: "</tool_call>" },
    ...{ parameterStart: "<arg_key>", parameterNameEnd: `</arg_key>${lineBreak}<arg_value>` },
    ...{ parameterEnd: `</arg_value>${lineBreak}` },
  });

const DEEPSEEK = { open: "<｜tool▁calls▁begin｜>", close: "<｜tool▁calls▁end｜>" } as const;

const dsml = (section: string) =>
  xmlGrammar({
    ...{ open: `<｜DSML｜${section}>\n`, separator: "\n", close: `\n</｜DSML｜${section}>` },
    ...{ trigger: `<｜DSML｜${section}>`, callStart: '<｜DSML｜invoke name="', nameEnd: '">\n' },
    ...{ callEnd: "</｜DSML｜invoke>", parameterStart: '<｜DSML｜parameter name="' },
    ...{ parameterNameEnd: '" string="' },
    attribute: { ofStrings: "true", ofOthers: ["false"], end: '">' },
    parameterEnd: "</｜DSML｜parameter>\n",
  });

const KIMI_K3: XmlGrammar = {
  ...{ open: "<|close|>response<|sep|><|open|>tools<|sep|>", separator: "" },
  ...{ close: "<|close|>tools<|sep|>", trigger: "<|close|>response<|sep|><|open|>tools<|sep|>" },
  ...{ callStart: '<|open|>call tool="', nameEnd: "", callEnd: "<|close|>call<|sep|>" },
  ...{ parameterStart: '<|open|>argument key="', parameterNameEnd: '" type="' },
  parameterEnd: "<|close|>argument<|sep|>",
  attribute: {
    ofStrings: "string",
    ofOthers: ["number", "boolean", "null", "object", "array"],
    end: '"<|sep|>',
  },
};

const MUSE: XmlGrammar = {
  ...{ open: "", separator: "", close: "", trigger: "" },
  ...{ callStart: '<atem:function_calls>\n<atem:invoke name="', nameEnd: '">\n' },
  ...{ callEnd: "</atem:invoke>\n</atem:function_calls>" },
  ...{ parameterStart: '<atem:parameter name="', parameterNameEnd: '">' },
  parameterEnd: "</atem:parameter>\n",
};

const hermes = json({
  ...{ callStart: "<tool_call>\n", callEnd: "\n</tool_call>", separator: "\n" },
});
const toolCalls = json({ open: "<tool_calls>[", close: "]</tool_calls>" });
const llama3 = json({
  ...{ separator: "; ", argumentsKey: "parameters", trigger: "<|python_tag|>" },
  bare: bareJson("", "parameters"),
});

const mistralList = json({ open: "[TOOL_CALLS] [", close: "]" });
const mistralNames = named({ callStart: "[TOOL_CALLS]", nameEnd: "[ARGS]", callEnd: "" });

const harmony = named({
  callStart: "<|channel|>commentary to=functions.",
  ...{ nameEnd: " <|constrain|>json<|message|>", callEnd: "" },
});

const gemma4 = gemmaGrammar("<|tool_call>", '<|"|>', "<tool_call|>");

const GRAMMARS: Readonly<Record<Exclude<ToolParser, "mistral">, CallGrammar>> = {
  apertus: {
    ...{ open: "<|tools_prefix|>[", separator: ", ", close: "]<|tools_suffix|>" },
    trigger: "<|tools_prefix|>",
    call: (tool, lark) => [text(`{${writeJson(tool.name)}: `), argumentsOf(tool, lark), text("}")],
  },
  cohere: json({
    ...{ open: "<|START_ACTION|>[\n", separator: ",\n", close: "\n]<|END_ACTION|>" },
    ...{ nameKey: '"tool_call_id": "0", "tool_name"', argumentsKey: "parameters" },
  }),
  command_r_plus: {
    ...{ open: "Action:\n```json\n[\n", separator: ",\n", close: "\n]```" },
    // A list that starts here can also say that the model answers without a tool.
    trigger: null,
    call: (tool, lark) => [
      text(`    {\n        "tool_name": ${writeJson(tool.name)},\n        "parameters": `),
      argumentsOf(tool, lark),
      text("\n    }"),
    ],
  },
  deepseek_v3: named({
    ...{ ...DEEPSEEK, separator: "\n" },
    ...{ callStart: "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", nameEnd: "\n```json\n" },
    ...{ callEnd: "\n```<｜tool▁call▁end｜>" },
  }),
  deepseek_v31: named({
    ...DEEPSEEK,
    ...{ callStart: "<｜tool▁call▁begin｜>", nameEnd: "<｜tool▁sep｜>" },
    ...{ callEnd: "<｜tool▁call▁end｜>" },
  }),
  deepseek_v32: dsml("function_calls"),
  deepseek_v4: dsml("tool_calls"),
  ernie45: hermes,
  functionary: named({ callStart: "<function=", nameEnd: ">", callEnd: "</function>" }),
  functionary_v32: {
    ...named({ callStart: "", nameEnd: "\n", callEnd: "", separator: RECIPIENT_START }),
    // Text can contain the marker before names, so only a tool's name after it starts a call.
    ...{ trigger: null, bare: recipients },
  },
  functiongemma: gemmaGrammar("<start_function_call>", "<escape>", "<end_function_call>"),
  gemma: gemma4,
  gemma4,
  gigachat3: json({ callStart: "<|function_call|>" }),
  glm45: glm("\n"),
  glm47: glm(""),
  granite: json({ open: "<|tool_call|>[", close: "]", bare: bareJson("[", "arguments") }),
  "granite-20b-fc": json({ callStart: "<function_call> ", separator: "\n" }),
  hermes,
  hunyuan_a13b: toolCalls,
  hy_v3: xmlGrammar({
    ...{ open: "<tool_calls:opensource>\n", separator: "\n", close: "\n</tool_calls:opensource>" },
    ...{ trigger: "<tool_calls:opensource>", callStart: "<tool_call:opensource>" },
    ...{ nameEnd: "<tool_sep:opensource>\n", callEnd: "</tool_call:opensource>" },
    parameterStart: "<arg_key:opensource>",
    parameterNameEnd: "</arg_key:opensource>\n<arg_value:opensource>",
    parameterEnd: "</arg_value:opensource>\n",
  }),
  internlm: json({
    ...{ callStart: "<|action_start|><|plugin|>\n", callEnd: "<|action_end|>" },
    ...{ argumentsKey: "parameters", separator: "\n" },
  }),
  jamba: toolCalls,
  kimi_k2: {
    ...named({
      ...{ open: "<|tool_calls_section_begin|>", close: "<|tool_calls_section_end|>" },
      ...{ callStart: "", nameEnd: "", callEnd: "" },
    }),
    // Numbering continues from the calls already in the conversation.
    call: (tool, lark) => [
      text(`<|tool_call_begin|>functions.${tool.name}:`),
      { lark: "/[0-9]{1,4}/" },
      text("<|tool_call_argument_begin|>"),
      argumentsOf(tool, lark),
      text("<|tool_call_end|>"),
    ],
  },
  kimi_k3: {
    ...KIMI_K3,
    call: (tool, lark) => [
      text(`${KIMI_K3.callStart}${tool.name}" index="`),
      { lark: "/[1-9][0-9]{0,2}/" },
      text('"<|sep|>'),
      ...xmlParameters(KIMI_K3, tool, lark),
      text(KIMI_K3.callEnd),
    ],
  },
  lfm2: { ...python("<|tool_call_start|>[", "]<|tool_call_end|>"), bare: barePython },
  llama3_json: llama3,
  llama4_json: llama3,
  llama4_pythonic: { ...python("<|python_start|>[", "]<|python_end|>"), bare: barePython },
  longcat: json({
    ...{ callStart: "<longcat_tool_call>", callEnd: "</longcat_tool_call>", separator: "\n" },
  }),
  minicpm5: xmlGrammar({
    ...{ open: "", separator: "\n", close: "", trigger: "<function" },
    ...{ callStart: '<function name="', nameEnd: '">', callEnd: "</function>" },
    ...{ parameterStart: '<param name="', parameterNameEnd: '">', parameterEnd: "</param>" },
    cdata: { start: "<![CDATA[", end: "]]>", characters: "<&\\n" },
  }),
  minimax: json({ open: "<tool_calls>\n", separator: "\n", close: "\n</tool_calls>" }),
  minimax_m2: xmlGrammar({
    ...{ open: "<minimax:tool_call>\n", separator: "\n", close: "\n</minimax:tool_call>" },
    ...{ trigger: "<minimax:tool_call>", callStart: '<invoke name="', nameEnd: '">\n' },
    ...{ callEnd: "</invoke>", parameterStart: '<parameter name="', parameterNameEnd: '">' },
    parameterEnd: "</parameter>\n",
  }),
  minimax_m3: minimaxM3Grammar,
  muse_glimmer: {
    ...{ open: "", separator: "<|eom|><|start|>assistant", close: "", trigger: null },
    call: (tool, lark) => [
      text(` to=${tool.name}<|message|>${MUSE.callStart}${tool.name}${MUSE.nameEnd}`),
      ...xmlParameters(MUSE, tool, lark),
      text(MUSE.callEnd),
    ],
  },
  nemotron_json: json({ open: "<TOOLCALL>[", close: "]</TOOLCALL>" }),
  olmo3: {
    ...python("<function_calls>", "</function_calls>", "\n"),
    trigger: "<function_calls>",
  },
  openai: harmony,
  phi4_mini_json: json({ open: "functools[", close: "]" }),
  pythonic: { ...python("", "]"), bare: barePython },
  qwen3_coder: qwen3Coder,
  qwen3_xml: qwen3Coder,
  seed_oss: xmlGrammar({
    ...{ ...QWEN_XML, trigger: "<seed:tool_call>" },
    ...{ callStart: "<seed:tool_call>\n<function=", callEnd: "</function>\n</seed:tool_call>" },
    ...{ parameterNameEnd: ">", parameterEnd: "</parameter>\n" },
  }),
  solar_open: {
    ...{ open: "<|tool_calls|>", separator: "", close: "<|calls|>", trigger: "<|tool_calls|>" },
    call: (tool, lark) => [
      text("<|tool_call:begin|>"),
      // The template asks for a random ID of this length.
      { lark: "/[a-z0-9]{10}/" },
      text(`<|tool_call:name|>${tool.name}<|tool_call:args|>`),
      argumentsOf(tool, lark),
      text("<|tool_call:end|>"),
    ],
  },
  step3: xmlGrammar({
    ...{ open: "<｜tool_calls_begin｜>", separator: "", close: "<｜tool_calls_end｜>" },
    ...{ trigger: "<｜tool_calls_begin｜>", nameEnd: '">' },
    callStart: '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="',
    callEnd: "</steptml:invoke><｜tool_call_end｜>",
    ...{ parameterStart: '<steptml:parameter name="', parameterNameEnd: '">' },
    parameterEnd: "</steptml:parameter>",
  }),
  step3p5: qwen3Coder,
  xlam: json({
    ...{ open: "[", close: "]", trigger: "[TOOL_CALLS]" },
    bare: bareJson("[", "arguments"),
  }),
};

export function callGrammar(parser: ToolParser, lark: Lark): CallGrammar {
  if (parser === "mistral") return lark.hasToken("[ARGS]") ? mistralNames : mistralList;
  return GRAMMARS[parser];
}
