/** The network as programs in the sandbox see it: addresses, names, variables, and what the relay listens on. */
import { isIPv4, isIPv6 } from 'node:net';
import { hostAndPort, type NetworkHost } from '../../domain/network.js';
import type { Account } from '../account.js';

/** Loopback addresses that nothing else uses: the proxy has the first, each name one more. */
const LOOPBACK = '127.77.0.';
const PROXY_ADDRESS = `${LOOPBACK}1`;
const PROXY_PORT = 3128;
const LOCALHOST = ['127.0.0.1', '::1'];

/** By name, the loopback address where the relay listens for it. Addresses and localhost keep their own. */
function mappedNames(hosts: readonly NetworkHost[]): ReadonlyMap<string, string> {
  const names = hosts.map(({ host }) => host).filter((host) => !isAddress(host) && host !== 'localhost');
  return new Map([...new Set(names)].map((name, index) => [name, `${LOOPBACK}${index + 2}`]));
}

const isAddress = (host: string): boolean => isIPv4(host) || isIPv6(host);

/** More lines of /etc/hosts. */
export function hostLines(hosts: readonly NetworkHost[]): string {
  return [...mappedNames(hosts)].map(([name, address]) => `${address} ${name}\n`).join('');
}

/** Variables that HTTP clients read. Servers in the sandbox itself are reached without the proxy. */
export function proxyVariables(): Readonly<Record<string, string>> {
  const proxy = `http://${PROXY_ADDRESS}:${PROXY_PORT}`;
  const local = 'localhost,127.0.0.1,::1';
  return {
    http_proxy: proxy,
    https_proxy: proxy,
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    no_proxy: local,
    NO_PROXY: local,
  };
}

export interface RelayOptions {
  readonly hosts: readonly NetworkHost[];
  /** The gateway's sockets. */
  readonly proxy: string;
  readonly direct: string;
  /** The user that the relay becomes when the worker is root; null: it stays what it is. */
  readonly account: Account | null;
}

/** The relay's request; the head of bin/ravenhelm-relay.pl says what its lines mean. */
export function relayRequest({ hosts, proxy, direct, account }: RelayOptions): string {
  const names = mappedNames(hosts);
  const added = new Set(hosts.map(({ host }) => host).filter((host) => isAddress(host) && !isInEachSandbox(host)));
  const listeners = new Map<string, string>([[`${hexAddress(PROXY_ADDRESS)} ${PROXY_PORT}`, `- ${proxy}`]]);
  for (const entry of hosts)
    for (const address of addressesOf(entry.host, names)) {
      // localhost and 127.0.0.1 may both be named, with one port.
      const place = `${hexAddress(address)} ${entry.port}`;
      if (!listeners.has(place)) listeners.set(place, `${hostAndPort(entry)} ${direct}`);
    }
  const lines = [
    ...(account === null ? [] : [`account ${account.uid} ${account.gid}`]),
    ...[...added].map((address) => `address ${hexAddress(address)}`),
    ...[...listeners].map(([place, target]) => `listen ${place} ${target}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function addressesOf(host: string, names: ReadonlyMap<string, string>): readonly string[] {
  if (host === 'localhost') return LOCALHOST;
  return [names.get(host) ?? host];
}

/** What a sandbox has without the relay. */
const isInEachSandbox = (address: string): boolean => address.startsWith('127.') || address === '::1';

/** The bytes of an address in network order: 8 or 32 hexadecimal digits. */
function hexAddress(address: string): string {
  const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');
  if (isIPv4(address))
    return address
      .split('.')
      .map((part) => hex(Number(part), 2))
      .join('');
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => hex(parseInt(group, 16), 4)));
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0000');
  return [...before, ...zeros, ...after].join('');
}
