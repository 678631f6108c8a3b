/**
 * Requests that are signed with the token instead of having it: for servers whose address is not from the settings. One
 * that is not ours learns nothing that another server of ours accepts. HTTP Message Signatures (RFC 9421), hmac-sha256.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface SignedRequest {
  readonly method: string;
  /** The Host header. */
  readonly authority: string;
  /** Without a query. */
  readonly path: string;
}

const COMPONENTS = '("@method" "@authority" "@path")';
const INPUT = /^sig1=(\("@method" "@authority" "@path"\);created=(\d{1,12});alg="hmac-sha256")$/;
/** How far the two clocks may differ, and how long a signature counts. */
const TOLERANCE_SECONDS = 300;

/** @param nowMs ms since the epoch */
export function signatureHeaders(token: string, request: SignedRequest, nowMs: number): Record<string, string> {
  const parameters = `${COMPONENTS};created=${Math.floor(nowMs / 1_000)};alg="hmac-sha256"`;
  const signature = signatureOf(token, request, parameters).toString('base64');
  return { 'signature-input': `sig1=${parameters}`, signature: `sig1=:${signature}:` };
}

/** Whether a request was signed with this token, for this server, within the last minutes. */
export function isSigned(token: string, request: SignedRequest, headers: IncomingHttpHeaders, nowMs: number): boolean {
  const [, parameters, created] = INPUT.exec(textOf(headers['signature-input'])) ?? [];
  const [, given] = /^sig1=:([A-Za-z\d+/]{43}=):$/.exec(textOf(headers['signature'])) ?? [];
  if (parameters === undefined || given === undefined) return false;
  if (Math.abs(nowMs / 1_000 - Number(created)) > TOLERANCE_SECONDS) return false;
  return timingSafeEqual(Buffer.from(given, 'base64'), signatureOf(token, request, parameters));
}

/** Section 2.5 of the RFC: the signature base. */
function signatureOf(token: string, { method, authority, path }: SignedRequest, parameters: string): Buffer {
  const lines = [
    `"@method": ${method}`,
    `"@authority": ${authority.toLowerCase()}`,
    `"@path": ${path}`,
    `"@signature-params": ${parameters}`,
  ];
  return createHmac('sha256', token).update(lines.join('\n')).digest();
}

const textOf = (header: string | readonly string[] | undefined): string => (typeof header === 'string' ? header : '');
