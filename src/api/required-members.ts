// Checks members of objects whose types are known only from another member, which a schema cannot express.

import { isObject, type JsonObject } from "./schema/json-value.ts";
import { bodyFault, type Location } from "./schema-faults.ts";

/** Names of required members, with their types. */
export type Members = Readonly<Record<string, "string" | "dictionary">>;

/** @throws RequestError "invalid_schema" for the first member that is missing, null, or of the wrong type */
export function checkMembers(value: JsonObject, members: Members, location: Location): void {
  for (const [name, kind] of Object.entries(members)) {
    const member = value[name] ?? null;
    const path = [...location, name];
    if (member === null) throw bodyFault("missing", path, "Field required");
    const isRight = kind === "string" ? typeof member === "string" : isObject(member);
    const type = kind === "string" ? "string_type" : "dict_type";
    if (!isRight) throw bodyFault(type, path, `Input should be a valid ${kind}`);
  }
}
