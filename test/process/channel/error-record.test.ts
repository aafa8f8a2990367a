// Errors that cross the channel keep their class, code, message, and fields.

import { expect, test } from "bun:test";
import { ConfigError, EngineError, OverloadError, RequestError } from "../../../src/errors.ts";
import { errorOf, errorRecord } from "../../../src/process/channel/error-record.ts";

const sent = (error: unknown) => errorOf(errorRecord(error));

test.each([
  ["RequestError", new RequestError("invalid_value", "no such thing", "seed"), { param: "seed" }],
  ["EngineError", new EngineError("engine_sleep_failed", "cannot sleep"), { retryAfterS: null }],
  [
    "EngineError with a retry time",
    new EngineError("engine_restarting", "back soon", { retryAfterS: 3 }),
    { retryAfterS: 3 },
  ],
  ["ConfigError", new ConfigError("out_of_memory", "does not fit"), {}],
  ["OverloadError", new OverloadError("queue_full", "full", 7), { retryAfterS: 7 }],
])("%s", (_, error, fields) => {
  const arrived = sent(error);
  expect(arrived).toBeInstanceOf(error.constructor as ErrorConstructor);
  expect(arrived).toMatchObject({ code: error.code, message: error.message, ...fields });
  expect(arrived.stack).toBe(error.stack);
});

test("a native error keeps its code and status", () => {
  const error = Object.assign(new Error("decode failed"), { code: "decode_failed", status: -3 });
  expect(sent(error)).toMatchObject({ code: "decode_failed", status: -3, name: "Error" });
  expect("code" in sent(new TypeError("plain"))).toBe(false);
  expect(sent(new TypeError("plain")).name).toBe("TypeError");
});

test("a thrown value that is not an error is converted to one", () => {
  expect(sent("just text").message).toBe("just text");
});
