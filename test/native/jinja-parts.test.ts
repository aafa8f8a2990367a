// Filters, methods and statements of Jinja2 that Pagoda's patch adds to llama.cpp's engine, compared with Jinja2.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expressionsOf, JinjaComparison } from "../support/jinja-comparison.ts";
import { PYTHON, sayIfPythonIsMissing } from "../support/python-program.ts";

const VARIABLES = {
  ms: [
    { r: "user", n: "b", c: "x" },
    { r: "assistant", n: "A" },
    { r: "user", n: "a", c: "X" },
    { r: "tool", n: "B" },
  ],
  t: [{ n: "a", c: [{ n: "b" }, { n: "c", c: [{ n: "d" }] }] }, { n: "e" }],
};

/** Expressions, one per line. */
const EXPRESSIONS = String.raw`
'abc'|center(9)
'abc'|center(10)
'ab'|center(9)
'ab'|center
5|center(9)
'é漢'|center(7)
'abc'.center(9, '*')
'abc'.ljust(6)
'abc'.ljust(6, '漢')
'abc'.rjust(6, '-')
'abc'.rjust(2)
'abc'.ljust(6, 'xx')
'abc'.ljust()
'5'.zfill(3)
'-5'.zfill(4)
'+5'.zfill(4)
''.zfill(2)
'é'.zfill(3)
'-'.zfill(3)
'x'.zfill(-3)
'foo bar baz qux'|truncate(9)
'foo bar baz qux'|truncate(9, true)
'foo bar baz qux'|truncate(11)
'foo bar baz qux'|truncate(11, false, '...', 0)
'foo bar baz qux'|truncate(3)
'foo bar baz qux'|truncate(2)
'foo bar baz qux'|truncate(length=5, end='')
'foo bar baz qux'|truncate(5, leeway=0, end='漢')
'foobarbazqux'|truncate(5, leeway=0)
'漢字漢字漢字漢字漢字漢字'|truncate(5, true)
('abc ' * 100)|truncate
('abc ' * 100)|truncate(255, false, '...', 5)
'foo bar baz qux'|truncate(5, leeway=-1)
[1,2,3,4,5]|batch(2)|list
[1,2,3,4,5]|batch(2, 0)|list
[1,2,3,4,5]|batch(5, 0)|list
[1,2,3,4,5]|batch(9, 'x')|list
[]|batch(3, 1)|list
'abcde'|batch(2)|list
{'a':1,'b':2}|batch(1)|list
[1,2]|batch(0)|list
[1,2,3,4,5]|slice(2)|list
[1,2,3,4,5]|slice(3, 'x')|list
[1,2,3,4,5,6]|slice(3, 'x')|list
[]|slice(3)|list
'abcd'|slice(3)|list
ms|groupby('r')|list
ms|groupby('c', default='z')|list
ms|groupby('n')|list
ms|groupby('n', case_sensitive=true)|list
(ms|groupby('r'))[0].grouper
(ms|groupby('r'))[0].list
(ms|groupby('r'))[0][1]
[]|groupby('a')|list
[1] * 3
3 * [1,'a']
[1] * 0
[1] * -1
(1,2) * 2
[[1]] * 2
[] * 5
'a\u2028b\u2029c\x0bd\x0ce\x1cf\x1dg\x1eh\x85i\nj\r\nk\rl'.splitlines()
'a\n\nb\n'.splitlines()
'a\r\nb\u2028'.splitlines(true)
''.splitlines()
'\n'.splitlines()
'a\u2028b'|indent
'a\rb\x0bc\n\nd'|indent(2)
'a\n\nb\n'|indent(2)
'a\n\nb\n'|indent(2, blank=true)
'\na'|indent(2, true)
'\na'|indent(2)
''|indent(2, true)
''|indent
'a\r'|indent
'a\r\n'|indent(1, false, true)
'a\n'|indent
'a'|indent('--', true)
'a b'.partition(' ')
'a b c'.rpartition(' ')
'abc'.partition('x')
'abc'.rpartition('x')
'abc'.partition('')
'abcabc'.rindex('b')
'abc'.rindex('x')
[1,2,1].count(1)
[1,2,1].index(2)
[1,2,1].index(5)
'hello-world foo_bar (baz)'|title
'hello-world foo_bar (baz)'.title()
("they're bill's")|title
("they're bill's").title()
'a-b c'|wordcount
'a_b, c.d'|wordcount
'é漢 x'|wordcount
''|wordcount
'héllo'|reverse
'a漢b'[::-1]
'a漢b'[::2]
'a漢b'[1:]
'a漢b'[-1]
'a漢b'[5]
'a漢b'[-9]
'漢字'|first
'漢字'|last
''|first
''|last
1.0 / 0
1 % 0
5 // 0.0
'xxaxx'.strip('xa')
'漢a漢'.strip('漢')
'abc'.strip('')
'aXbXc'.split('XXXXXXXXXXXXXXXXXXXXXXXXXXXX')
('ab' * 20 ~ 'c').find('ab' * 10 ~ 'c')
('ab' * 20 ~ 'c').rfind('ab' * 10)
('ab' * 20).count('ab' * 9)
('ab' * 20).replace('ab' * 9, 'x')
('ab' * 20).split('ab' * 9)
('ab' * 20).rsplit('ab' * 9, 1)
('ab' * 9 ~ 'c') in ('ab' * 20 ~ 'c')
('ab' * 9 ~ 'd') in ('ab' * 20 ~ 'c')
'abc'.replace('', '-', 2)
'abc'.replace('', '-', 9)
''.replace('', '-')
'漢字'.replace('', '-')
'漢字'.replace('', '-', 0)
'漢字'.replace('', '-', 1)
['a','b']|map('title')|list
['a-b c']|map('title')|list
[1, 'b']|map('upper')|list
['abc']|map('truncate', 3, true, '', 0)|list
[[1,2,3]]|map('batch', 2)|map('list')|list
[3]|map('center', 5)|list
('a' * 1500000).find('a' * 700000 ~ 'b')
('a' * 1500000).rfind('b' ~ 'a' * 700000)
('a' * 700000 ~ 'b') in ('a' * 1500000)
('a' * 1500000).replace('a' * 700000 ~ 'b', '')|length
('a' * 300000)|reverse|length
undef|center(3)
undef|truncate
undef|batch(2)|list
undef|slice(2)|list
undef|title
none|upper
none|title
1.5|upper
true|lower
[1]|replace('1','2')
12|replace('1','x')
`;

