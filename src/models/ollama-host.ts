import { isIP } from 'node:net';
import { withoutCredentials } from './endpoint.js';

const DEFAULT_PORT = '11434';

/** OLLAMA_HOST is not an address. */
export class OllamaHostError extends Error {
  readonly code = 'ollama_host';
  readonly retriable = false;
}

/**
 * The server's URL from OLLAMA_HOST, in the forms that ollama accepts: host, host:port, :port, an IPv6 address with or
 * without brackets, or a URL, with user:password@ for a proxy in front of the server. Empty means
 * http://127.0.0.1:11434. A server listens on all addresses with 0.0.0.0; clients then use the loopback address. A
 * query is left out, and so is /api or /v1 at the end of a path: it belongs to the paths of the API.
 * Throws OllamaHostError, whose message shows no credentials.
 */
export function ollamaUrl(host: string | null): string {
  const given = (host ?? '').trim().replace(/^["']|["']$/g, '');
  if (given === '') return `http://127.0.0.1:${DEFAULT_PORT}`;
  // Ollama's own cloud, as ollama itself reads it.
  if (given.toLowerCase() === 'ollama.com') return 'https://ollama.com:443';
  const [, scheme, afterScheme] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(given) ?? [null, undefined, given];
  const parts = partsOf(afterScheme ?? '');
  const protocol = scheme?.toLowerCase();
  const url = parts === null ? null : urlOf(protocol ?? 'http', parts, defaultPort(protocol));
  if (url !== null && (protocol === undefined || protocol === 'http' || protocol === 'https')) return url;
  throw new OllamaHostError(
    `OLLAMA_HOST is "${withoutCredentials(given)}", which is not an address; use host, host:port or http://host:port`,
  );
}

interface Parts {
  /** user:password@, or nothing. */
  readonly credentials: string;
  readonly host: string;
  /** Empty: none was given. */
  readonly port: string;
  readonly path: string;
}

function partsOf(text: string): Parts | null {
  const [, authority = '', path = ''] = /^([^/?#]*)([^?#]*)/.exec(text) ?? [];
  const at = authority.lastIndexOf('@');
  const credentials = authority.slice(0, at + 1);
  const address = authority.slice(at + 1);
  if (isIP(address) === 6) return { credentials, host: `[${address}]`, port: '', path };
  const found = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(address);
  if (found === null) return null;
  return { credentials, host: found[1] ?? '', port: found[2] ?? '', path };
}

/** As in ollama: a URL without a port has its scheme's default port, anything else 11434. */
function defaultPort(protocol: string | undefined): string {
  if (protocol === undefined) return DEFAULT_PORT;
  return protocol === 'https' ? '443' : '80';
}

function urlOf(protocol: string, { credentials, host, port, path }: Parts, otherwise: string): string | null {
  if (host === '' && port === '') return null;
  const text = `${protocol}://${credentials}${host || '127.0.0.1'}:${port || otherwise}`;
  // The URL class checks host and port, but drops a port that is the scheme's default.
  if (/\s/.test(text) || !URL.canParse(text)) return null;
  const { hostname } = new URL(text);
  const name = hostname === '0.0.0.0' ? '127.0.0.1' : hostname === '[::]' ? '[::1]' : hostname;
  const prefix = path.replace(/\/+$/, '').replace(/\/(?:api|v1)$/, '');
  return `${protocol}://${credentials}${name}:${port || otherwise}${prefix.replace(/\/+$/, '')}`;
}
