import { BlockList, isIP } from 'node:net';
import { withoutCredentials } from './endpoint.js';

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY as they were written; null: not set. */
export interface ProxySettings {
  readonly http: string | null;
  readonly https: string | null;
  readonly no: string | null;
}

export const NO_PROXIES: ProxySettings = { http: null, https: null, no: null };

/** HTTP_PROXY or HTTPS_PROXY is not the address of a proxy. */
export class ProxyError extends Error {
  readonly code = 'proxy';
  readonly retriable = false;
}

/**
 * A proxy's URL: http://host:port, https://host:port or host:port, with user:password@ where the proxy asks for it.
 * Throws ProxyError; its message shows no credentials.
 */
export function proxyUrl(text: string): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (URL.canParse(url) && ['http:', 'https:'].includes(new URL(url).protocol) && new URL(url).hostname !== '')
    return url;
  throw new ProxyError(`"${withoutCredentials(text)}" is not a proxy; use http://host:port or https://host:port`);
}

/**
 * The proxy for a URL; null: none. As Go and curl decide, and Go where they differ: loopback addresses never pass a
 * proxy, because a proxy elsewhere cannot reach this computer's Ollama. https uses HTTPS_PROXY only, http HTTP_PROXY.
 */
export function proxyFor(url: URL, proxies: ProxySettings): string | null {
  const proxy = url.protocol === 'https:' ? proxies.https : proxies.http;
  if (proxy === null || proxy === '') return null;
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase();
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  if (isThisComputer(host) || (proxies.no ?? '').split(/[,\s]+/).some((entry) => exempts(entry, host, port)))
    return null;
  return proxyUrl(proxy);
}

/** As Go decides: names below localhost, too. */
function isThisComputer(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || inSubnet(host, '127.0.0.0/8') || host === '::1';
}

/** One entry of NO_PROXY: *, a name (its subdomains too), .name, *.name, an address, address/bits; each with :port. */
function exempts(entry: string, host: string, port: number): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  if (entry.includes('/')) return inSubnet(host, entry);
  const withPort = isIP(entry) === 0 ? /^(.+):(\d+)$/.exec(entry) : null;
  if (withPort !== null && Number(withPort[2]) !== port) return false;
  const name = (withPort?.[1] ?? entry).replace(/^\*?\.|^\[|\]$/g, '').toLowerCase();
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}

function inSubnet(host: string, subnet: string): boolean {
  const [net = '', bits = ''] = subnet.replace(/[[\]]/g, '').split('/');
  const family = isIP(net);
  if (family === 0 || isIP(host) !== family || !/^\d+$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    return false;
  const list = new BlockList();
  list.addSubnet(net, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
