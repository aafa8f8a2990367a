// llama.cpp's Jinja engine with Pagoda's patches compared with Jinja2, one language feature at a time.

import { afterAll, beforeAll, describe, test } from "bun:test";
import { expressionsOf, JinjaComparison } from "../support/jinja-comparison.ts";
import { PYTHON, sayIfPythonIsMissing } from "../support/python-program.ts";

const VARIABLES = {
  ...{ s: "Grüße, 漢字 x", e: "", n: null, i: 7, neg: -7, f: 2.5, big: 1e21, t: true, b: false },
  ...{ l: ["b", "A", "c"], nums: [3, 1, 2], empty: [], ed: {}, sp: "  x y  z " },
  d: { b: 1, A: [1, { x: null }], length: 9, items: 3 },
  ms: [
    { role: "user", content: "a" },
    { role: "assistant", content: null, k: { z: 1 } },
    { role: "user", content: ["q"] },
  ],
  lines: "a\n  b\r\n\nc ",
  q: `it's "x"\\ \t\n\u00a0`,
};

/** Expressions, one per line. */
const EXPRESSIONS = String.raw`
s|length
s[0]
s[-1]
s[2:5]
s[::-1]
s[-3:]
l[1:]
l[::-1]
l[-1]
nums[:2]
s|upper if false else s
n
t
b
f
big
i
l
d
ed
empty
ms
ms[1]
q
[q]
{'a': q}
(1,2)
(1,)
n ~ 'x'
undef ~ 'x'
undef
f ~ i ~ t
i % 4
neg % 4
neg // 2
7 // 2
i / 2
4 / 2
2 ** 3
i * 1.5
i - 10
1 + 2 * 3
'a' * 3
'a' < 'b'
s|trim
sp|trim
sp.strip()
sp.split()
sp.split(' ')
sp.rsplit(None, 1)
sp.split(' ', 1)
sp.rsplit(' ', 1)
'a,b,c'.split(',')
'a,b,c'.rsplit(',', 1)
'aXbXc'.split('X', 1)
'xx'.split('x')
''.split()
''.split(',')
lines.splitlines()
lines|indent
lines|indent(2, true)
lines|indent(2, blank=true)
lines|indent(width=3, first=true)
'a-b'|replace('-', '+')
'aaa'|replace('a', 'b', 2)
'aaa'.replace('a','bb')
'abc'.replace('', '-')
s.replace('ü', 'ue')
'abc'.find('c')
s.find('漢')
'abc'.index('b')
'abcabc'.count('b')
'12'.isdigit()
'abc'.startswith('a')
'abc'.endswith('bc')
'abc'.startswith(('x','a'))
'Hello'|lower
'hello world'|title
'hello World'|capitalize
'a'|upper
l|join
l|join(', ')
nums|join('-')
[1,n,'x',t]|join(',')
ms|map(attribute='role')|list
ms|map(attribute='role')|join(',')
ms|map(attribute='k', default='-')|list
l|map('upper')|list
l|map('lower')|join
ms|selectattr('role','equalto','user')|list|length
ms|selectattr('role','eq','user')|list|length
ms|selectattr('role','==','user')|list|length
ms|selectattr('k','defined')|list|length
ms|selectattr('content')|list|length
ms|rejectattr('role','equalto','user')|list|length
ms|selectattr('role','in',['user','x'])|list|length
nums|select('gt', 1)|list
nums|select('odd')|list
nums|reject('odd')|list
[0,1,'',2]|select|list
l|sort
l|sort(reverse=true)
l|sort(case_sensitive=true)
ms|sort(attribute='role')|map(attribute='role')|list
l|first
l|last
empty|first
s|first
d|list
d|length
d|dictsort
d|dictsort(reverse=true)
d['items']
d.length
d['length']
d.keys()|list
d.get('b')
d.get('zz')
d.get('zz', 5)
d.zz
d.zz is defined
d|tojson
d|tojson(indent=2)
d|tojson(indent=4)
d|tojson(separators=(',', ':'))
d|tojson(sort_keys=true)
[]|tojson
{}|tojson(indent=2)
[]|tojson(indent=2)
f|tojson
big|tojson
1.0|tojson
1e-7|tojson
q|tojson
q|tojson(ensure_ascii=true)
'\x7f'|tojson(ensure_ascii=true)
'a\nb'|indent(-3)
s|tojson(ensure_ascii=true)
n|tojson
t|tojson
d|string
l|string
f|string
n|string
1.0
0.1
0.1 + 0.2
1e16
123456789.123
100.0
n|default('x')
undef|default('x')
e|default('x')
e|default('x', true)
n|default('x', true)
d|default('x')
'12'|int
'12.7'|int
'x'|int
'x'|int(5)
' 3 '|int
3.9|int
'1.5'|float
'x'|float
t|int
3.7|round
3.14159|round(2)
3|round
neg|abs
nums|sum
nums|min
nums|max
l|min
l|unique|list
[1,1,2]|unique|list
'a b c'|wordcount
nums|reverse|list
'abc'|reverse
'abc'|list
d is mapping
d is iterable
d is sequence
s is iterable
s is string
s is sequence
l is sequence
n is none
undef is none
undef in l
undef not in l
undef in [undef]
undef in d
undef not in empty
undef in undef
'x' in undef
undef is defined
i is number
t is number
t is integer
t is boolean
f is float
i is integer
i is odd
i is divisibleby 7
i is divisibleby(3)
i is eq 7
i is sameas 7
t is true
b is false
t is sameas true
n is sameas none
'a' in 'abc'
'a' not in 'abc'
'b' in l
['b'] in l
n in [n]
1 in nums
'b' in d
'role' in ms[0]
ms[0] == ms[0]
ms[2] == ms[-1]
ms[0] == {'role':'user','content':'a'}
[1,[2]] == [1,[2]]
{'a':1,'b':2} == {'b':2,'a':1}
1 == 1.0
1 == true
'1' == 1
n == none
not n
not l and t
l or 'x'
e or 'x'
n and 1
1 if t else 2
1 if b
(1 if b) is defined
i > 5 and i < 10
1 < 2
'%s-%d'|format('a', 3)
'{} {}'.format('a', 1)
'a\nb'
'\u00e9'
'\d'
"tab\there"
range(3)|list
range(1,6,2)|list
range(3,0,-1)|list
namespace(a=1).a
dict(a=1)
dict(a=1,b=2).b
l + ['d']
s + 'x'
'abc'.length
ms|length
ms[0].role
ms[0]['role']
ms.0.role
loop is defined
true
True
none
None
'a' 'b'
-i
-(i)
- 3 + 5
+i
not undef
i|string + 'x'
's'.join(['a','b'])
'<a>&'|e
'<a>'|escape
'<a>'|safe
'abc'[1]
'abc'[5]
'abc'|truncate(2)
l|length > 2
s|length == 10
ms[0].content is string and ms[0].content|length > 0
'a' if undef else 'b'
[x for x in l]
[1 2]
{'a': 1 'b': 2}
[1, 2,]
{'a': 1,}
range(1 3)
'x'.lower().upper().strip()
{'a': {'b': [1,2]}}.a.b[1]
nums[i-6]
l[0:1][0]
'abc'.title()
'a b'.title()
'Abc'.lower()
"a'b"|tojson
ms|tojson
1000000
-0.0
i|tojson
'a\tb'|tojson
'\x41'
1 < 2 < 3
1 < 3 < 2
0 == b == 0
i == 7 == 7
'a' in 'ab' == true
1 not in nums in [nums]
not 1 < 2 < 1
0 < -neg|abs < 9 and 1
1 + 1 < nums[0] <= 2 + 1 != i
s|join
s|join('-')
s|join(',')|length
','.join(l)
i if b else -1
(not -1) or -i
t and -i
-i in [-7]
s[2:-1:-1]
s[-99::-1]
s[-1:-99:-1]
s[::-9223372036854775808]
nums[-1::-9223372036854775807 - 1]
nums[1::9223372036854775807]
range(0, 9223372036854775807, 9223372036854775806)|list
range(3, 3)|list
range(3, 9, -1)|list
range(9, 3, -4)|list
f|round(400)
i|round(400)
f|round(-400)
s|upper
s|lower|upper
'éÉ zß'|capitalize
'éÉ zß-ÿ (ñ_ø)'|title
'éÉ zß-ÿ (ñ_ø)'.title()
"don't get_weather"|title
"don't get_weather".title()
'ΟΔΟΣ ΣΑΣ'.lower()
['é', 'E', 'É', 'd']|sort
['é', 'É']|unique|list
empty is lower
'' is lower
'aß' is lower
'aé' is lower
'AÉ' is upper
i is upper
'{}-{}'.format(s, i)
`;

