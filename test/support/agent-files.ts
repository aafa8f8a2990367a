// An in-memory folder and the tools of a coding agent that works in it, for conversations with real clients.

export class AgentFiles {
  readonly #files: Map<string, string>;

  constructor(files: Readonly<Record<string, string>>) {
    this.#files = new Map(Object.entries(files));
  }

  read(path: string): string {
    const text = this.#files.get(path);
    if (text === undefined) throw new Error(`no such file: ${path}`);
    return text;
  }

  /** Replaces text that occurs exactly once. */
  edit(path: string, oldText: string, newText: string): void {
    const text = this.read(path);
    if (text.split(oldText).length !== 2) throw new Error(`not found once: ${oldText}`);
    this.#files.set(
      path,
      text.replace(oldText, () => newText),
    );
  }

  /** Applies a patch in Codex's format that has a single hunk of whole lines. */
  patch(patch: string): void {
    const lines = patch.trimEnd().split("\n");
    if (lines[0] !== "*** Begin Patch" || lines.at(-1) !== "*** End Patch") {
      throw new Error("not a patch");
    }
    const path = lines[1]?.replace("*** Update File: ", "") ?? "";
    const hunk = lines.slice(3, -1);
    const side = (other: string) =>
      hunk.filter((line) => !line.startsWith(other)).map((line) => line.slice(1));
    this.edit(path, side("+").join("\n"), side("-").join("\n"));
  }

  /** "Runs" the only command that a conversation needs. */
  run(command: string): string {
    if (command !== "bun test") throw new Error(`unknown command: ${command}`);
    return this.read("add.ts").includes("a + b") ? "1 pass" : "1 fail";
  }
}
