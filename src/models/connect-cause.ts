import { z } from 'zod';

/** Texts for the codes of Node, OpenSSL and undici; HOST is replaced by the address, where the error has one. */
const CAUSES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name HOST does not exist',
  EAI_AGAIN: 'the name HOST cannot be looked up; check the DNS of this computer',
  ECONNREFUSED: 'nothing listens at HOST',
  ECONNRESET: 'the other side closed the connection',
  EPIPE: 'the other side closed the connection',
  UND_ERR_SOCKET: 'the other side closed the connection',
  ETIMEDOUT: 'HOST did not accept the connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'HOST did not accept the connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'the server sent no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the reply stopped',
  EHOSTUNREACH: 'there is no route to HOST',
  ENETUNREACH: 'there is no network to HOST',
  EACCES: 'this computer does not allow the connection',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate was issued by an authority that this computer does not trust',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate was issued by an authority that this computer does not trust',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate was issued by an authority that this computer does not trust',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate was issued by an authority that this computer does not trust',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; check the clock of this computer',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there; use http:// in its address',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not speak TLS there; use http:// in its address',
  EPROTO: 'the TLS connection failed',
  HPE_INVALID_CONSTANT: 'the server does not speak HTTP there; check the port',
};

const TRUST = /issued by an authority|self-signed/;

/** Deep enough for SDK error, fetch error, socket error. */
const DEEPEST = 6;

/**
 * Why a connection failed, such as "nothing listens at 127.0.0.1:11434 (ECONNREFUSED)"; null: the error does not say.
 * fetch says only "fetch failed", the SDKs "Connection error."; the reason is in their causes.
 */
export function connectCause(error: unknown): string | null {
  const found = causesOf(error).find(({ code }) => code !== null && code in CAUSES);
  if (found === undefined || found.code === null) return proxyCause(error);
  const text = (CAUSES[found.code] ?? '').replaceAll('HOST', found.host ?? 'the address');
  const advice = TRUST.test(text) ? '; name its file in NODE_EXTRA_CA_CERTS' : '';
  return `${text} (${found.code})${advice}`;
}

/** undici reports a proxy's refusal in words only. */
function proxyCause(error: unknown): string | null {
  for (const { message } of causesOf(error)) {
    const status = /^Proxy response \((\d+)\) !== 200/.exec(message)?.[1];
    if (status === undefined) continue;
    const advice = status === '407' ? 'check the credentials in HTTPS_PROXY' : 'check HTTPS_PROXY and NO_PROXY';
    return `the proxy answered HTTP ${status} to CONNECT; ${advice}`;
  }
  return null;
}

interface Cause {
  readonly code: string | null;
  readonly host: string | null;
  readonly message: string;
}

/** The error and its causes, outermost first. Node tries several addresses of a name and reports an AggregateError. */
function causesOf(error: unknown, depth = 0): readonly Cause[] {
  const parsed = errorSchema.safeParse(error);
  if (!parsed.success || depth > DEEPEST) return [];
  const { cause, errors = [] } = parsed.data;
  return [causeOf(parsed.data), ...[...errors, cause].flatMap((one) => causesOf(one, depth + 1))];
}

/** By its fields and not by its class: errors of Node's core may come from another realm. */
const errorSchema = z.object({
  message: z.string(),
  code: z.string().optional().catch(undefined),
  hostname: z.string().optional().catch(undefined),
  address: z.string().optional().catch(undefined),
  port: z.number().optional().catch(undefined),
  cause: z.unknown().optional(),
  errors: z.array(z.unknown()).optional().catch(undefined),
});

function causeOf({ code, hostname, address, port, message }: z.infer<typeof errorSchema>): Cause {
  const name = hostname ?? address ?? null;
  const shown = name?.includes(':') ? `[${name}]` : name;
  return {
    code: code ?? null,
    host: shown === null ? null : `${shown}${port === undefined ? '' : `:${port}`}`,
    message,
  };
}

/** Whether a text was no JSON. By its name: a response's json() throws the error of Node's realm. */
export function isSyntaxError(error: unknown): boolean {
  return error instanceof SyntaxError || z.object({ name: z.literal('SyntaxError') }).safeParse(error).success;
}
