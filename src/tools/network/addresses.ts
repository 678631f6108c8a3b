/** Which addresses are reached only if they are named: all that are not public. */
import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { NetworkHost } from '../../domain/network.js';

/** By kind: the special-purpose registries of IANA (RFC 6890 and its updates), each range with its length. */
const RANGES: readonly (readonly [kind: string, ...ranges: readonly string[]])[] = [
  // The settings and credentials that clouds serve to their machines; no range names these, only the address itself.
  [
    'metadata',
    ...['169.254.169.254/32', '169.254.170.2/32', '169.254.170.23/32', '100.100.100.200/32', '168.63.129.16/32'],
    ...['192.0.0.192/32', '169.254.42.42/32', 'fd00:ec2::254/128', 'fd00:ec2::23/128', 'fd20:ce::254/128'],
    ...['fd00:c1::a9fe:a9fe/128', 'fd00:42::42/128'],
  ],
  ['loopback', '127.0.0.0/8', '::1/128'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10'],
  ['link-local', '169.254.0.0/16', 'fe80::/10'],
  ['multicast', '224.0.0.0/4', 'ff00::/8'],
  [
    'special',
    ...['0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24'],
    ...['203.0.113.0/24', '240.0.0.0/4', '100::/64', '2001::/23', '2001:db8::/32', '3fff::/20', '5f00::/16'],
    // IPv6 addresses with an IPv4 address inside: compatible, mapped, translated, NAT64, 6to4.
    ...['::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16'],
  ],
];

/** All unicast addresses that IANA gives out are in here; others may mean anything in a private network. */
const GLOBAL_UNICAST = '2000::/3';

type Family = 'ipv4' | 'ipv6';
const familyOf = (address: string): Family => (isIPv4(address) ? 'ipv4' : 'ipv6');

/** Of one family: a BlockList takes every IPv4 address for one in ::ffff:0:0/96. */
function listOf(ranges: readonly string[], family: Family): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', length] = range.split('/');
    if (familyOf(address) !== family) continue;
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  return list;
}

const LISTS = RANGES.map(([kind, ...ranges]) => ({
  kind,
  ipv4: listOf(ranges, 'ipv4'),
  ipv6: listOf(ranges, 'ipv6'),
}));

const GLOBAL = listOf([GLOBAL_UNICAST], 'ipv6');

/** The zone of a link-local address, such as %eth0. */
const withoutZone = (address: string): string => address.replace(/%.*$/, '');

const isIn = (address: string, ranges: readonly string[]): boolean =>
  listOf(ranges, familyOf(address)).check(address, familyOf(address));

/** By range, at which of its 16-bit groups the IPv4 address begins. */
const INNER: readonly (readonly [range: string, group: number])[] = [
  ['::/96', 6],
  ['::ffff:0:0/96', 6],
  ['::ffff:0:0:0/96', 6],
  ['64:ff9b::/96', 6],
  ['64:ff9b:1::/48', 6],
  ['2002::/16', 1],
];

/** The IPv4 address that an IPv6 address contains; null: none. */
function innerAddress(address: string): string | null {
  if (familyOf(address) === 'ipv4') return null;
  const [, group] = INNER.find(([range]) => listOf([range], 'ipv6').check(address, 'ipv6')) ?? [];
  if (group === undefined) return null;
  const [head = '', tail = ''] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const groups = [...before, ...zeros, ...after].slice(group, group + 2).map((text) => parseInt(text, 16));
  return groups.flatMap((number) => [number >> 8, number & 0xff]).join('.');
}

/**
 * Why an address is special: loopback, private and others; null: it is public. One with an IPv4 address inside is
 * special at any rate; where that is a metadata address, so is the whole.
 * @param own the addresses of this computer
 */
export function specialKind(address: string, own: readonly string[]): string | null {
  const plain = withoutZone(address);
  const family = familyOf(plain);
  const found = LISTS.find((list) => list[family].check(plain, family))?.kind;
  const inner = innerAddress(plain);
  if (inner !== null && specialKind(inner, own) === 'metadata') return 'metadata';
  if (found !== undefined) return found;
  if (own.includes(plain)) return 'of this computer';
  return family === 'ipv6' && !GLOBAL.check(plain, 'ipv6') ? 'special' : null;
}

/** The addresses of this computer's network interfaces, which may be public. */
export function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}

/** Why a host's name may not lead to this address; null: it may. */
export function addressProblem(entry: NetworkHost, address: string, own: readonly string[]): string | null {
  const kind = specialKind(address, own);
  if (kind === null || entry.host === address) return null;
  if (kind === 'loopback' && entry.host === 'localhost') return null;
  const plain = withoutZone(address);
  // A range names no metadata address: its author may not know that it is in there.
  const named = kind === 'metadata' ? entry.addresses.filter((range) => !range.includes('/')) : entry.addresses;
  return isIn(plain, named) ? null : kind;
}
