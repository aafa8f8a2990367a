// Explains to users why a connection returned no response or only part of one. The messages of Bun 1.4.5's fetch
// are written for programmers.

const UNKNOWN_AUTHORITY =
  "its certificate is from an unknown authority; set NODE_EXTRA_CA_CERTS=file.pem to add one";

/** Reasons by the error's code or name. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "unknown host",
  ECONNRESET: "connection closed",
  EPIPE: "connection closed",
  EPROTO: "the server does not use TLS; try http://",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for a different name",
  ETIMEDOUT: "timed out",
  ENETUNREACH: "network unreachable",
  EHOSTUNREACH: "host unreachable",
  EINVAL: "the address is not valid",
  TimeoutError: "timed out",
  ERR_INVALID_URL: "the address is not valid",
  ERR_INVALID_ARG_VALUE: "the address is not valid",
  TooManyRedirects: "too many redirects",
  UnsupportedRedirectProtocol: "it redirects to a URL that is not HTTP",
  InvalidHTTPResponse: "the response is not valid HTTP",
  Malformed_HTTP_Response: "the response is not valid HTTP",
  ResponseHeadersTooLarge: "the response is not valid HTTP",
  ZlibError: "the compressed response is corrupt",
  SyntaxError: "the response is not valid JSON",
};

/** @param error thrown by fetch or while reading a body */
export function connectionFault(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  const reason = REASONS[code] ?? REASONS[error.name];
  if (reason !== undefined) return reason;
  return error.message.replace(/\.? For more information, pass `verbose.*$/, "");
}
