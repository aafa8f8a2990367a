// Numbers of any size in templates and JSON, compared with Jinja2.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parseJson } from "../../src/json.ts";
import { expressionsOf, JinjaComparison } from "../support/jinja-comparison.ts";
import { PYTHON, sayIfPythonIsMissing } from "../support/python-program.ts";

const VARIABLES =
  '{"v":{"i":12345678901234567890,"l":[12345678901234567890,1.0,1e400],"inf":1e400,"ninf":-1e400,"f":1.0,' +
  '"o":{"a":[123456789012345678901234567890]},"big":1e22,"u":18446744073709551615,"neg0":-0,"neg0f":-0.0,' +
  `"huge":-${"7".repeat(4000)}}}`;

/** Expressions, one per line. */
const EXPRESSIONS = `
12345678901234567890
123456789012345678901234567890123456789012345678901234567890
1e400
-1e400
1.0
1e22
9007199254740993 / 1
9007199254740993 < 1e300
2 ** 62
2 ** 0.5
-9223372036854775808
-(-9223372036854775808)
-12345678901234567890
(-12345678901234567890)|abs
12345678901234567890 == 12345678901234567890
12345678901234567890 == 12345678901234567891
12345678901234567890 > 5
12345678901234567890 < 12345678901234567891
[12345678901234567890, 5, -12345678901234567890]|sort
[9007199254740993, 9007199254740992]|sort
12345678901234567890 is number
12345678901234567890 is integer
12345678901234567890 is float
12345678901234567890|tojson
12345678901234567890|string
12345678901234567890|int
12345678901234567890|float
'12345678901234567890'|int
'1e30'|int
'1e400'|float
'-inf'|float
'nan'|float
'0x10'|float
'0x10'|int
1e20|int
1e300|int
1e400|int
3.99|int
-3.99|int
i
i|tojson
i|string
i ~ ''
l
l|tojson
o
o|tojson(indent=2)
inf
inf|tojson
-inf
ninf|tojson
f
f|tojson
f|int
big
u
u|tojson
neg0
neg0f
{'a': 12345678901234567890}
{12345678901234567890: 1}
1e20 == 100000000000000000000
100000000000000000001 == 1e20
12345678901234567890|round
9007199254740993|round
1234|round(-2)
'%d'|format(3.7)
'%d'|format(12345678901234567890)
'%s'|format(12345678901234567890)
12345678901234567890 * 1.5
[12345678901234567890]|max
i if i else 0
i in l
l|unique|list
'a' * 3
1.0 == 1
10 // 3
-10 // 3
7 % -3
1e16
123456789012345680.0
9223372036854775807
-9223372036854775807 - 1
-9223372036854775808 % -1
-7 % 3
7 % -3
-7 % -3
3037000499 * 3037000499
(-2) ** 63
2 ** -1
0 ** 0
(-1) ** 100000000000
10 ** 18
7 is divisibleby(0)
7 is divisibleby(-1)
i == 12345678901234567890.0
0 == 0.0
'-5'|int
'+5'|int
''|int
'-'|int
'007'|int
'a' * 12345678901234567890
range(12345678901234567890)
i|default(0)
i|abs
[i]|join(',')
{'a': i}|tojson
nan == nan
i < 5
5 < i
i <= i
i != i
[i, 1.5]|sort
huge|string|length
huge < 0
`;

/** Unlike Python, Pagoda only prints and compares integers beyond 64 bits; arithmetic on them is an error. */
const REFUSED = `
9223372036854775807 + 1
9223372036854775807 * 2
2 ** 63
2 ** 64
12345678901234567890 is odd
[1,2,12345678901234567890]|sum
[9223372036854775807, 1]|sum
i is divisibleby(2)
9223372036854775807 - -1
-9223372036854775808 - 1
-9223372036854775808 // -1
3037000500 * 3037000500
-3037000500 * 3037000500
10 ** 19
l[i]
'abc'[12345678901234567890]
i % 2
i + 1
`;

let jinja: JinjaComparison;

beforeAll(async () => {
  const { v } = parseJson(VARIABLES, ["v"]) as { v: object };
  if (PYTHON !== null) jinja = await JinjaComparison.start(v);
});

afterAll(() => jinja?.stop());

sayIfPythonIsMissing();

describe.skipIf(PYTHON === null)("numbers in templates", () => {
  test("print and compare as in Python, no matter how long they are", async () => {
    await jinja.expectSame(expressionsOf(EXPRESSIONS));
  });

  test("are refused in arithmetic beyond 64 bits", async () => {
    const message = "chat templates compute only with 64-bit integers, and this one is longer";
    for (const template of expressionsOf(REFUSED)) {
      const refusal = jinja.render(template).catch((error: Error) => error.message);
      expect([template, await refusal]).toEqual([template, message]);
    }
  });
});
