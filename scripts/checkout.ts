// A clone of the repository: its paths, and a stamp of each setup step's inputs. A step is skipped
// if its stamp has not changed.

import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export class Checkout {
  readonly root: string;

  constructor(root: string = join(import.meta.dir, "..")) {
    this.root = root;
  }

  path(...parts: readonly string[]): string {
    return join(this.root, ...parts);
  }

  /**
   * @returns sorted paths, relative to the root, of the files in a folder and its subfolders that
   * have one of the endings
   */
  filesIn(folder: string, endings: readonly string[]): string[] {
    const path = this.path(folder);
    if (!existsSync(path)) return [];
    return readdirSync(path, { encoding: "utf8", recursive: true })
      .filter((name) => endings.some((ending) => name.endsWith(ending)))
      .filter((name) => statSync(join(path, name)).isFile())
      .map((name) => join(folder, name))
      .sort();
  }

  /** @returns a hash of files' names and contents, and of additional strings */
  stampOf(files: readonly string[], texts: readonly string[] = []): string {
    const hash = createHash("sha256");
    for (const file of files) {
      hash.update(`${file}\0`);
      hash.update(readFileSync(this.path(file)));
    }
    for (const text of texts) hash.update(`\0${text}`);
    return hash.digest("hex");
  }

  /** @returns null if the step has never been done */
  readStamp(step: string): string | null {
    const path = this.#stampPath(step);
    return existsSync(path) ? readFileSync(path, "utf8") : null;
  }

  writeStamp(step: string, stamp: string): void {
    mkdirSync(this.path("build", "stamps"), { recursive: true });
    writeFileSync(this.#stampPath(step), stamp);
  }

  /** Invalidates a step before its previous result is changed. */
  clearStamp(step: string): void {
    rmSync(this.#stampPath(step), { force: true });
  }

  #stampPath(step: string): string {
    return this.path("build", "stamps", step);
  }
}