const STATEMENTS: readonly string[] = [
  "{% for x in l %}{{ x }}{{ loop.index }}{{ loop.last }}{% endfor %}",
  "{% for k in d %}{{ k }}{% endfor %}",
  "{% for c in s %}{{ c }}.{% endfor %}",
  "{% for x in empty %}a{% else %}none{% endfor %}",
  '{% for x in l %}{% if x == "A" %}{% continue %}{% endif %}{{ x }}{% endfor %}',
  '{% for x in l %}{% if x == "A" %}stop{% break %}{% endif %}{{ x }}{% endfor %}',
  '{% for x in l if x != "A" %}{{ loop.index }}{{ x }}{% endfor %}',
  "{% for x in l %}{% continue %}{% else %}E{% endfor %}",
  "{% for x in l %}{% if y is defined %}Y{% endif %}{% set y = 1 %}{% endfor %}",
  "{% set ns = namespace(a=0) %}{% for x in l %}{% set ns.a = ns.a + 1 %}{% endfor %}{{ ns.a }}",
  '{% macro m(a, b=2, c="z") %}[{{ a }},{{ b }},{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(a=5, b=6) }}',
  "{% macro m(a) %}{{ a }}{{ caller() }}{% endmacro %}{% call m(1) %}body{% endcall %}",
  "{% set x %}a{{ i }}b{% endset %}{{ x|upper }}",
  "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
  "{% filter upper %}abc{% endfilter %}",
  "  {% if t %}\n  yes\n  {% endif %}\nend",
  "{{ i }}\n{{ i }}\n",
  "a {%- if t %} b {%- endif %} c",
  "a {{- i -}} b",
  "{# c #}\nx",
  "  {# c #}\nx",
  "{%- set a = 1 -%}\n\n x",
  "{%+ if t %}x{%+ endif %}",
  "x\n",
  "x\n\n",
  "{% if i == 7 %}a{% elif i == 8 %}b{% else %}c{% endif %}",
  "{% if n %}a{% elif t %}b{% endif %}",
  "{% for a in l %}{% for b in nums %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
  "{% generation %}abc{% endgeneration %}",
  '{% set l2 = l %}{% set l2 = l2 + ["z"] %}{{ l2 }}',
  '{% set x = "a" if t else "b" %}{{ x }}',
  "{% set d2 = dict(d, z=1) %}{{ d2.z }}",
  '{{ "a"\n  ~ "b" }}',
  "\r\nx\r\n{{ i }}",
  "{% if not t %}{% else %}ok{% endif %}",
  '{% if "a" in s or i > 3 and not b %}ok{% endif %}',
  "{% macro m() %}{% for x in l %}{{ x }}{% endfor %}{% endmacro %}{{ m() }}{{ m()|length }}",
  "{% macro r(n) %}{{ n }}{% if n > 0 %}{{ r(n - 1) }}{% endif %}{% endmacro %}{{ r(3) }}",
  "{% do l %}",
  '{{ raise_exception("boo") }}',
  "{% set ns = namespace() %}{% set ns.x = [] %}{{ ns.x }}",
  "{% macro m(*args) %}{{ varargs }}{% endmacro %}{{ m() }}",
  "{%- macro a(x) -%}\n {{ x }}\n{%- endmacro -%}\n{{ a(1) }}",
  "{% for k,v in d|dictsort %}{{ k }}{{ v }}{% endfor %}",
  "{% for m in ms %}{{ m.content if m.content is string else m.content|tojson }}{% endfor %}",
];

let jinja: JinjaComparison;

beforeAll(async () => {
  if (PYTHON !== null) jinja = await JinjaComparison.start(VARIABLES);
});

afterAll(() => jinja?.stop());

sayIfPythonIsMissing();

describe.skipIf(PYTHON === null)("compared with Jinja2", () => {
  test("every expression has the same value", async () => {
    await jinja.expectSame(expressionsOf(EXPRESSIONS));
  });

  test("every statement has the same output", async () => {
    await jinja.expectSame(STATEMENTS);
  });
});
