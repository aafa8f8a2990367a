// Every tool call format: calls as models write them, no matter how their text is split.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { layoutMarkers } from "../../src/formats/message-layouts.ts";
import type { CallableTool, ToolParser } from "../../src/protocol/message-parsing.ts";
import { TOOL_PARSERS } from "../../src/protocol/message-parsing.ts";
import { type Message, parseMessage, splitAt } from "../support/parse-message.ts";

const TOOLS: readonly CallableTool[] = [
  {
    name: "get_weather",
    parameters: [
      ["city", ["string"]],
      ["days", ["integer"]],
      ["units", ["string", "null"]],
      ["hourly", ["boolean"]],
      ["tags", ["array"]],
      ["any", []],
    ],
  },
  { name: "now", parameters: [] },
];

type Calls = readonly (readonly [string, object])[];
const ROME: Calls = [["get_weather", { city: "Rome", days: 3 }]];
const BOTH: Calls = [...ROME, ["now", {}]];

interface Case {
  readonly parsers: readonly ToolParser[];
  readonly text: string;
  readonly calls: Calls;
  readonly content?: string;
}

const json = (name: string, args: string, key = "arguments") =>
  `{"name": "${name}", "${key}": ${args}}`;
const ROME_JSON = json("get_weather", '{"city": "Rome", "days": 3}');
const NOW_JSON = json("now", "{}");
const LIST = `[${ROME_JSON}, ${NOW_JSON}]`;
const ROME_ARGS = '{"city": "Rome", "days": 3}';

