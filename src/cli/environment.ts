// Reads options from the environment: PAGODA_<NAME> sets --name.

import { ConfigError } from "../errors.ts";
import { nearestName } from "./nearest-name.ts";
import { envName, type OptionSpec } from "./option-spec.ts";
import { readOption } from "./option-value.ts";
import type { Values } from "./option-values.ts";
import { OPTIONS } from "./options.ts";
import { checkBuilt } from "./unbuilt-flags.ts";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the options' variables. Lists are comma-separated; empty variables count as unset.
 * @throws ConfigError "invalid_option"
 */
export function readEnvironment(options: Iterable<OptionSpec>, env: Env): Values {
  const values: Values = new Map();
  for (const option of options) {
    const name = [envName(option), option.env].find((key) => key && env[key]);
    const text = name === undefined ? undefined : env[name];
    if (name === undefined || text === undefined) continue;
    if (isServiceLink(text)) throw serviceLink(name, text);
    const value = option.kind === "strings" ? listIn(text, name) : text;
    values.set(option.name, readOption(option, value, name));
  }
  return values;
}

/**
 * Splits a list. Refuses text that consists only of commas, which would leave a server without API keys.
 * @throws ConfigError "invalid_option"
 */
function listIn(text: string, name: string): string[] {
  const words = text.replace(/^ +| +$/g, "").split(/ *, */);
  const named = words.filter((word) => word.trim() !== "");
  if (named.length > 0) return named;
  throw new ConfigError("invalid_option", `${name}: a value is empty`);
}

/** Recognizes a Kubernetes service link, such as PAGODA_PORT for a service named pagoda. */
const isServiceLink = (text: string): boolean => /^(tcp|udp|sctp):\/\//.test(text);

function serviceLink(name: string, text: string): ConfigError {
  const message = `${name}=${text} was set by Kubernetes for a service of that name; rename the service, or set enableServiceLinks: false`;
  return new ConfigError("invalid_option", message);
}

/** Variables for the addon, its build and the tests, which are not options. */
const OTHERS = /^PAGODA_(CPU|NATIVE|CUDA|VULKAN|METAL|(FUZZ|SIM)_\w+)$/;
const SERVICE_LINKS = /_(SERVICE_(HOST|PORT)|PORT_\d+_)/;

/**
 * @returns a warning for each variable that looks like an option but is not one
 * @throws ConfigError "unsupported_option" if a variable enables an unsupported feature
 */
export function strangeVariables(env: Env): string[] {
  const names = (OPTIONS as readonly OptionSpec[]).map(envName);
  const isStrange = (name: string) =>
    name.startsWith("PAGODA_") && !names.includes(name) && !OTHERS.test(name);
  const isLink = (name: string) => SERVICE_LINKS.test(name) || isServiceLink(env[name] ?? "");
  const strange = Object.keys(env).filter((name) => isStrange(name) && !isLink(name));
  return strange.map((name) => {
    checkBuilt(name.slice("PAGODA_".length).toLowerCase().replaceAll("_", "-"), name, env[name]);
    const nearest = nearestOf(name, names);
    return `${name} has no effect: no such option${nearest === null ? "" : `; did you mean ${nearest}?`}`;
  });
}

/** Compares names without their common prefix. */
function nearestOf(name: string, names: readonly string[]): string | null {
  const own = (text: string) => text.slice("PAGODA_".length).toLowerCase();
  const nearest = nearestName(own(name), names.map(own));
  return nearest === null ? null : `PAGODA_${nearest.toUpperCase()}`;
}
