// An app's routes and the methods that each allows, for 405 responses and for metric labels, which must not contain IDs
// from paths.

/** A path and its methods, such as "GET, HEAD". `{id}` matches any one segment; `{id:path}` matches the rest. */
export type RouteEntry = readonly [path: string, methods: string];

const PARAMETER = /\{id(:path)?\}/;

export class RouteTable {
  readonly #absent: readonly string[];
  readonly #methods: ReadonlyMap<string, string>;
  readonly #patterns: readonly (readonly [pattern: RegExp, path: string])[];

  /** @param absent paths that no route with an ID serves */
  constructor(entries: readonly RouteEntry[], absent: readonly string[] = []) {
    this.#absent = absent;
    this.#methods = new Map(entries);
    this.#patterns = entries
      .filter(([path]) => PARAMETER.test(path))
      .map(([path]) => [patternOf(path), path]);
  }

  /** @returns the route that serves a path; null if there is none */
  routeOf(path: string): string | null {
    if (this.#methods.has(path)) return path;
    if (this.#absent.includes(path)) return null;
    return this.#patterns.find(([pattern]) => pattern.test(path))?.[1] ?? null;
  }

  /** @returns the methods that a path allows; null if no route serves it */
  methodsOf(path: string): string | null {
    const route = this.routeOf(path);
    return route === null ? null : (this.#methods.get(route) ?? null);
  }
}

function patternOf(path: string): RegExp {
  const parts = path.replace(PARAMETER, (_, isRest) => (isRest === undefined ? "[^/]+" : ".+"));
  return new RegExp(`^${parts}$`);
}