const STATEMENTS: readonly string[] = [
  "{% raw %}\n{{ x }}\n{% endraw %}\nz",
  "a\n  {% raw %}  \n x \n  {% endraw %}  \nz",
  "a  {%- raw -%}  \n x \n  {%- endraw -%}  \nz",
  "a  {% raw -%}  \n x \n  {%- endraw %}\n\nz",
  "a  {%raw%} x {%endraw%} z",
  "  {%+ raw %} x \n  {%+ endraw +%}\n z",
  "  {% raw %}{%raw%}{%  endraw%}",
  "{% raw %}unclosed",
  "{% raw %}{% endraw %}",
  "{% raw %}a{% endraw %}{{ 1 }}{% raw %}b{% endraw %}",
  "{% if true %}{% raw %}\n a{% endraw %}\n{% endif %}x",
  "{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a }}",
  "{% with a = 1 %}{{ a }}{% endwith %}{{ a }}",
  "{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}",
  "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
  "{% with a, b = (1, 2) %}{{ a }}{{ b }}{% endwith %}",
  "{% for x in [1,2,3] %}{% with y = x %}{% if y == 2 %}{% continue %}{% endif %}[{{ y }}]{% endwith %}{% endfor %}",
  "{% with a = 1 b = 2 %}{% endwith %}",
  "{% with a %}{% endwith %}",
  "{% with a = 1 %}",
  "{% for x in t recursive %}[{{ x.n }}{% if x.c %}{{ loop(x.c) }}{% endif %}]{% endfor %}",
  "{% for x in t recursive %}{{ loop.depth }}{{ loop.depth0 }}{{ x.n }}{{ loop.index }}{{ loop(x.c or []) }}{% endfor %}",
  "{% for x in t if x.n != 'b' recursive %}{{ x.n }}{{ loop(x.c or []) }}{% else %}.{% endfor %}",
  "{% for x in [1] %}{{ loop([1]) }}{% endfor %}",
  "{% for x in [1] recursive %}{{ loop() }}{% endfor %}",
  "{% for x in [1,2,3] %}{{ loop.cycle('a', 'b') }}{% endfor %}",
  "{% for x in [1,2,3] %}{{ loop.cycle() }}{% endfor %}",
  "{% for x in [1,1,2,2,1] %}{{ loop.changed(x) }}{% endfor %}",
  "{% for x in [1,1,2] %}{{ loop.changed() }}{% endfor %}",
  "{% for x in [1,2] %}{{ loop.depth }}{% endfor %}",
  "{% for k, v in [('a', 1)] recursive %}{{ k }}{{ v }}{% if v < 3 %}{{ loop([('b', v + 1)]) }}{% endif %}{% endfor %}",
  "{% for x in [[1,[2]],[3]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}{% endif %}{% endfor %}",
  "{% for g, items in ms|groupby('r') %}{{ g }}:{% for i in items %}{{ i.n }}{% endfor %};{% endfor %}",
  "{% for g in ms|groupby('r') %}{{ g.grouper }}:{{ g.list|length }};{% endfor %}",
  "{% for r in [1,2,3,4,5]|batch(2, '-') %}{{ r|join(',') }};{% endfor %}",
  "{% if true %}a{% endif %}\n{% filter title %}a b{% endfilter %}",
  "{% filter indent(2, true) %}a\nb{% endfilter %}",
  "{% filter center(9) %}ab{% endfilter %}",
  "{% for x in [1,2,3] recursive %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}",
  "{% set r = loop %}{{ r is defined }}",
  "{% for x in [1,2] %}{% set l = loop %}{{ l.index }}{% endfor %}",
  "{% raw %}{{ x }} {% if %}{% endraw %}",
];

/** Features that are still missing, each with the error that names it. */
const MISSING: readonly (readonly [template: string, message: RegExp])[] = [
  ...["filesizeformat", "xmlattr", "pprint", "urlize"].map(
    (name) => [`{{ 'x'|${name} }}`, new RegExp(`filter '${name}'`)] as const,
  ),
  ["{{ 'x'.swapcase() }}", /swapcase/],
  ["{% block a %}{% endblock %}", /block/],
  ["{% include 'a' %}", /include/],
];

let jinja: JinjaComparison;

beforeAll(async () => {
  if (PYTHON !== null) jinja = await JinjaComparison.start(VARIABLES);
});

afterAll(() => jinja?.stop());

sayIfPythonIsMissing();

describe.skipIf(PYTHON === null)("compared with Jinja2", () => {
  test("filters, methods and operators have the same values", async () => {
    await jinja.expectSame(expressionsOf(EXPRESSIONS));
  });

  test("statements have the same output", async () => {
    await jinja.expectSame(STATEMENTS);
  });
});

describe.skipIf(PYTHON === null)("missing features", () => {
  test.each(MISSING)("%s is refused by name", async (template, message) => {
    const refusal = await jinja.render(template).catch((error: Error) => error.message);
    expect(refusal).toMatch(message);
  });
});
