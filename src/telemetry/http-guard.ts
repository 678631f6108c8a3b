/**
 * Which requests the endpoint answers. A page in a browser can send requests to addresses that its user can reach, also
 * under a name that it lets point there (DNS rebinding). So the Host must be one of ours, a foreign Origin is refused,
 * and where other computers can connect, a token is needed.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback } from './http-address.js';
import { isSigned } from './http-signature.js';

export interface HttpRules {
  /** Requests must have it as Authorization: Bearer, or be signed with it; null: none is needed. */
  readonly token: string | null;
  /** Names and IP addresses, besides those of loopback, by which clients may address this process; without port. */
  readonly hosts: readonly string[];
  /** All paths that there are. */
  readonly paths: readonly string[];
  /** Forms of more paths; each matches a whole one. Absent: none. */
  readonly forms?: readonly RegExp[];
}

/** What of a request decides. */
export interface HttpRequest {
  readonly method: string;
  /** The request target, as it was sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Each Host header: other programs on the way may have read another one than the first. */
  readonly hostHeaders: readonly string[];
  /** The address of this computer that the client has connected to. */
  readonly localAddress: string | undefined;
  /** When it was received, in ms since the epoch. */
  readonly nowMs: number;
}

/** A fixed answer: no text of a request is in it. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 405;
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Of each answer. They are those of a page that no browser should run, frame, keep or show to another page. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** RFC 9110, section 5.1. The parser of some supported versions of Node also reads others, such as one with a space. */
const FIELD_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** null: the request is answered. Paths are compared as sent, so that no way to write them otherwise leads anywhere. */
export function refusalOf(request: HttpRequest, rules: HttpRules): Refusal | null {
  const { method, target, headers, hostHeaders } = request;
  if (!Object.keys(headers).every((name) => FIELD_NAME.test(name))) return refuse(400, 'a header has no valid name');
  const host = hostHeaders.length === 1 ? hostOf(hostHeaders[0]) : null;
  if (host === null || !isOurs(host, request, rules)) return refuse(403, 'this host is not allowed');
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`)
    return refuse(403, 'this origin is not allowed');
  if (rules.token !== null && !hasToken(request, rules.token))
    return refuse(401, 'a bearer token is needed', { 'www-authenticate': 'Bearer realm="ravenhelm"' });
  if (!rules.paths.includes(target) && !rules.forms?.some((form) => form.test(target)))
    return refuse(404, 'there is nothing here');
  if (method !== 'GET' && method !== 'HEAD')
    return refuse(405, 'only GET and HEAD are answered', { allow: 'GET, HEAD' });
  return null;
}

const refuse = (status: Refusal['status'], error: string, headers: Refusal['headers'] = {}): Refusal => ({
  status,
  error,
  headers,
});

/** The name or address in a Host header, in lower case and without brackets and port; null: there is none. */
function hostOf(header: string | undefined): string | null {
  const [, address, name] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::\d{1,5})?$/.exec(header ?? '') ?? [];
  return (address ?? name)?.toLowerCase() ?? null;
}

/** Only names can be made to point here by others, so the address that the client has connected to is one of ours. */
function isOurs(host: string, { localAddress }: HttpRequest, { hosts }: HttpRules): boolean {
  const connected = localAddress?.replace(/^::ffff:(?=\d+\.)/, '');
  return isLoopback(host) || host === connected || hosts.some((ours) => ours.toLowerCase() === host);
}

function hasToken({ method, target, headers, nowMs }: HttpRequest, token: string): boolean {
  const signed = { method, authority: headers.host ?? '', path: target };
  return isBearer(headers.authorization, token) || isSigned(token, signed, headers, nowMs);
}

/** In a time that does not depend on where the two differ: their digests are compared. */
function isBearer(header: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
