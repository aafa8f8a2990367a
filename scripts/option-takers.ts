// Lists the commands that accept an option, for the user documentation.

import { COMMANDS, type CommandSpec } from "../src/cli/commands.ts";
import type { OptionGroup, OptionSpec } from "../src/cli/option-spec.ts";
import { OPTIONS } from "../src/cli/options.ts";

const shown = (COMMANDS as readonly CommandSpec[]).filter(({ isHidden }) => isHidden !== true);

/**
 * @returns text such as "For serve. --api-key: also for chat, ps." @param mark formats an option's
 * name
 */
export function takersText(group: OptionGroup, mark: (name: string) => string): string {
  const whole = shown.filter(({ groups }) => groups.includes(group)).map(({ name }) => name);
  const options = (OPTIONS as readonly OptionSpec[]).filter((option) => option.group === group);
  const others = options.flatMap(({ name }) => {
    const takers = shown.filter((command) => takesByName(command, group, name));
    return takers.length === 0 ? [] : [{ name, takers: takers.map((command) => command.name) }];
  });
  const list = (names: readonly string[]) => names.map(mark).join(", ");
  const ofAll = whole.length === 0 ? [] : [`For ${list(whole)}.`];
  const also = whole.length === 0 ? "for" : "also for";
  const ofSome = others.map(({ name, takers }) => `${mark(`--${name}`)}: ${also} ${list(takers)}.`);
  return [...ofAll, ...ofSome].join(" ");
}

function takesByName(command: CommandSpec, group: OptionGroup, name: string): boolean {
  return command.options.includes(name) && !command.groups.includes(group);
}
