// Builds the grammar engine with a fake cargo: pinned crates, reasons for not building, and the
// fallback.

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Checkout } from "../../scripts/checkout.ts";
import {
  addSharedGrammarLibrary,
  buildGrammarLibrary,
  grammarStamp,
} from "../../scripts/grammar-library.ts";
import { pythonNames } from "../../scripts/grammar-wheel.ts";
import {
  removeTempFolders,
  tempCheckout,
  tempFolder,
  writeFiles,
} from "../support/temp-checkout.ts";

const PATH = process.env["PATH"] ?? "";

afterEach(() => {
  process.env["PATH"] = PATH;
});
afterAll(removeTempFolders);

/** A clone whose only tools are these scripts. */
function checkoutWith(tools: Readonly<Record<string, string>>): Checkout {
  const checkout = tempCheckout();
  writeFiles(checkout.root, {
    "native/grammar/Cargo.toml": "[package]\n",
    "native/grammar/crates.lock": '[[package]]\nname = "a"\nchecksum = "b"\n',
    "native/grammar/lib.rs": "",
    "native/grammar/wheel.txt": "llguidance==1.9.1\n",
  });
  const folder = tempFolder();
  for (const [name, script] of Object.entries(tools)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const system = Object.keys(tools).length === 0 ? [] : ["/usr/bin", "/bin"];
  process.env["PATH"] = [folder, ...system].join(":");
  return checkout;
}

const libraryOf = (checkout: Checkout) =>
  checkout.path("build", "grammar", "release", "libpagoda_grammar.a");

/** @param build what `cargo build` does */
const cargo = (version: string, build: string) => `
case $1 in
  --version) echo "cargo ${version} (abc 2026-01-01)";;
  generate-lockfile) printf 'version = 4\\n[[package]]\\nname = "a"\\nsource = "registry+x"\\n' > Cargo.lock;;
  build) ${build};;
esac`;

const WORKING = cargo(
  "1.92.0",
  "cp Cargo.lock ../lock; echo run >> ../runs; mkdir -p ../release; echo lib > ../release/libpagoda_grammar.a",
);

describe("buildGrammarLibrary", () => {
  test("builds once, with the pinned crates from the registry that cargo uses", async () => {
    const checkout = checkoutWith({ cargo: WORKING });
    await buildGrammarLibrary(checkout);
    await buildGrammarLibrary(checkout);
    expect(readFileSync(checkout.path("build/grammar/lock"), "utf8")).toBe(
      '[[package]]\nname = "a"\nsource = "registry+x"\nchecksum = "b"\n',
    );
    expect(readFileSync(checkout.path("build/grammar/runs"), "utf8")).toBe("run\n");
    expect(grammarStamp(checkout)).not.toBe("");
  });

  test("builds again if the crates change", async () => {
    const checkout = checkoutWith({ cargo: WORKING });
    await buildGrammarLibrary(checkout);
    const stamp = grammarStamp(checkout);
    writeFiles(checkout.root, { "native/grammar/lib.rs": "// changed\n" });
    await buildGrammarLibrary(checkout);
    expect(grammarStamp(checkout)).not.toBe(stamp);
  });

  test.each([
    ["cargo is missing", {}],
    ["cargo 1.86 is older than 1.87", { cargo: cargo("1.86.1", "exit 1") }],
    [
      "cargo failed: error: no such crate",
      { cargo: cargo("1.87.0", "echo 'error: no such crate'; exit 101") },
    ],
    ["unknown cargo: sh", { cargo: "echo sh" }],
  ])("%s: leaves no library, not even an older one", async (reason, tools) => {
    const checkout = checkoutWith(tools);
    mkdirSync(checkout.path("build", "grammar", "release"), { recursive: true });
    writeFileSync(libraryOf(checkout), "old");
    await buildGrammarLibrary(checkout);
    expect(existsSync(libraryOf(checkout))).toBe(false);
    expect(checkout.readStamp("grammar-reason")).toBe(reason);
    expect(grammarStamp(checkout)).toBe("");
  });
});

describe("without cargo", () => {
  const PIP = `
case $2 in
  pip) echo run >> PIP_RUNS; for last; do :; done; touch "$last/llguidance.whl";;
  zipfile) mkdir "$5/llguidance" 2>/dev/null || mkdir "$4/llguidance"; echo lib > "$5/llguidance/_lib.abi3.so";;
esac`;

  /** Sets up three times. @returns the folder of the addon, and how often pip ran */
  async function setUp(python: string) {
    const runs = join(tempFolder(), "runs");
    const nm = "echo '                 U PyList_New'";
    const python3 = python.replace("PIP_RUNS", runs);
    const checkout = checkoutWith({ python3, nm, cargo: "echo sh" });
    const folder = checkout.path("build", "native", "Release");
    for (let i = 0; i < 3; i++) {
      await buildGrammarLibrary(checkout);
      await addSharedGrammarLibrary(checkout, folder);
    }
    return { folder, numRuns: readFileSync(runs, "utf8").split("\n").length - 1 };
  }

  const isLinux = process.platform === "linux";
  if (!isLinux) console.log("grammar-library: the Python package is used only on Linux; skipped");

  test.if(isLinux)("copies the Python package's library next to the addon, once", async () => {
    const { folder, numRuns } = await setUp(PIP);
    expect(existsSync(join(folder, "pagoda-llguidance.so"))).toBe(true);
    expect(existsSync(join(folder, "pagoda-python.so"))).toBe(true);
    expect(numRuns).toBe(1);
  });

  test.if(isLinux)("does not retry if both ways fail", async () => {
    const { folder, numRuns } = await setUp("echo run >> PIP_RUNS; echo 'no network'; exit 1");
    expect(existsSync(folder)).toBe(true);
    expect(existsSync(join(folder, "pagoda-llguidance.so"))).toBe(false);
    expect(numRuns).toBe(1);
  });

  test("defines Python's functions as traps, and its objects as blank memory", () => {
    const names = [
      "                 U PyExc_TypeError",
      "                 U PyList_New",
      "                 U _Py_NoneStruct",
      "                 U PyType_Type",
      "                 U malloc@GLIBC_2.2.5",
      "                 w __cxa_finalize",
    ];
    expect(pythonNames(names.join("\n").trim())).toBe(
      "char PyExc_TypeError[1024];\nvoid PyList_New(void) { __builtin_trap(); }\n" +
        "char _Py_NoneStruct[1024];\nchar PyType_Type[1024];\n",
    );
  });
});
