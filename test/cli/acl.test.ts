import { parse } from 'yaml';
import { accessRuleKey, type AccessRule } from '../../src/ports/broker-access.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
}, 180_000);
afterAll(() => clone.remove());

const acl = (...argv: string[]) => runInPipe(clone, ['acl', ...argv]);

describe('ravenhelm acl print', () => {
  test('prints every role but swarm, with what each right is used for; needs no broker', async () => {
    const { code, stdout } = await acl('print');
    expect(code).toBe(0);
    const rows = stdout.trimEnd().split('\n');
    expect(rows[0]).toMatch(/^PRINCIPAL +HOST +RIGHT +ON +USE$/);
    expect(rows).toContainEqual(
      expect.stringMatching(
        /^User:ravenhelm-worker +\* +READ +topic ravenhelm\.squad\.tasks\.first_agent +reads its tasks$/,
      ),
    );
    const principals = new Set(rows.slice(1).map((row) => row.split(' ')[0]));
    expect([...principals].sort()).toEqual(
      ['client', 'observer', 'operator', 'orchestrator', 'setup', 'worker'].map((role) => `User:ravenhelm-${role}`),
    );
  }, 60_000);

  test('a worker for one agent has nothing on the topic and group of another', async () => {
    const { stdout } = await acl('print', 'worker', '--agent', 'first_agent', '--json');
    const { rules } = JSON.parse(stdout);
    expect(new Set(rules.map(({ principal }: { principal: string }) => principal))).toEqual(
      new Set(['User:ravenhelm-worker-first_agent']),
    );
    expect(stdout).toContain('"ravenhelm.squad.tasks.first_agent"');
    expect(stdout).not.toContain('second_agent');
    expect(stdout).not.toContain('watch.workers.');
  }, 60_000);

  test('--each-agent gives one principal for each agent in place of one for all', async () => {
    const { stdout } = await acl('print', 'worker', '--each-agent');
    const principals = new Set([...stdout.matchAll(/^User:\S+/gm)].map(([name]) => name));
    expect([...principals]).toEqual(['User:ravenhelm-worker-first_agent', 'User:ravenhelm-worker-second_agent']);
  }, 60_000);

  test('--create-topics adds CREATE, which setup has in any case', async () => {
    const creates = async (...argv: string[]) => (await acl('print', ...argv)).stdout.match(/ CREATE /g)?.length ?? 0;
    expect([
      await creates('orchestrator'),
      await creates('orchestrator', '--create-topics'),
      await creates('setup'),
      await creates('client', '--create-topics'),
    ]).toEqual([0, 5, 5, 0]);
  }, 60_000);

  test('as commands for the tools of Kafka and Redpanda, one for each resource', async () => {
    const named = ['worker', '--agent', 'first_agent', '--principal', "User:CN=it's,O=x", '--host', '10.0.0.5'];
    expect((await acl('print', ...named, '--format', 'kafka-acls')).stdout.split('\n')).toContain(
      'kafka-acls.sh --bootstrap-server "$BROKERS" --command-config admin.properties --add ' +
        "--allow-principal 'User:CN=it'\\''s,O=x' --allow-host '10.0.0.5' " +
        '--operation Read --operation Write --operation DescribeConfigs ' +
        "--topic 'ravenhelm.squad.tasks.first_agent' --resource-pattern-type literal",
    );
    expect((await acl('print', ...named, '--format', 'rpk')).stdout.split('\n')).toContain(
      `rpk security acl create --allow-principal '"User:CN=it'\\''s,O=x"' --allow-host '10.0.0.5' ` +
        "--operation read,delete --group 'ravenhelm.squad.watch.worker-first_agent.' --resource-pattern-type prefixed",
    );
  }, 60_000);

  test.each([
    ['2001:db8::1', '2001:db8:0:0:0:0:0:1'],
    ['2001:0DB8:0:0:1::', '2001:db8:0:0:1:0:0:0'],
    ['fe80:1:2:3:4:5:6:7', 'fe80:1:2:3:4:5:6:7'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['::ffff:10.0.0.5', '10.0.0.5'],
  ])('the host %s is written as brokers write it', async (typed, written) => {
    const { stdout } = await acl('print', 'observer', '--host', typed, '--json');
    expect(JSON.parse(stdout).rules[0].host).toBe(written);
  });

  test('several roles of one principal have each right once', async () => {
    const { stdout } = await acl('print', 'client', 'operator', 'setup', '--principal', 'User:ann', '--json');
    const { rules }: { readonly rules: readonly AccessRule[] } = JSON.parse(stdout);
    expect(new Set(rules.map(({ principal }) => principal))).toEqual(new Set(['User:ann']));
    expect(new Set(rules.map(accessRuleKey)).size).toBe(rules.length);
    expect(rules.map(({ operation }) => operation)).toContain('CREATE');
  }, 60_000);

  test('as YAML', async () => {
    const { stdout } = await acl('print', 'observer', '--format', 'yaml');
    expect(parse(stdout)).toMatchObject({
      rules: expect.arrayContaining([
        {
          principal: 'User:ravenhelm-observer',
          host: '*',
          permission: 'ALLOW',
          resource: { type: 'topic', name: 'ravenhelm.squad.coordination', pattern: 'literal' },
          operations: ['READ'],
        },
      ]),
    });
  }, 60_000);

  test.each([
    [['print', 'clients'], 'Did you mean client?'],
    [['print', 'worker', '--agent', 'first_agnt'], 'unknown agent "first_agnt"'],
    [['print', 'client', '--agent', 'first_agent'], '--agent is for a worker'],
    [['print', '--principal', 'User:x'], '--principal is for the roles that one principal has'],
    [['print', 'client', '--principal', 'x'], 'such as User:orchestrator'],
    [['print', 'client', '--principal', 'User:*'], 'rights to everybody'],
    [['print', 'client', '--host', 'worker.example'], 'It must be an IP address or *'],
    [['print', '--format', 'xml'], 'Allowed choices are'],
    [['print', '--log', 'memory'], 'the in-memory log has no rights'],
    [['apply', '--log', 'memory'], 'the in-memory log has no rights'],
  ])(
    '%j is refused',
    async (argv, reason) => {
      expect(await acl(...argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) });
    },
    60_000,
  );
});

describeWithBroker('ravenhelm acl apply where brokers check no rights', () => {
  test('says so, and what to set', async () => {
    const { brokers, registryUrl } = testBroker();
    const env = { KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registryUrl };
    const { code, stderr } = await runInPipe(clone, ['acl', 'apply'], env);
    expect(code).toBe(2);
    expect(stderr).toContain(`the brokers at ${brokers.join(', ')} check no rights: they have no authorizer`);
    expect(stderr).toContain('authorizer.class.name');
  }, 60_000);
});
