// Reads a server's certificate and key from files named by the operator. Reports errors before anything
// starts.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { ConfigError } from "../errors.ts";
import { fileFault } from "./file-fault.ts";
import { readText } from "./system.ts";

/** Paths and related settings. */
export interface TlsFiles {
  readonly certfile: string;
  /** Path of the private key; null = the key is in the certificate file. */
  readonly keyfile: string | null;
  readonly password: string | null;
  /** Authorities for client certificates; null = the system's. */
  readonly caCerts: string | null;
  /** Client certificates: 0 = not requested, 1 = requested, 2 = required. */
  readonly certReqs: number;
  readonly ciphers: string | null;
}

/** Settings in the form that node:https expects. */
export interface TlsSettings {
  readonly cert: string;
  readonly key: string;
  readonly passphrase?: string;
  readonly ca?: string;
  readonly ciphers?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

/** @throws ConfigError "invalid_option", naming the option */
export function readTls(files: TlsFiles): TlsSettings {
  const { certfile, keyfile, password, caCerts, certReqs, ciphers } = files;
  const cert = readPem("--ssl-certfile", certfile);
  const key = keyfile === null ? cert : readPem("--ssl-keyfile", keyfile);
  const ca = caCerts === null ? null : readPem("--ssl-ca-certs", caCerts);
  checkPair(files, cert, key);
  if (ca !== null) checkCertificate(`--ssl-ca-certs: ${caCerts}`, ca);
  const settings = {
    cert,
    key,
    ...(password === null ? {} : { passphrase: password }),
    ...(ca === null ? {} : { ca }),
    ...(ciphers === null ? {} : { ciphers }),
  };
  orError(() => createSecureContext(settings), `--ssl-ciphers: none of ${ciphers} is supported`);
  return { ...settings, requestCert: certReqs > 0, rejectUnauthorized: certReqs === 2 };
}

function readPem(option: string, path: string): string {
  try {
    return readText(path);
  } catch (cause) {
    const message = `${option}: cannot read ${path}: ${fileFault(cause)}`;
    throw new ConfigError("invalid_option", message, { cause });
  }
}

function checkPair({ certfile, keyfile, password }: TlsFiles, cert: string, key: string): void {
  const certificate = checkCertificate(`--ssl-certfile: ${certfile}`, cert);
  const place = keyfile === null ? `--ssl-certfile: ${certfile}` : `--ssl-keyfile: ${keyfile}`;
  const isLocked = /^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(key);
  const fault = isLocked
    ? "cannot be opened: --ssl-keyfile-password is missing or wrong"
    : "has no private key in PEM format";
  const passphrase = password === null ? {} : { passphrase: password };
  const privateKey = orError(() => createPrivateKey({ key, ...passphrase }), `${place} ${fault}`);
  if (certificate.checkPrivateKey(privateKey)) return;
  throw new ConfigError("invalid_option", `${place} does not match ${certfile}`);
}

function checkCertificate(place: string, text: string): X509Certificate {
  return orError(() => new X509Certificate(text), `${place} has no certificate in PEM format`);
}

function orError<T>(read: () => T, message: string): T {
  try {
    return read();
  } catch (cause) {
    throw new ConfigError("invalid_option", message, { cause });
  }
}