const CASES: readonly Case[] = [
  {
    parsers: ["hermes", "ernie45", "granite"],
    text: `I look.\n<tool_call>\n${ROME_JSON}\n</tool_call>\n<tool_call>${NOW_JSON}</tool_call>`,
    calls: BOTH,
    content: "I look.",
  },
  {
    parsers: ["jamba", "hunyuan_a13b", "minimax"],
    text: `<tool_calls>${LIST}</tool_calls>`,
    calls: BOTH,
  },
  {
    parsers: ["minimax"],
    text: `<tool_calls>\n${ROME_JSON}\n${NOW_JSON}\n</tool_calls>`,
    calls: BOTH,
  },
  {
    parsers: ["apertus"],
    text: `I look.<|tools_prefix|>[{"get_weather": ${ROME_ARGS}}, {"now": {}}]<|tools_suffix|>`,
    calls: BOTH,
    content: "I look.",
  },
  {
    parsers: ["hy_v3"],
    text:
      "I look.<tool_calls:opensource>\n<tool_call:opensource>get_weather<tool_sep:opensource>\n" +
      "<arg_key:opensource>city</arg_key:opensource>\n<arg_value:opensource>Rome</arg_value:opensource>\n" +
      "<arg_key:opensource>days</arg_key:opensource>\n<arg_value:opensource>3</arg_value:opensource>\n" +
      "</tool_call:opensource>\n<tool_call:opensource>now<tool_sep:opensource>\n</tool_call:opensource>\n" +
      "</tool_calls:opensource>",
    calls: BOTH,
    content: "I look.",
  },
  { parsers: ["granite"], text: `<|tool_call|>${LIST}`, calls: BOTH },
  { parsers: ["granite", "xlam"], text: LIST, calls: BOTH },
  { parsers: ["granite-20b-fc"], text: `<function_call> ${ROME_JSON}`, calls: ROME },
  {
    parsers: ["internlm"],
    text: `Well.<|action_start|><|plugin|>\n${json("get_weather", ROME_ARGS, "parameters")}<|action_end|>`,
    calls: ROME,
    content: "Well.",
  },
  {
    parsers: ["cohere"],
    text: `<|START_ACTION|>[\n{"tool_call_id": "0", "tool_name": "get_weather", "parameters": ${ROME_ARGS}}\n]<|END_ACTION|>`,
    calls: ROME,
  },
  {
    parsers: ["command_r_plus"],
    text:
      'I look.\nAction:\n```json\n[\n    {\n        "tool_name": "get_weather",\n' +
      `        "parameters": ${ROME_ARGS}\n    },\n    {"tool_name": "now", "parameters": {}}\n]\`\`\`\n`,
    calls: BOTH,
    content: "I look.",
  },
  {
    parsers: ["longcat"],
    text: `<longcat_tool_call>${ROME_JSON}</longcat_tool_call>`,
    calls: ROME,
  },
  { parsers: ["nemotron_json"], text: `<TOOLCALL>${LIST}</TOOLCALL>`, calls: BOTH },
  { parsers: ["phi4_mini_json"], text: `functools${LIST}`, calls: BOTH },
  { parsers: ["gigachat3"], text: `<|function_call|>${ROME_JSON}`, calls: ROME },
  {
    parsers: ["llama3_json", "llama4_json"],
    text: `${json("get_weather", ROME_ARGS, "parameters")}; ${json("now", "{}", "parameters")}`,
    calls: BOTH,
  },
  { parsers: ["llama3_json"], text: `<|python_tag|>${ROME_JSON}`, calls: ROME },
  { parsers: ["mistral", "xlam"], text: `[TOOL_CALLS] ${LIST}`, calls: BOTH },
  {
    parsers: ["mistral"],
    text: `Sure.[TOOL_CALLS]get_weather${ROME_ARGS}[TOOL_CALLS]now{}`,
    calls: BOTH,
    content: "Sure.",
  },
  {
    parsers: ["mistral"],
    text: `[TOOL_CALLS]get_weather[CALL_ID]abcdefghi[ARGS]${ROME_ARGS}[TOOL_CALLS]now[ARGS]{}`,
    calls: BOTH,
  },
  {
    parsers: ["deepseek_v3"],
    text:
      "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n" +
      `${ROME_ARGS}\n\`\`\`<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n\`\`\`json\n{}\n\`\`\`` +
      "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    calls: BOTH,
  },
  {
    parsers: ["deepseek_v31"],
    text:
      `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>${ROME_ARGS}<｜tool▁call▁end｜>` +
      "<｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    calls: BOTH,
  },
  {
    parsers: ["deepseek_v32"],
    text: dsml("function_calls"),
    calls: [["get_weather", { city: "Rome", days: 3, units: "metric" }]],
  },
  {
    parsers: ["deepseek_v4"],
    text: dsml("tool_calls"),
    calls: [["get_weather", { city: "Rome", days: 3, units: "metric" }]],
  },
  {
    parsers: ["kimi_k3"],
    text:
      'I look.<|close|>response<|sep|><|open|>tools<|sep|><|open|>call tool="get_weather" index="1"<|sep|>' +
      '<|open|>argument key="city" type="string"<|sep|>7 "x"\n<|close|>argument<|sep|>' +
      '<|open|>argument key="days" type="number"<|sep|>3<|close|>argument<|sep|>' +
      '<|open|>argument key="any" type="object"<|sep|>{"a": null}<|close|>argument<|sep|><|close|>call<|sep|>' +
      '<|open|>call tool="now" index="2"<|sep|><|close|>call<|sep|><|close|>tools<|sep|><|close|>message<|sep|>',
    calls: [
      ["get_weather", { city: '7 "x"\n', days: 3, any: { a: null } }],
      ["now", {}],
    ],
    content: "I look.",
  },
  {
    parsers: ["kimi_k3"],
    text:
      '<|open|>tools<|sep|><|open|>call tool="get_weather" index="1"<|sep|><|open|>json type="object"<|sep|>' +
      `${ROME_ARGS}<|close|>json<|sep|><|close|>call<|sep|><|close|>tools<|sep|>`,
    calls: ROME,
  },
  {
    parsers: ["minimax_m3"],
    text: m3(
      'I look.@<tool_call>\n@<invoke name="get_weather">@<city>7\n<b>@</city>@<days>3@</days>@<tags>@<item>a@</item>' +
        "@<item>@<b>1@</b>@</item>@</tags>@<any>@<k>@<item>true@</item>@</k>@</any>@</invoke>\n" +
        '@<invoke name="now">@</invoke>\n@</tool_call>',
    ),
    calls: [
      ["get_weather", { city: "7\n<b>", days: 3, tags: ["a", { b: 1 }], any: { k: [true] } }],
      ["now", {}],
    ],
    content: "I look.",
  },
  {
    parsers: ["solar_open"],
    text:
      "<|content|>I look.<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>a1b2c3d4e5<|tool_call:name|>" +
      `get_weather<|tool_call:args|>${ROME_ARGS}<|tool_call:end|><|tool_call:begin|>f1b2c3d4e5<|tool_call:name|>now` +
      "<|tool_call:args|>{}<|tool_call:end|><|calls|>",
    calls: BOTH,
    content: "I look.",
  },
  {
    parsers: ["kimi_k2"],
    text:
      `I look.<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>` +
      `${ROME_ARGS}<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}` +
      "<|tool_call_end|><|tool_calls_section_end|>",
    calls: BOTH,
    content: "I look.",
  },
  {
    parsers: ["functionary"],
    text: `<function=get_weather>${ROME_ARGS}</function>\n<function=now>{}</function>`,
    calls: BOTH,
  },
  {
    parsers: ["functionary_v32"],
    text: `get_weather\n${ROME_ARGS}>>>now\n{}`,
    calls: BOTH,
  },
  {
    parsers: ["functionary_v32"],
    text: `I look >>> at 1>>>2.\n>>>get_weather\n${ROME_ARGS}\n>>>now\n{}`,
    calls: BOTH,
    content: "I look >>> at 1>>>2.",
  },
  {
    parsers: ["muse_glimmer"],
    text:
      " to=user<|message|>I look.<|eom|><|start|>assistant to=get_weather<|message|><atem:function_calls>\n" +
      '<atem:invoke name="get_weather.get_weather">\n<atem:parameter name="city">7 <b>\n</atem:parameter>\n' +
      '<atem:parameter name="hourly">true</atem:parameter>\n<atem:parameter name="tags">["a"]</atem:parameter>\n' +
      "</atem:invoke>\n</atem:function_calls><|eom|><|start|>assistant to=now<|message|><atem:function_calls>\n" +
      '<atem:invoke name="now">\n</atem:invoke>\n</atem:function_calls><|eot|>',
    calls: [
      ["get_weather", { city: "7 <b>\n", hourly: true, tags: ["a"] }],
      ["now", {}],
    ],
    content: "I look.",
  },
  {
    parsers: ["qwen3_coder", "qwen3_xml", "step3p5"],
    text:
      "I look.\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n<parameter=days>\n3\n" +
      "</parameter>\n<parameter=units>\nnull\n</parameter>\n<parameter=hourly>\nTrue\n</parameter>\n" +
      '<parameter=tags>\n["a", "b"]\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=now>\n' +
      "</function>\n</tool_call>",
    calls: [
      ["get_weather", { city: "Rome", days: 3, units: null, hourly: true, tags: ["a", "b"] }],
      ["now", {}],
    ],
    content: "I look.",
  },
  {
    parsers: ["qwen3_coder"],
    text:
      '<function=get_weather>\n<parameter=city>\n7\n\n<b>"x"</b>\n\n</parameter>\n<parameter=units>\n12\n' +
      "</parameter>\n<parameter=any>\n{1}\n</parameter>\n</function>",
    calls: [["get_weather", { city: '7\n\n<b>"x"</b>\n', units: "12", any: "{1}" }]],
  },
  {
    parsers: ["seed_oss"],
    text:
      "<seed:tool_call>\n<function=get_weather>\n<parameter=city>Rome</parameter>\n<parameter=days>3</parameter>\n" +
      "</function>\n</seed:tool_call>",
    calls: ROME,
  },
  {
    parsers: ["minicpm5"],
    text:
      'I look.\n<function name="get_weather"><param name="city"><![CDATA[<a> & ]]>\n]]></param>' +
      '<param name="days">3</param><param name="hourly">True</param>' +
      `<param name="tags">['a', "b's"]</param></function>\n<function name="now"></function>`,
    calls: [
      ["get_weather", { city: "<a> & ]]>\n", days: 3, hourly: true, tags: ["a", "b's"] }],
      ["now", {}],
    ],
    content: "I look.",
  },
  {
    parsers: ["minimax_m2"],
    text:
      '<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Rome</parameter>\n' +
      '<parameter name="days">3</parameter>\n</invoke>\n<invoke name="now">\n</invoke>\n</minimax:tool_call>',
    calls: BOTH,
  },
  {
    parsers: ["glm45", "glm47"],
    text:
      "\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>\n<arg_key>days</arg_key>\n" +
      "<arg_value>3</arg_value>\n</tool_call>\n<tool_call>now</tool_call>",
    calls: BOTH,
  },
  {
    parsers: ["step3"],
    text:
      '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="get_weather">' +
      '<steptml:parameter name="city">Rome</steptml:parameter><steptml:parameter name="days">3' +
      "</steptml:parameter></steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>",
    calls: ROME,
  },
  { parsers: ["pythonic", "lfm2"], text: "[get_weather(city='Rome', days=3), now()]", calls: BOTH },
  {
    parsers: ["llama4_pythonic"],
    text: '<|python_start|>[get_weather(city="Rome", days=3), now()]<|python_end|>',
    calls: BOTH,
  },
  {
    parsers: ["lfm2"],
    text: "<|tool_call_start|>[get_weather(city='Rome', days=3)]<|tool_call_end|>Looking.",
    calls: ROME,
    content: "Looking.",
  },
  { parsers: ["lfm2"], text: `<|tool_call_start|>${LIST}<|tool_call_end|>`, calls: BOTH },
  {
    parsers: ["pythonic"],
    text: String.raw`[get_weather(city='it\'s "x"\n\x41', tags=[1, (2.5, -3)], any={'a': None, "b": {}},)]`,
    calls: [
      ["get_weather", { city: 'it\'s "x"\nA', tags: [1, [2.5, -3]], any: { a: null, b: {} } }],
    ],
  },
  {
    parsers: ["olmo3"],
    text: '<function_calls>get_weather(city="Rome", days=3)\nnow()</function_calls>',
    calls: BOTH,
  },
  {
    parsers: ["gemma", "gemma4"],
    text: '<|tool_call>call:get_weather{city:<|"|>Rome<|"|>,days:3,tags:[<|"|>a<|"|>,true],any:{k:1.5}}<tool_call|>',
    calls: [["get_weather", { city: "Rome", days: 3, tags: ["a", true], any: { k: 1.5 } }]],
  },
  {
    parsers: ["functiongemma"],
    text: "<start_function_call>call:get_weather{city:<escape>Rome<escape>,days:3}<end_function_call>",
    calls: ROME,
  },
  {
    parsers: ["openai"],
    text:
      "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather " +
      `<|constrain|>json<|message|>${ROME_ARGS}<|call|><|start|>assistant to=functions.now<|channel|>commentary ` +
      "json<|message|>{}<|call|>",
    calls: BOTH,
    content: "I look.",
  },
];

