import { isIPv6 } from 'node:net';

/**
 * kafkajs 2.2.4 splits host:port at the first colon (cluster/connectionPoolBuilder.js, #1589): `[::1]:9092` becomes the
 * host `[`. So it gets a name without colons for such a host, and the socket factory turns it back.
 */
const ENDING = '.ipv6-literal';

/** host:port as kafkajs takes it. */
export function withoutColons(broker: string): string {
  const [, address, port] = /^\[([^\]]+)\]:(\d+)$/.exec(broker) ?? [];
  return address === undefined ? broker : `${address.replaceAll(':', '-')}${ENDING}:${port}`;
}

/** The host as the system takes it; any other host stays as it is. */
export function hostOf(name: string): string {
  if (!name.endsWith(ENDING)) return name;
  const address = name.slice(0, -ENDING.length).replaceAll('-', ':');
  return isIPv6(address) ? address : name;
}

/** host:port for people and for the settings, from what kafkajs has: an IPv6 address in brackets. */
export function readable(broker: string): string {
  const colon = broker.lastIndexOf(':');
  const host = hostOf(broker.slice(0, colon).replace(/^\[|\]$/g, ''));
  return `${isIPv6(host) ? `[${host}]` : host}${broker.slice(colon)}`;
}
