// Checks the listening options before a model is found and loaded.

import { expect, test } from "bun:test";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { listenPlace } from "../../src/commands/listen-place.ts";

const placeOf = (...argv: string[]) =>
  listenPlace(parseOptions("serve", { argv, env: {}, readYaml: () => ({}) }, () => {}));

test("an address that this machine does not have is reported with any port", async () => {
  for (const port of ["0", "18433"])
    await expect(placeOf("--host", "192.0.2.1", "--port", port)).rejects.toThrow(
      `cannot listen on 192.0.2.1:${port}: this machine has no such address`,
    );
});

test("checking a usable address leaves it free for the server", async () => {
  for (let i = 0; i < 2; i++)
    expect(await placeOf("--host", "127.0.0.1", "--port", "0")).toEqual({
      ...{ host: "127.0.0.1", address: "127.0.0.1", port: 0 },
      ...{ socketPath: null, tls: null },
    });
});