function m3(text: string): string {
  return text.replaceAll("@", "]<]minimax[>[");
}

function dsml(section: string): string {
  const parameter = (name: string, isString: boolean, value: string) =>
    `<｜DSML｜parameter name="${name}" string="${isString}">${value}</｜DSML｜parameter>\n`;
  return (
    `\n\n<｜DSML｜${section}>\n<｜DSML｜invoke name="get_weather">\n${parameter("city", true, "Rome")}` +
    `${parameter("days", false, "3")}${parameter("units", true, "metric")}</｜DSML｜invoke>\n</｜DSML｜${section}>`
  );
}

/** Formats in which the text of a header that is cut off is lost. */
const HEADED: readonly ToolParser[] = ["muse_glimmer", "openai"];

const NAMED = CASES.flatMap((one) => one.parsers.map((parser) => [parser, one.text, one] as const));
const decoded = ({ calls }: Message) => calls.map(([name, args]) => [name, JSON.parse(args)]);

describe("calls", () => {
  test.each(NAMED)(
    "in the %s format are parsed from %j",
    (toolParser, text, { calls, content = "" }) => {
      for (const holdsCalls of [false, true]) {
        const message = parseMessage([text], { toolParser, tools: TOOLS, holdsCalls });
        expect(decoded(message)).toEqual(calls as never);
        expect(message.text).toBe(content);
      }
    },
  );

  test.each(TOOL_PARSERS)(
    "in the %s format are parsed the same no matter how the text is split",
    (toolParser) => {
      const own = NAMED.filter(([parser]) => parser === toolParser).map(([, text]) => text);
      const words = own.flatMap((text) => text.split(/(?=[<[{("':,])|(?<=[>\]})])/));
      const soup = fc.array(fc.constantFrom(...words, "\n", "x", "{", "]", "1"), { maxLength: 16 });
      const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });
      fc.assert(
        fc.property(soup, cuts, fc.boolean(), (parts, fractions, holdsCalls) => {
          const text = parts.join("");
          const parsing = { toolParser, tools: TOOLS, holdsCalls };
          const whole = parseMessage([text], parsing);
          expect(parseMessage(splitAt(text, fractions), parsing)).toEqual(whole);
          if (holdsCalls) for (const [, args] of whole.calls) JSON.parse(args);
        }),
        { numRuns: 200 },
      );
    },
  );

  test("are tested with every parser", () => {
    const tested = new Set(NAMED.map(([parser]) => parser));
    expect(TOOL_PARSERS.filter((parser) => !tested.has(parser))).toEqual([]);
  });

  test.each(NAMED)(
    "in the %s format are the same no matter how %j is split",
    (toolParser, text) => {
      const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });
      const end = fc.integer({ min: 0, max: text.length });
      fc.assert(
        fc.property(cuts, end, fc.boolean(), (fractions, length, holdsCalls) => {
          const cut = text.slice(0, length);
          const parsing = { toolParser, tools: TOOLS, holdsCalls };
          const expected = parseMessage([cut], parsing);
          expect(parseMessage(splitAt(cut, fractions), parsing)).toEqual(expected);
          expect(parseMessage([...cut], parsing)).toEqual(expected);
        }),
        { numRuns: 60 },
      );
    },
  );

  test.each(NAMED)(
    "in the %s format do not lose text if they are held and cut off: %j",
    (toolParser, text) => {
      for (let length = 0; length < text.length; length += 7) {
        const cut = text.slice(0, length);
        const message = parseMessage([cut], { toolParser, tools: TOOLS, holdsCalls: true });
        for (const [, args] of message.calls) JSON.parse(args);
        if (message.calls.length === 0 && !HEADED.includes(toolParser)) {
          const layout = layoutMarkers({ toolParser, reasoningParser: null });
          const text = layout.reduce((rest, marker) => rest.replaceAll(marker, ""), cut);
          expect(message.text.trim()).toBe(text.trim());
        }
      }
    },
  );
});

describe("text that only looks like a call", () => {
  test.each([
    ["llama3_json", '{"name": "John", "parameters": {"age": 3}}'],
    ["llama3_json", '{"city": "Rome"}'],
    ["pythonic", "[see](https://example.com) and [get_weather(1)]"],
    ["granite", '["a", "b"]'],
    ["phi4_mini_json", "functools is a module."],
    ["qwen3_coder", "<function=> <function=f x>"],
    ["mistral", "[TOOL_CALLS] are calls."],
    ["glm45", "<tool_call>?</tool_call>"],
    ["gemma4", "<|tool_call>call me<tool_call|>"],
    ["deepseek_v31", "<｜tool▁calls▁begin｜>nothing"],
    ["command_r_plus", 'Action: ```json [{"tool_name": "directly-answer", "parameters": {}}]```'],
    ["command_r_plus", "Action: ```js"],
    ["functionary_v32", '>>> print(1)\n>>>other\n{"a": 1}\nget_weather\n{}'],
    ["functionary_v32", "get_weather"],
    ["functionary_v32", ">>>now\nis the time"],
  ] satisfies [ToolParser, string][])("is content for %s: %s", (toolParser, text) => {
    for (const holdsCalls of [false, true]) {
      const message = parseMessage([text], { toolParser, tools: TOOLS, holdsCalls });
      expect(message).toEqual({ text, reasoning: "", calls: [] });
    }
  });
});

describe("harmony", () => {
  const parsing = { toolParser: "openai", reasoningParser: "openai_gptoss" } as const;
  const text =
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>";

  test("has reasoning in the analysis channel and content in the final one", () => {
    expect(parseMessage([text], parsing)).toEqual({ text: "Hello", reasoning: "Hm.", calls: [] });
  });

  test("without a header is content", () => {
    expect(parseMessage(["Hello"], parsing)).toEqual({ text: "Hello", reasoning: "", calls: [] });
  });

  test("shows calls as content if they are not parsed", () => {
    const call =
      '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>';
    const message = parseMessage([call], { reasoningParser: "openai_gptoss" });
    expect(message).toEqual({ text: '{"a": 1}', reasoning: "", calls: [] });
  });
});

describe("Muse Glimmer", () => {
  const format = { toolParser: "muse_glimmer", reasoningParser: "muse_glimmer" } as const;
  const parsing = { ...format, tools: TOOLS };
  const call =
    '<atem:function_calls>\n<atem:invoke name="now">\n</atem:invoke>\n</atem:function_calls>';
  const thoughts = ` to=self<|message|>I could use ${call} here.<|eom|><|start|>assistant`;
  const reasoning = `I could use ${call} here.`;

  test.each([
    [`${thoughts} to=user<|message|>Hello<|eot|>`, { text: "Hello", reasoning, calls: [] }],
    [
      `${thoughts} to=now<|message|>${call}<|eot|>`,
      { text: "", reasoning, calls: [["now", "{}"]] },
    ],
    [`<|message|>Use ${call}`, { text: `Use ${call}`, reasoning: "", calls: [] }],
    [" to=now<|message|>Now?<|eot|>", { text: "Now?", reasoning: "", calls: [] }],
    ["Hello", { text: "Hello", reasoning: "", calls: [] }],
    ["<|message|>Hi<|eom|><|start|>assistant", { text: "Hi", reasoning: "", calls: [] }],
    [" to=us", { text: "", reasoning: "", calls: [] }],
  ] as const)("has a recipient for each part of %j", (text, expected) => {
    for (const holdsCalls of [false, true]) {
      expect(parseMessage([text], { ...parsing, holdsCalls })).toEqual(expected);
      expect(parseMessage([...text], { ...parsing, holdsCalls })).toEqual(expected);
    }
  });

  test("shows calls as content if they are not parsed", () => {
    const untooled = { ...parsing, toolParser: null };
    const message = parseMessage([`${thoughts} to=now<|message|>${call}<|eot|>`], untooled);
    expect(message).toEqual({ text: call, reasoning, calls: [] });
  });
});
