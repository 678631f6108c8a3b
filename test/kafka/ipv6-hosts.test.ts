import { hostOf, readable, withoutColons } from '../../src/kafka/ipv6-hosts.js';

test.each(['[::1]:9092', '[fd00::2]:19092', '[::ffff:127.0.0.1]:9092', 'kafka.example:9092', '127.0.0.1:9092'])(
  '%s has one colon for kafkajs, and is itself again for the socket and for people',
  (broker) => {
    const name = withoutColons(broker);
    expect(name.split(':')).toHaveLength(2);
    const [host = ''] = name.split(':');
    expect(hostOf(host)).toBe(broker.slice(0, broker.lastIndexOf(':')).replace(/^\[|\]$/g, ''));
    expect(readable(name)).toBe(broker);
  },
);

test('a name that only looks like one stays as it is', () => {
  expect(hostOf('no-address.ipv6-literal')).toBe('no-address.ipv6-literal');
});
