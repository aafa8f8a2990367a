// Names a chat's fields in errors as the client of another route knows them.

import { RequestError } from "../errors.ts";

/** The client's name for each field of /v1/chat/completions that has another name on its route. */
export type ClientFields = Readonly<Record<string, string>>;

/** Runs a step of a chat. @throws the step's errors, in which fields have the client's names */
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
    (text, [field, name]) => text.replace(new RegExp(`(?<![\\w.])${field}(?!\\w)`), name),
    error.message,
  );
  return new RequestError(error.code, message, param);
}
