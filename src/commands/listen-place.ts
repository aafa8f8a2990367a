// Determines where and how `serve` listens and validates the options.

import type { ServeOptions } from "../cli/commands.ts";
import { ConfigError } from "../errors.ts";
import type { ListenAddress } from "../host-name.ts";
import { listen } from "../runtime/http-server.ts";
import { listenAddress } from "../runtime/listen-address.ts";
import { readTls, type TlsSettings } from "../runtime/tls-files.ts";

export interface ListenPlace extends ListenAddress {
  readonly port: number;
  /** Unix socket to listen on; null = listen on the address and port. */
  readonly socketPath: string | null;
  readonly tls: TlsSettings | null;
}

/**
 * Checks the listening options before the model is downloaded and loaded, which can take minutes.
 * @throws ConfigError "invalid_option", "cannot_listen" or "address_in_use"
 */
export async function listenPlace(options: ServeOptions): Promise<ListenPlace> {
  const { host, port, uds: socketPath } = options;
  const tls = tlsOf(options);
  const address = socketPath === null ? await listenAddress(host) : { host, address: host };
  const place = { ...address, port, socketPath, tls };
  await tryOut(place);
  return place;
}

/**
 * Listens briefly to check that the address or socket is usable.
 * @throws ConfigError "cannot_listen" or "address_in_use"
 */
export async function tryOut(place: ListenPlace): Promise<void> {
  const fetch = () => new Response(null, { status: 503 });
  const server = await listen({ ...place, maxBodyBytes: 0, fetch });
  await server.stop(true);
}

/** Refuses TLS options that would have no effect, since the operator might rely on them. */
function tlsOf(options: ServeOptions): TlsSettings | null {
  const {
    "ssl-certfile": certfile,
    "ssl-keyfile": keyfile,
    "ssl-keyfile-password": password,
    "ssl-ca-certs": caCerts,
    "ssl-cert-reqs": certReqs,
    "ssl-ciphers": ciphers,
  } = options;
  if (certfile === null) {
    const given = { "ssl-keyfile": keyfile, "ssl-ca-certs": caCerts, "ssl-ciphers": ciphers };
    const [unused] = Object.entries(given).find(([, value]) => value !== null) ?? [];
    const option = unused ?? (certReqs > 0 ? "ssl-cert-reqs" : null);
    if (option === null) return null;
    throw new ConfigError("invalid_option", `--${option} requires --ssl-certfile`);
  }
  if (certReqs > 0 && caCerts === null) {
    throw new ConfigError("invalid_option", "--ssl-cert-reqs requires --ssl-ca-certs");
  }
  return readTls({ certfile, keyfile, password, caCerts, certReqs, ciphers });
}
