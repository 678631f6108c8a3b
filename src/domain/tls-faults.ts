/** What a failed TLS handshake says of its two ends; null: it is none, or says no more than its own words. */
export type TlsFault =
  /** The server's certificate is signed by no authority that this process trusts. */
  | 'untrusted'
  /** The server's certificate is for other names. */
  | 'wrong_name'
  /** The server's certificate is too old or too new. */
  | 'out_of_date'
  /** The server does not speak TLS. */
  | 'no_tls'
  /** The server takes no client without a certificate, or not with this one. */
  | 'client_certificate';

/** Node's and OpenSSL's codes (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const FAULT_OF_CODE: Readonly<Record<string, TlsFault>> = {
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'untrusted',
  CERT_SIGNATURE_FAILURE: 'untrusted',
  CERT_UNTRUSTED: 'untrusted',
  CERT_REJECTED: 'untrusted',
  INVALID_CA: 'untrusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'wrong_name',
  HOSTNAME_MISMATCH: 'wrong_name',
  CERT_HAS_EXPIRED: 'out_of_date',
  CERT_NOT_YET_VALID: 'out_of_date',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no_tls',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'no_tls',
  ERR_SSL_HTTP_REQUEST: 'no_tls',
  ERR_SSL_UNKNOWN_PROTOCOL: 'no_tls',
};

/** Alerts of a server that refuses the client's certificate, or the lack of one (RFC 8446, 6.2). */
const ABOUT_CLIENT = /^ERR_SSL_.*ALERT_((BAD_|UNSUPPORTED_|NO_)CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA)$/;

/** Where a write has failed node has no code for it (EPROTO), and OpenSSL's words say it. */
const NO_TLS_WORDS = /wrong version number|packet length too long|unknown protocol/;
const ABOUT_CLIENT_WORDS = /alert (?:(?:bad |unsupported )?certificate|unknown ca)/;

export function tlsFaultOf(error: unknown): TlsFault | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  const { code, message } = error;
  if (code === 'EPROTO') {
    if (NO_TLS_WORDS.test(message)) return 'no_tls';
    return ABOUT_CLIENT_WORDS.test(message) ? 'client_certificate' : null;
  }
  return FAULT_OF_CODE[code] ?? (ABOUT_CLIENT.test(code) ? 'client_certificate' : null);
}

/** OpenSSL's own line without the places in its source: `sslv3 alert bad certificate`. */
export function plainTlsWords(message: string): string {
  const [, words] = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(message) ?? [];
  return (words ?? message).trim();
}
