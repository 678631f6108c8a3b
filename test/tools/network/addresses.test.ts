import { addressProblem, specialKind } from '../../../src/tools/network/addresses.js';
import type { NetworkHost } from '../../../src/domain/network.js';

const host = (name: string, ...addresses: readonly string[]): NetworkHost => ({ host: name, port: 443, addresses });

describe('an address', () => {
  test.each(['1.1.1.1', '104.16.0.1', '172.15.0.1', '172.32.0.1', '100.63.0.1', '2606:4700::1111', '2a00:1450::1'])(
    '%s is public',
    (address) => expect(specialKind(address, [])).toBeNull(),
  );

  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.1.2', 'loopback'],
    ['::1', 'loopback'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12::1', 'private'],
    ['169.254.1.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['169.254.169.254', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['fd00:ec2::254', 'metadata'],
    ['224.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['0.0.0.0', 'special'],
    ['255.255.255.255', 'special'],
    ['198.18.0.1', 'special'],
    ['::', 'special'],
    ['::127.0.0.1', 'special'],
    ['::ffff:127.0.0.1', 'special'],
    ['::ffff:7f00:1', 'special'],
    ['::ffff:1.1.1.1', 'special'],
    ['64:ff9b::7f00:1', 'special'],
    ['2002:7f00:1::', 'special'],
    ['2001:0:7f00:1::', 'special'],
    ['::ffff:0:127.0.0.1', 'special'],
    ['4000::1', 'special'],
    ['fd20:ce::254', 'metadata'],
    ['fd00:c1::a9fe:a9fe', 'metadata'],
    ['169.254.42.42', 'metadata'],
    ['fd00:42::42', 'metadata'],
    ['::ffff:169.254.169.254', 'metadata'],
    ['::ffff:0:169.254.169.254', 'metadata'],
    ['64:ff9b::a9fe:a9fe', 'metadata'],
    ['64:ff9b:1::a9fe:a9fe', 'metadata'],
    ['2002:a9fe:a9fe::1', 'metadata'],
  ])('%s is %s', (address, kind) => expect(specialKind(address, [])).toBe(kind));

  test('of this computer is special, although it is public', () => {
    expect(specialKind('1.1.1.1', ['1.1.1.1'])).toBe('of this computer');
  });
});

describe('a name may lead to', () => {
  test.each([
    [host('a.example'), '1.1.1.1'],
    [host('10.0.0.5'), '10.0.0.5'],
    [host('::1'), '::1'],
    [host('localhost'), '127.0.0.1'],
    [host('localhost'), '::1'],
    [host('db', '10.0.0.0/8'), '10.200.0.1'],
    [host('db', '10.0.0.7'), '10.0.0.7'],
    [host('db', 'fd00::/8'), 'fd12::1'],
    [host('db', '127.0.0.1'), '127.0.0.1'],
    [host('169.254.169.254'), '169.254.169.254'],
    [host('metadata', '169.254.169.254'), '169.254.169.254'],
  ])('%j: %s', (entry, address) => expect(addressProblem(entry, address, [])).toBeNull());
});

describe('a name may not lead to', () => {
  test.each([
    [host('a.example'), '10.0.0.5', 'private'],
    [host('a.example'), '127.0.0.1', 'loopback'],
    [host('a.example'), '169.254.169.254', 'metadata'],
    [host('a.example'), '::ffff:10.0.0.5', 'special'],
    [host('localhost'), '10.0.0.5', 'private'],
    [host('db', '10.0.0.0/8'), '192.168.0.1', 'private'],
    [host('db', '10.0.0.0/8'), '127.0.0.1', 'loopback'],
    [host('db', '169.254.0.0/16'), '169.254.169.254', 'metadata'],
    [host('db', '0.0.0.0/8'), '::ffff:0.0.0.1', 'special'],
    [host('db', '64:ff9b::/96'), '64:ff9b::a9fe:a9fe', 'metadata'],
    [host('10.0.0.5'), '10.0.0.6', 'private'],
  ])('%j: %s, which is %s', (entry, address, kind) => expect(addressProblem(entry, address, [])).toBe(kind));
});
