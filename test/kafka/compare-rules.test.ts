import { createTopicNames, DEFAULT_PREFIX } from '../../src/domain/topic-names.js';
import { compareRules } from '../../src/kafka/acl/compare-rules.js';
import type { AccessRule } from '../../src/ports/broker-access.js';

const names = createTopicNames();
const swarm = { names, agents: ['cert_agent'] };

/** Such as "READ literal topic x", by the principal that is asked for. */
function rule(text: string, changes: Partial<AccessRule> = {}): AccessRule {
  const [operation = '', pattern, type = '', name = ''] = text.split(' ');
  const resource = { type, name, pattern: pattern === 'prefixed' ? ('prefixed' as const) : ('literal' as const) };
  return { principal: 'User:admin', host: '*', permission: 'ALLOW', operation, resource, ...changes };
}
const wanted = [rule(`READ literal topic ${names.coordination}`)];

test.each([
  `WRITE literal topic ${names.coordination}`,
  `WRITE literal topic ${names.status}`,
  `READ literal topic ${names.deadLetters}`,
  `READ literal topic ${names.tasks('cert_agent')}`,
  `READ literal topic ${names.tasks('agent-that-is-gone')}`,
  'READ literal group orchestrator',
  'READ literal group worker-cert_agent',
  `READ literal group ${DEFAULT_PREFIX}.worker-gone`,
  `READ prefixed group ${names.watchGroups('client')}`,
])('%s of the same principal can be pruned', (text) => {
  expect(compareRules(wanted, [rule(text)], swarm)).toMatchObject({ unwanted: [rule(text)], left: [] });
});

test.each([
  ['power over the cluster', rule('ALTER literal cluster kafka-cluster')],
  ['every topic', rule('READ literal topic *')],
  ['a prefix of other programs', rule('READ prefixed topic ravenhelm.')],
  ['all names of the prefix', rule(`READ prefixed topic ${DEFAULT_PREFIX}`)],
  ['a swarm inside of the prefix', rule(`READ literal topic ${DEFAULT_PREFIX}.staging.coordination`)],
  ['its tasks', rule(`READ literal topic ${DEFAULT_PREFIX}.staging.tasks.cert_agent`)],
  ['its watches', rule(`READ prefixed group ${DEFAULT_PREFIX}.staging.watch.client.`)],
  ['all groups that begin as this one', rule('READ prefixed group worker-')],
  ['another host', rule(`WRITE literal topic ${names.coordination}`, { host: '10.0.0.5' })],
])('a rule about %s is listed, and never pruned', (_, found) => {
  expect(compareRules(wanted, [found], swarm)).toMatchObject({ unwanted: [], left: [found] });
});

test('rules about other names, and of others, are not pruned', () => {
  const elsewhere = rule('READ literal topic billing');
  const ofAnother = rule(`WRITE literal topic ${names.status}`, { principal: 'User:other' });
  expect(compareRules(wanted, [...wanted, elsewhere, ofAnother], swarm)).toEqual({
    missing: [],
    present: wanted,
    unwanted: [],
    left: [],
    ofOthers: [ofAnother],
  });
});
