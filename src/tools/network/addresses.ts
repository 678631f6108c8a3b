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
    ...['192.0.0.192/32', 'fd00:ec2::254/128', 'fd00:ec2::23/128'],
  ],
  ['loopback', '127.0.0.0/8', '::1/128'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10'],
  ['link-local', '169.254.0.0/16', 'fe80::/10'],
  ['multicast', '224.0.0.0/4', 'ff00::/8'],
  [
    'special',
    ...['0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24'],
    ...['203.0.113.0/24', '240.0.0.0/4', '100::/64', '2001::/23', '2001:db8::/32', '3fff::/20', '5f00::/16'],
    // IPv6 addresses with an IPv4 address inside: mapped, compatible, NAT64, 6to4.
    ...['::/96', '::ffff:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16'],
  ],
];

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

/** The zone of a link-local address, such as %eth0. */
const withoutZone = (address: string): string => address.replace(/%.*$/, '');

const isIn = (address: string, ranges: readonly string[]): boolean =>
  listOf(ranges, familyOf(address)).check(address, familyOf(address));

/**
 * Why an address is special: loopback, private and others; null: it is public.
 * @param own the addresses of this computer
 */
export function specialKind(address: string, own: readonly string[]): string | null {
  const plain = withoutZone(address);
  const family = familyOf(plain);
  const found = LISTS.find((list) => list[family].check(plain, family));
  return found?.kind ?? (own.includes(plain) ? 'of this computer' : null);
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
