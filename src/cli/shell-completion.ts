// Shell completion scripts, generated from the tables of commands and options. Model names come
// from `pagoda ls --quiet` at completion time.

import { COMMANDS, type CommandSpec, optionsOf } from "./commands.ts";
import type { OptionSpec } from "./option-spec.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** @returns a script for the shell to read at startup */
export function shellCompletionScript(shell: Shell): string {
  const commands = (COMMANDS as readonly CommandSpec[]).filter(({ isHidden }) => isHidden !== true);
  return SCRIPTS[shell](commands);
}

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CommandSpec[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** Flags that every command has but the options table does not contain. */
const GENERAL: readonly { readonly name: string; readonly help: string }[] = [
  { name: "help", help: "Show help." },
  { name: "print-config", help: "Show all values and their sources." },
];

/** @returns each option once, even if several commands accept it */
function distinctOptions(commands: readonly CommandSpec[]): OptionSpec[] {
  return [...new Set(commands.flatMap(optionsOf))];
}

/** @returns the flag, and its negation if it is Boolean */
function flagsOf({ name, kind }: OptionSpec): string[] {
  return kind === "flag" ? [`--${name}`, `--no-${name}`] : [`--${name}`];
}

function argumentOptions(command: CommandSpec): OptionSpec[] {
  const options = optionsOf(command);
  return command.arguments.flatMap((name) => options.filter((option) => option.name === name));
}

function bashScript(commands: readonly CommandSpec[]): string {
  const flags = commands.map((command) => {
    const names = [
      ...optionsOf(command).flatMap(flagsOf),
      ...GENERAL.map(({ name }) => `--${name}`),
    ];
    const [first] = argumentOptions(command);
    const argument = first === undefined ? ":" : bashValues(first);
    return `    ${command.name}) flags="${names.join(" ")}"; argument() { ${argument}; } ;;`;
  });
  const values = distinctOptions(commands)
    .filter(({ kind }) => kind !== "flag")
    .map((option) => `    --${option.name}) ${bashValues(option)} ;;`);
  return `# pagoda completion for bash: eval "$(pagoda completion bash)"
_pagoda() {
  local line=\${COMP_LINE:0:COMP_POINT} word before flags= prefix=
  local -a words
  # Bash splits words at colons, which model names contain.
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=\${words[\${#words[@]}-1]}
  before=\${words[\${#words[@]}-2]}
  # --option=value is two words in bash already, unless = is not a word break.
  if [[ $word == --*=* ]]; then
    before=\${word%%=*}
    word=\${word#*=}
    [[ $COMP_WORDBREAKS == *=* ]] || prefix=$before=
  fi
  COMPREPLY=()
  local commands="${commands.map(({ name }) => name).join(" ")}"
  if (( \${#words[@]} == 2 )); then
    COMPREPLY=($(compgen -W "$commands help --help --version" -- "$word"))
    return
  fi
  argument() { :; }
  case \${words[1]} in
    help) argument() { COMPREPLY=($(compgen -W "$commands" -- "$word")); } ;;
${flags.join("\n")}
  esac
  case $before in
${values.join("\n")}
    *) if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$word")); else argument; fi ;;
  esac
  COMPREPLY=("\${COMPREPLY[@]/#/$prefix}")
  if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
    local head=\${word%"\${word##*:}"} i
    for i in "\${!COMPREPLY[@]}"; do COMPREPLY[i]=\${COMPREPLY[i]#"$head"}; done
  fi
}
_pagoda_models() {
  COMPREPLY=($(compgen -W "$(pagoda ls --quiet 2>/dev/null)" -- "$1") $(compgen -f -X '!*.gguf' -- "$1") $(compgen -d -- "$1"))
}
complete -o filenames -F _pagoda pagoda
`;
}

function bashValues({ choices, completes }: OptionSpec): string {
  if (choices !== undefined) return `COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$word"))`;
  if (completes === "model") return '_pagoda_models "$word"';
  return completes === "file" ? 'COMPREPLY=($(compgen -f -- "$word"))' : ":";
}

function zshScript(commands: readonly CommandSpec[]): string {
  const names = commands.map(({ name, help }) => `    ${quoted(`${name}:${help}`)}`);
  const cases = commands.map((command) => {
    const specs = [
      ...optionsOf(command).flatMap(zshOption),
      ...GENERAL.map(({ name, help }) => quoted(`--${name}[${zshText(help)}]`)),
      ...argumentOptions(command).map((option) => zshArgument(option)),
    ];
    return `    ${command.name}) _arguments ${specs.join(" \\\n      ")} ;;`;
  });
  return `#compdef pagoda
# pagoda completion for zsh: eval "$(pagoda completion zsh)" after compinit
_pagoda() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )) || [[ $words[2] == help ]]; then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${cases.join("\n")}
  esac
}
_pagoda_models() {
  local -a models
  models=(\${(f)"$(pagoda ls --quiet 2>/dev/null)"})
  compadd -a models
  _files -g '*.gguf'
}
compdef _pagoda pagoda
`;
}

function zshOption(option: OptionSpec): string[] {
  const help = zshText(option.help);
  if (option.kind === "flag") return flagsOf(option).map((flag) => quoted(`${flag}[${help}]`));
  return [quoted(`--${option.name}=[${help}]:${option.name}:${zshAction(option)}`)];
}

function zshArgument(option: OptionSpec): string {
  const place = option.kind === "strings" ? "*" : "1";
  return quoted(`${place}:${option.name}:${zshAction(option)}`);
}

function zshAction({ choices, completes }: OptionSpec): string {
  if (choices !== undefined) return `(${choices.join(" ")})`;
  if (completes === "model") return "_pagoda_models";
  return completes === "file" ? "_files" : " ";
}

/** Escapes brackets and colons, which are syntax in zsh's specs. */
function zshText(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function fishScript(commands: readonly CommandSpec[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c pagoda -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.help)}`,
    ...optionsOf(command).flatMap((option) => fishOption(command, option)),
    ...GENERAL.map(({ name, help }) => `${fishStart(command)} -l ${name} -d ${quoted(help)}`),
    ...argumentOptions(command).flatMap((option) => {
      const values = fishValues(option);
      return values === null ? [] : [`${fishStart(command)} -a ${values}`];
    }),
  ]);
  return `# pagoda completion for fish: pagoda completion fish | source
function __pagoda_models
  pagoda ls --quiet 2>/dev/null
  __fish_complete_suffix .gguf
end
complete -c pagoda -f
complete -c pagoda -n __fish_use_subcommand -a help -d 'Show help for a command.'
complete -c pagoda -n '__fish_seen_subcommand_from help' -a '${commands.map(({ name }) => name).join(" ")}'
${lines.join("\n")}
`;
}

function fishOption(command: CommandSpec, option: OptionSpec): string[] {
  const help = `-d ${quoted(option.help)}`;
  const start = fishStart(command);
  if (option.kind === "flag") {
    return flagsOf(option).map((flag) => `${start} -l ${flag.slice(2)} ${help}`);
  }
  const values = fishValues(option);
  const needs = option.completes === "file" ? "-rF" : "-x";
  return [`${start} -l ${option.name} ${needs}${values === null ? "" : ` -a ${values}`} ${help}`];
}

function fishStart({ name }: CommandSpec): string {
  return `complete -c pagoda -n '__fish_seen_subcommand_from ${name}'`;
}

function fishValues({ choices, completes }: OptionSpec): string | null {
  if (choices !== undefined) return quoted(choices.join(" "));
  return completes === "model" ? "'(__pagoda_models)'" : null;
}

/** Quotes text for any of the shells: inside single quotes, only the closing quote is special. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
