/** Where the endpoint of a process listens, and who can reach it there. */
import { BlockList, isIP } from 'node:net';

export interface HttpAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8); // and ::ffff:127.0.0.0/104, by BlockList's own rule
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Whether only this computer can reach it. Of names only localhost counts: what another one means is decided by a
 * resolver, and may change.
 */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

const UNSPECIFIED = new BlockList();
UNSPECIFIED.addAddress('0.0.0.0');
UNSPECIFIED.addAddress('::', 'ipv6');

/** Whether it means all addresses of this computer, and so is the name of none. */
export function isUnspecified(host: string): boolean {
  const family = isIP(host);
  return family !== 0 && UNSPECIFIED.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
