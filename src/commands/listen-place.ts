// Where `serve` listens and how, as its options say, with everything that can be wrong with them.

import type { ServeOptions } from "../cli/commands.ts";
import { ConfigError } from "../errors.ts";
import type { ListenAddress } from "../host-name.ts";
import { listen } from "../runtime/http-server.ts";
import { listenAddress } from "../runtime/listen-address.ts";
import { readTls, type TlsSettings } from "../runtime/tls-files.ts";

export interface ListenPlace extends ListenAddress {
  readonly port: number;
  /** Null = the address and port are listened on. */
  readonly socketPath: string | null;
  readonly tls: TlsSettings | null;
}

/**
 * Looks before a model is fetched and read, which may take minutes.
 * @throws ConfigError "invalid_option", "cannot_listen" or "address_in_use"
 */
export async function listenPlace(options: ServeOptions): Promise<ListenPlace> {
  const { host, port, uds: socketPath } = options;
  const tls = tlsOf(options);
  const address = socketPath === null ? await listenAddress(host) : { host, address: host };
  const place = { ...address, port, socketPath, tls };
  if (socketPath !== null || port !== 0) await tryOut(place);
  return place;
}

/** Listens there and ends it. @throws ConfigError "cannot_listen" or "address_in_use" */
export async function tryOut(place: ListenPlace): Promise<void> {
  const fetch = () => new Response(null, { status: 503 });
  const server = await listen({ ...place, maxBodyBytes: 0, fetch });
  await server.stop(true);
}

/** Flags that would leave a server less safe than its operator believes are refused. */
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
    const [alone] = Object.entries(given).find(([, value]) => value !== null) ?? [];
    const lonely = alone ?? (certReqs > 0 ? "ssl-cert-reqs" : null);
    if (lonely === null) return null;
    throw new ConfigError("invalid_option", `${lonely} needs ssl-certfile, too`);
  }
  if (certReqs > 0 && caCerts === null) {
    throw new ConfigError("invalid_option", "ssl-cert-reqs needs ssl-ca-certs, too");
  }
  return readTls({ certfile, keyfile, password, caCerts, certReqs, ciphers });
}
