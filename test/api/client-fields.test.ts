// Field names in errors on other APIs' routes.

import { expect, test } from "bun:test";
import { withClientFields } from "../../src/api/client-fields.ts";
import { RequestError } from "../../src/errors.ts";

const FIELDS = { stop: "stop_sequences", response_format: "output_config.format" };

const renamed = async (message: string, param: string | null = null) => {
  const refuse = () => Promise.reject(new RequestError("invalid_value", message, param));
  const error = (await withClientFields(FIELDS, refuse).catch((caught) => caught)) as RequestError;
  return [error.message, error.param];
};

test.each([
  ["stop cannot be empty.", "stop_sequences cannot be empty."],
  ["`response_format` cannot be enforced", "`output_config.format` cannot be enforced"],
  ["{'loc': ('body', 'response_format', 0)}", "{'loc': ('body', 'output_config.format', 0)}"],
])("a field named in the error %j gets the client's name for it", async (text, expected) => {
  expect(await renamed(text, "stop")).toEqual([expected, "stop_sequences"]);
});

test.each(["Two tools are named 'stop'.", 'no tool named "stop".', "stop_token_ids", "x.stop"])(
  "a client's text and other fields stay unchanged: %j",
  async (text) => {
    expect(await renamed(text, "tools")).toEqual([text, "tools"]);
  },
);
