/** `network:` as files and programs write it. */
import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { hostAndPort, MOST_NETWORK_HOSTS, type NetworkHost } from '../domain/network.js';
import { quoted } from '../domain/quoted.js';
import { isInRange, RANGES } from '../domain/ranges.js';
import type { Problem } from './config-error.js';
import type { Path } from './yaml-source.js';

const MOST_ADDRESSES = 16;
const PORT = RANGES['network port'];
const EXAMPLE = 'registry.npmjs.org:443';

const entrySchema = z.union(
  [z.string(), z.strictObject({ host: z.string(), addresses: z.array(z.string()).min(1).max(MOST_ADDRESSES) })],
  `must be host:port, or a map of host (host:port) and addresses (1 to ${MOST_ADDRESSES} private addresses or ranges)`,
);

export const networkSchema = z
  .array(entrySchema)
  .max(MOST_NETWORK_HOSTS, `must have at most ${MOST_NETWORK_HOSTS} hosts`)
  .describe('What its commands may reach, each host:port.');

/** A host and port, or with the private addresses that the name may resolve to. */
export type NetworkEntry = string | { readonly host: string; readonly addresses: readonly string[] };

interface Fault {
  readonly message: string;
  readonly fix: string;
}

/** What is wrong with each entry, with its place. */
export function networkProblems(
  entries: readonly NetworkEntry[],
  problemAt: (path: Path, message: string, fix: string) => Problem,
): readonly Problem[] {
  const seen = new Set<string>();
  return entries.flatMap((entry, index) => {
    const isText = typeof entry === 'string';
    const written = isText ? entry : entry.host;
    const path = ['network', index, ...(isText ? [] : ['host'])];
    const read = readHostAndPort(written);
    if ('fix' in read) return [problemAt(path, `${quoted(written)} ${read.message}`, read.fix)];
    const name = hostAndPort(read);
    if (seen.has(name)) return [problemAt(path, `the host ${quoted(name)} is named twice`, 'name it once')];
    seen.add(name);
    if (isText) return [];
    if (isIPv4(read.host) || isIPv6(read.host) || read.host === 'localhost')
      return [
        problemAt(
          ['network', index, 'addresses'],
          `${quoted(name)} names its addresses itself`,
          `write "${name}" without addresses`,
        ),
      ];
    return entry.addresses.flatMap((range, at) => {
      const fault = rangeFault(range);
      return fault === null
        ? []
        : [problemAt(['network', index, 'addresses', at], `${quoted(range)} ${fault.message}`, fault.fix)];
    });
  });
}

/** Of entries without problems. */
export function networkHosts(entries: readonly NetworkEntry[]): readonly NetworkHost[] {
  return entries.flatMap((entry) => {
    const read = readHostAndPort(typeof entry === 'string' ? entry : entry.host);
    return 'fix' in read ? [] : [{ ...read, addresses: typeof entry === 'string' ? [] : entry.addresses }];
  });
}

type Read = Pick<NetworkHost, 'host' | 'port'> | Fault;

function readHostAndPort(written: string): Read {
  const general = formFault(written);
  if (general !== null) return general;
  const parts = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:]*)):(?<port>\d{1,5})$/.exec(written)?.groups;
  if (parts === undefined) return withoutPort(written);
  const port = Number(parts['port']);
  if (!isInRange(PORT, port))
    return { message: 'has no such port', fix: `use a port from ${PORT.least} to ${PORT.most}` };
  const host = parts['v6'] === undefined ? readName(parts['name'] ?? '') : readIPv6(parts['v6']);
  return typeof host === 'string' ? { host, port } : host;
}

function formFault(written: string): Fault | null {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(written))
    return { message: 'is a URL', fix: `write the host and the port only, such as ${EXAMPLE}` };
  if (/[*?]/.test(written))
    return {
      message: 'is a pattern',
      fix: 'name each host: with a pattern an agent could send data out in the names that it looks up',
    };
  if (written.includes('@')) return { message: 'has a user', fix: `write the host and the port only (${EXAMPLE})` };
  if (written.includes('/')) return { message: 'has a path', fix: `write the host and the port only (${EXAMPLE})` };
  return null;
}

function withoutPort(written: string): Fault {
  if (isIPv6(written)) return { message: 'is an IPv6 address without brackets', fix: `write [${written}]:PORT` };
  if (/^[^:]+$|^\[[^\]]*\]$/.test(written))
    return { message: 'has no port', fix: `write ${written}:443, or another port` };
  return { message: 'is not host:port', fix: `write a host and a port, such as ${EXAMPLE}` };
}

/** A name in lower case or an IPv4 address. */
function readName(written: string): string | Fault {
  const name = written.toLowerCase();
  if (isIPv4(name)) return isReachable(name) ? name : NOT_A_HOST;
  // As the URL standard says: such a name is an IPv4 address in another form, as 127.1 and 0x7f000001 are.
  if (/(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/.test(name))
    return { message: 'has an IPv4 address in an unusual form', fix: 'write it as four decimal numbers' };
  if (name.endsWith('.')) return { message: 'ends in a dot', fix: 'leave the dot out' };
  if (/[^\x21-\x7e]/.test(name))
    return { message: 'has characters that are not ASCII', fix: 'write the name as DNS has it (xn--…)' };
  const isName =
    name.length <= 253 && name.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  return isName ? name : { message: 'has no valid host name', fix: `write a name or an address, such as ${EXAMPLE}` };
}

const NOT_A_HOST: Fault = {
  message: 'is not the address of one host',
  fix: 'name a host that can be connected to',
};

/** 0.0.0.0/8, multicast, reserved addresses and broadcast are no hosts. */
function isReachable(address: string): boolean {
  const first = Number(address.split('.')[0]);
  return first !== 0 && first < 224;
}

function readIPv6(written: string): string | Fault {
  if (written.includes('%')) return { message: 'has a zone', fix: 'write the address without %' };
  if (!isIPv6(written)) return { message: 'has no IPv6 address in the brackets', fix: 'write [2001:db8::1]:443' };
  const address = shortIPv6(written);
  if (/^::(ffff:)?[0-9a-f]+:[0-9a-f]+$/.test(address))
    return { message: 'has an IPv4 address inside an IPv6 address', fix: 'write the IPv4 address' };
  if (/^fe[89ab]/.test(address))
    return {
      message: 'has a link-local IPv6 address, which means nothing without the zone of one computer',
      fix: 'name another address of the host, or its name',
    };
  return address === '::' || address.startsWith('ff') ? NOT_A_HOST : address;
}

/** The short form (RFC 5952), as URLs have it. */
const shortIPv6 = (address: string): string => new URL(`http://[${address}]/`).hostname.slice(1, -1);

/** The largest private ranges are 10.0.0.0/8 and fc00::/7. */
const SHORTEST_PREFIX = { 4: 8, 6: 7 } as const;
const LONGEST_PREFIX = { 4: 32, 6: 128 } as const;

function rangeFault(range: string): Fault | null {
  const [address = '', length, ...more] = range.split('/');
  const family = isIPv4(address) ? 4 : isIPv6(address) && !address.includes('%') ? 6 : null;
  if (family === null || more.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length)))
    return { message: 'is no address and no range', fix: 'write an address, or a range such as 10.0.0.0/8' };
  const prefix = length === undefined ? LONGEST_PREFIX[family] : Number(length);
  if (prefix < SHORTEST_PREFIX[family] || prefix > LONGEST_PREFIX[family])
    return {
      message: 'is too large a range, or none',
      fix: `write /${SHORTEST_PREFIX[family]} to /${LONGEST_PREFIX[family]}`,
    };
  return null;
}
