// Renames a chat's fields in errors to the names that the client's own route uses.

import { RequestError } from "../errors.ts";

/** Fields of /v1/chat/completions that have other names on the client's route, with those names. */
export type ClientFields = Readonly<Record<string, string>>;

/** Runs a step of a chat. @throws the step's errors, with fields renamed */
export async function withClientFields<T>(
  fields: ClientFields,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw inClientFields(fields, error);
  }
}

function inClientFields(fields: ClientFields, error: unknown): unknown {
  if (!(error instanceof RequestError) || error.code === "context_length") return error;
  const param = error.param === null ? null : (fields[error.param] ?? error.param);
  const message = Object.entries(fields).reduce(
    (text, [field, name]) => text.replace(mentionOf(field), name),
    error.message,
  );
  return new RequestError(error.code, message, param);
}

/** @returns a pattern that matches a field in an error's text, but not in client text that is quoted there */
function mentionOf(field: string): RegExp {
  return new RegExp(`(?<=^|[\\s\`]|'body', ')${field}(?!\\w)`);
}
