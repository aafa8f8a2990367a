// Certificates for tests, made with openssl: a CA, server and client certificates signed by that CA, and a
// self-signed certificate.

import { join } from "node:path";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];

export const KEY_PASSWORD = "a key's password";

export interface Certificates {
  /** @param name "server", "client", "other", or "ca", followed by ".pem" or ".key" */
  readonly path: (name: string) => string;
}

/** @returns null, after printing the reason, if openssl is not installed */
export function makeCertificates(folder: string): Certificates | null {
  if (Bun.which("openssl") === null) {
    console.log("skipped: TLS: openssl is not installed");
    return null;
  }
  const path = (name: string) => join(folder, name);
  for (const name of ["ca", "other"]) {
    openssl(["req", "-x509", ...KEY, "-subj", `/CN=${name}`, ...filesOf(path, name)]);
  }
  const signed = ["-CA", path("ca.pem"), "-CAkey", path("ca.key")];
  for (const name of ["server", "client"]) {
    const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    openssl([
      "req",
      "-x509",
      ...KEY,
      "-subj",
      `/CN=${name}`,
      ...names,
      ...signed,
      ...filesOf(path, name),
    ]);
  }
  const locked = ["-topk8", "-in", path("server.key"), "-passout", `pass:${KEY_PASSWORD}`];
  openssl(["pkcs8", ...locked, "-out", path("locked.key")]);
  return { path };
}

function filesOf(path: Certificates["path"], name: string): string[] {
  return ["-keyout", path(`${name}.key`), "-out", path(`${name}.pem`)];
}

function openssl(words: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...words], { stdin: "ignore" });
  if (exitCode !== 0) throw new Error(`openssl ${words.join(" ")}: ${stderr}`);
}
