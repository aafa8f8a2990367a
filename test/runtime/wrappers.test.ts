// Wrappers: ancestors that only wait for the process, so it must stop when they stop.

import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ProcessFacts, wrappersIn } from "../../src/runtime/wrappers.ts";
import { childrenOf, familyOf, isAlive, untilGone } from "../support/processes.ts";
import { tempFolder } from "../support/tiny-model.ts";

/**
 * The process first, then its ancestors, all in one group; "&" marks those that a shell put in the
 * background.
 */
function family(...commands: readonly string[]): ProcessFacts[] {
  return commands.map((command, i) => ({
    pid: 100 - i,
    groupId: 7,
    words: command.replace(/^& /, "").split(" "),
    ignoresQuit: command.startsWith("& "),
  }));
}

const wrappersOf = (...commands: readonly string[]) =>
  wrappersIn(family(...commands)).map(({ words }) => words.join(" "));

const SERVER = "bun scripts/pagoda.ts serve";

describe("wrappersIn", () => {
  test("finds bun run, npm's shell, and npm", () => {
    const npx = ["bun run serve", "sh -c 'bun' run serve", "npm exec bun@1.4.5 run serve"];
    expect(wrappersOf(SERVER, ...npx, "-bash")).toEqual(npx);
    expect(wrappersOf(SERVER, "/opt/bun --silent run serve", "zsh")).toEqual([
      "/opt/bun --silent run serve",
    ]);
    expect(wrappersOf(SERVER, "bun serve", "zsh")).toEqual(["bun serve"]);
    expect(wrappersOf("pagoda serve", "node /usr/bin/pnpm run start", "fish")).toEqual([
      "node /usr/bin/pnpm run start",
    ]);
    const npm = ["sh -c pagoda serve", "node /usr/lib/node_modules/npm/bin/npm-cli.js start"];
    expect(wrappersOf("pagoda serve", ...npm, "systemd")).toEqual(npm);
  });

  test("ignores other ancestors, which may exit and leave a server running on purpose", () => {
    for (const parent of [
      "-bash",
      "bash start.sh",
      "sh -c bun scripts/pagoda.ts serve",
      "/sbin/init",
      "systemd --user",
      "node server.js",
      "python3 -m supervisor",
      "bun start.ts",
      "bun run start.ts",
      "bun test ./test/a.test.ts",
      "",
    ])
      expect(wrappersOf(SERVER, parent, "zsh", "npm run start")).toEqual([]);
    expect(wrappersOf(SERVER)).toEqual([]);
    expect(wrappersIn([])).toEqual([]);
  });

  test("stops at a process in another group, because the job is detached", () => {
    const [self, ...others] = family(SERVER, "bun run serve", "npm run start");
    const detached = others.map((other) => ({ ...other, groupId: 8 }));
    expect(wrappersIn([...(self === undefined ? [] : [self]), ...detached])).toEqual([]);
  });

  test("stops at a shell that runs its command in the background", () => {
    expect(
      wrappersOf(`& ${SERVER}`, "& bun run serve", "sh -c bun run serve &", "npm start"),
    ).toEqual(["bun run serve"]);
  });
});

const RUNTIME = join(import.meta.dir, "../../src/runtime");
const PROGRAM = `
import { endWithWrappers } from ${JSON.stringify(join(RUNTIME, "wrappers.ts"))};
endWithWrappers();
process.on("SIGTERM", () => { console.log("SIGTERM"); process.exit(0); });
console.log(process.pid);
setInterval(() => {}, 1000);
`;

const { path: folder, remove } = tempFolder();
afterAll(remove);
writeFileSync(join(folder, "program.ts"), PROGRAM);
const script = `'${process.execPath}' program.ts`;
const scripts = { serve: script, background: `${script} & sleep 0.2` };
writeFileSync(join(folder, "package.json"), JSON.stringify({ scripts }));

/** @returns the wrapper, the program's process id, and a function that reads further output */
async function start(command: readonly string[]) {
  const wrapper = Bun.spawn([...command], { cwd: folder, stderr: "ignore", stdin: "ignore" });
  const lines = wrapper.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!/^\d+\n/m.test(text)) text += (await lines.read()).value ?? "";
  const pid = Number(/^\d+$/m.exec(text)?.[0]);
  const rest = async () => (await lines.read()).value ?? "";
  return { wrapper, pid, rest };
}

const RUNNERS: [string, string[]][] = [["bun", [process.execPath, "run"]]];
if (Bun.which("npm") !== null) RUNNERS.push(["npm", ["npm", "run"]]);
else console.log("skipped the wrapper tests with npm: npm is not installed");

const isLinux = process.platform === "linux";
if (!isLinux) console.log("skipped the wrapper tests: only Linux reports ancestors");

describe.skipIf(!isLinux).each(RUNNERS)("wrappers started by %s", (_, runner) => {
  test.each(["SIGTERM", "SIGKILL"] as const)(
    "stop the program when they receive %s",
    async (signal) => {
      const { wrapper, pid, rest } = await start([...runner, "serve"]);
      const all = familyOf(wrapper.pid);
      wrapper.kill(signal);
      expect(await rest()).toBe("SIGTERM\n");
      for (const one of [...all, pid]) await untilGone(one, 5000);
    },
  );

  test("do not stop a program that a script left in the background", async () => {
    const { wrapper, pid } = await start([...runner, "background"]);
    await wrapper.exited;
    // Long enough for the program to check its parent, as it does four times a second.
    await Bun.sleep(600);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });
});

test.skipIf(!isLinux)("a shell that exits leaves the program running", async () => {
  const { wrapper, pid } = await start(["sh", "-c", `${script}; true`]);
  expect(childrenOf(wrapper.pid)).toEqual([pid]);
  wrapper.kill("SIGKILL");
  await wrapper.exited;
  // Long enough for the program to check its parent, as above.
  await Bun.sleep(600);
  expect(isAlive(pid)).toBe(true);
  process.kill(pid, "SIGKILL");
});
