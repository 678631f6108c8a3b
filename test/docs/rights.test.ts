import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTopicPlan } from '../../src/avro/topic-plan.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { ACCESS_ROLES, rightsOf, type AccessRole, type UsedRight } from '../../src/kafka/acl/swarm-rights.js';
import { PROJECT, readPage } from './support/markdown.js';

const names = createTopicNames();
const AGENT = '{agent}';
const plan = parseTopicPlan('topics.yaml', readFileSync(join(PROJECT, 'topics.yaml'), 'utf8'), names, [AGENT]);
const rightsIn = (role: AccessRole, agent: string | null = null) =>
  rightsOf({ role, agent, createsTopics: false }, { names, agents: [AGENT], plan });

/** A table's rows: one for each topic, group or beginning of groups. */
function rowsOf(title: string, rights: readonly UsedRight[]): readonly string[] {
  const byResource = new Map<string, string[]>();
  for (const {
    operation,
    resource: { type, name, pattern },
  } of rights) {
    const where = pattern === 'prefixed' ? `${type}s \`${name}*\`` : `${type} \`${name}\``;
    byResource.set(where, [...(byResource.get(where) ?? []), operation]);
  }
  return [...byResource].map(([where, operations]) => `| ${title} | ${where} | ${operations.join(', ')} |`);
}

const wanted = [
  ...rowsOf('orchestrator', rightsIn('orchestrator')),
  ...rowsOf('worker', rightsIn('worker')),
  ...rowsOf(
    'worker for one agent, instead',
    rightsIn('worker', AGENT).filter(({ resource }) => resource.pattern === 'prefixed'),
  ),
  ...rowsOf('client', rightsIn('client')),
  ...rowsOf(
    'operator, also',
    rightsIn('operator').filter((right) => !isIn(rightsIn('client'), right)),
  ),
  ...rowsOf('observer', rightsIn('observer')),
  ...rowsOf('setup', rightsIn('setup')),
];

function isIn(rights: readonly UsedRight[], { operation, resource }: UsedRight): boolean {
  return rights.some((each) => each.operation === operation && each.resource.name === resource.name);
}

describe('the table of rights in docs/operations.md', () => {
  const [, section = ''] = readPage('docs/operations.md').split('\n## Rights on the brokers\n');
  const rows = (section.split('\n## ')[0] ?? '').match(/^\| (?!role |---).* \|$/gm) ?? [];

  test('is what ravenhelm acl gives', () => {
    expect(rows).toEqual(wanted);
  });

  test('names every role', () => {
    for (const role of ACCESS_ROLES) expect(section).toContain(role);
  });
});
