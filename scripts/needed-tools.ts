// System tools that the scripts need, and a single command that installs all missing tools through the
// system's package manager.

import { SetupError } from "./report.ts";

export type PackageManager = keyof typeof INSTALL;

/**
 * Install commands in search order: native package managers come before those that run on any system.
 */
const INSTALL = {
  "apt-get": "apt-get install",
  dnf: "dnf install",
  apk: "apk add",
  pacman: "pacman -S",
  zypper: "zypper install",
  brew: "brew install",
  "nix-shell": "nix-shell -p",
} as const;

/** Package managers that install per user or refuse to run as root. */
const PER_USER: readonly PackageManager[] = ["brew", "nix-shell"];

export interface NeededTool {
  /** Program names; any one of them is enough. */
  readonly names: readonly string[];
  readonly packages: Readonly<Record<PackageManager, string>>;
  /** Whether the tool is part of Xcode's command line tools on a Mac. */
  readonly isXcode?: true;
}

/** @returns package names by manager: `name`, except for those in `others` */
function packages(
  name: string,
  others: Partial<Record<PackageManager, string>> = {},
): Record<PackageManager, string> {
  const managers = Object.keys(INSTALL) as PackageManager[];
  const names = managers.map((manager) => [manager, others[manager] ?? name]);
  return Object.fromEntries(names) as Record<PackageManager, string>;
}

const GXX = { dnf: "gcc-c++", zypper: "gcc-c++", pacman: "gcc", brew: "gcc", "nix-shell": "gcc" };
const NINJA = { "apt-get": "ninja-build", dnf: "ninja-build" };
const PYTHON = { pacman: "python", brew: "python", zypper: "python3" };
const PIP = { ...PYTHON, apk: "py3-pip", pacman: "python-pip", "nix-shell": "python3Packages.pip" };

export const GIT: NeededTool = { names: ["git"], packages: packages("git"), isXcode: true };
export const TAR: NeededTool = {
  names: ["tar"],
  packages: packages("tar", { brew: "gnu-tar", "nix-shell": "gnutar" }),
  isXcode: true,
};
export const COMPILER: NeededTool = {
  names: ["c++", "g++", "clang++"],
  packages: packages("g++", GXX),
  isXcode: true,
};
export const CMAKE: NeededTool = { names: ["cmake"], packages: packages("cmake") };
export const NINJA_OR_MAKE: NeededTool = {
  names: ["ninja", "make"],
  packages: packages("ninja", NINJA),
};
export const PYTHON_WITH_PIP: NeededTool = {
  names: ["python3", "python"],
  packages: packages("python3-pip", PIP),
};
export const PYTHON_WITH_VENV: NeededTool = {
  names: ["python3"],
  packages: packages("python3", { ...PYTHON, "apt-get": "python3-venv" }),
};

/** Tools that a fresh clone needs before it can serve. */
export const BUILD_TOOLS = [GIT, TAR, COMPILER, CMAKE, NINJA_OR_MAKE] as const;

export interface ThisSystem {
  readonly has: (program: string) => boolean;
  readonly isMac: boolean;
  readonly isRoot: boolean;
}

export function thisSystem(): ThisSystem {
  return { has: hasTool, isMac: process.platform === "darwin", isRoot: process.getuid?.() === 0 };
}

export function hasTool(name: string): boolean {
  return Bun.which(name, { PATH: process.env["PATH"] ?? "" }) !== null;
}

/**
 * @returns the missing tools and how to install them, e.g. "c++ and cmake are missing; install them with
 *   `sudo apt-get install g++ cmake`"; null if all are installed
 */
export function missingText(
  tools: readonly NeededTool[],
  system: ThisSystem = thisSystem(),
): string | null {
  const missing = tools.filter(({ names }) => !names.some(system.has));
  if (missing.length === 0) return null;
  const names = missing.map(({ names: [first = ""] }) => first);
  const [are, them] = names.length === 1 ? ["is", "it"] : ["are", "them"];
  return `${listText(names)} ${are} missing; install ${them} with ${installText(missing, system)}`;
}

function installText(missing: readonly NeededTool[], system: ThisSystem): string {
  const isXcode = (tool: NeededTool) => system.isMac && tool.isXcode === true;
  const managers = Object.keys(INSTALL) as PackageManager[];
  const manager = managers.find(system.has);
  const others = missing.filter((tool) => !isXcode(tool));
  const commands = missing.some(isXcode) ? ["xcode-select --install"] : [];
  if (manager !== undefined && others.length > 0) {
    const needsSudo = !system.isRoot && !PER_USER.includes(manager) && system.has("sudo");
    const names = others.map((tool) => tool.packages[manager]);
    commands.push([needsSudo ? "sudo " : "", INSTALL[manager], " ", names.join(" ")].join(""));
  }
  const shown = commands.map((command) => `\`${command}\``);
  if (manager === undefined && others.length > 0)
    shown.push(system.isMac ? "Homebrew (https://brew.sh)" : "this system's package manager");
  return shown.join(" and ");
}

/** "a", "a and b", "a, b and c" */
function listText(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** Fails because a tool's program `name` is missing. @throws the same SetupError as needTools() */
export function failWithout(name: string, tool: NeededTool): never {
  const system = thisSystem();
  const has = (program: string) => program !== name && system.has(program);
  throw new SetupError(missingText([{ ...tool, names: [name] }], { ...system, has }) ?? "");
}

/** @throws SetupError naming all missing tools and the command that installs them */
export function needTools(tools: readonly NeededTool[]): void {
  const text = missingText(tools);
  if (text !== null) throw new SetupError(text);
}

/** @returns the tool's name on this machine @throws the same SetupError as needTools() */
export function needTool(tool: NeededTool): string {
  needTools([tool]);
  return tool.names.find(hasTool) ?? "";
}
