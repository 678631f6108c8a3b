/**
 * What a person reads where a broker refuses: on a real one, with a listener for each way in which that can go. The
 * golden texts have names in place of ports.
 */
import { rm, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestClone, type TestClone } from '../cli/support/clone.js';
import { runInPipe } from '../cli/support/ravenhelm.js';
import { testBroker } from '../support/broker.js';
import {
  describeWithSecuredBroker,
  startSecuredBroker,
  SUPER_USER,
  uniquePrefix,
  type SecuredBroker,
} from '../support/secured-broker.js';
import { fitted, runRefusal, runRefusals, type Refusal, type Replacements, type Said } from './support/refusals.js';

const DOORS = [
  { name: 'open', protocol: 'PLAINTEXT' },
  { name: 'login', protocol: 'SASL_PLAINTEXT' },
  { name: 'othername', protocol: 'SSL', certifiedFor: 'kafka.example.test' },
  { name: 'nowhere', protocol: 'PLAINTEXT', advertised: 'kafka-0.cluster.invalid:9092' },
  { name: 'deadend', protocol: 'PLAINTEXT', advertised: 'localhost:9' },
  { name: 'six', protocol: 'PLAINTEXT', host: '::1' },
] as const;

const LOGIN = 'KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD';
const START = 'Start one (npx ravenhelm stack up, and unset KAFKA_BROKERS), or correct KAFKA_BROKERS';
const ADVERTISE =
  "Set the broker's advertised.listeners to an address that its clients reach, or run where that one is reached";
const INVALID =
  'Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512';

describeWithSecuredBroker('what a broker refuses', () => {
  let broker: SecuredBroker;
  let clone: TestClone;
  let replacements: Replacements;
  const prefix = uniquePrefix('refused');
  const settings = (door: (typeof DOORS)[number]['name']) => ({ ...common(), KAFKA_BROKERS: broker.door(door) });
  const common = () => ({ SCHEMA_REGISTRY_URL: testBroker().registryUrl, RAVENHELM_PREFIX: prefix });
  const ann = (changes: Readonly<Record<string, string>> = {}) => ({ ...broker.env('ann'), ...common(), ...changes });
  /** The same without some of the settings. */
  const without = (env: Readonly<Record<string, string>>, ...names: readonly string[]) =>
    Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
  const withTopics = async (change: (text: string) => string, env: Readonly<Record<string, string>>) => {
    const own = await createTestClone();
    const file = join(own.dir, 'topics.yaml');
    const text = await readFile(file, 'utf8');
    await rm(file); // it is a link to the project's
    await writeFile(file, change(text));
    try {
      return await runRefusal(own, { argv: ['init'], env }, replacements);
    } finally {
      await own.remove();
    }
  };

  beforeAll(async () => {
    broker = await startSecuredBroker(['ann'], {
      doors: DOORS,
      settings: {
        'create.topic.policy.class.name': 'OurTopicsPolicy',
        'delete.topic.enable': 'false',
        'group.max.session.timeout.ms': '30000',
      },
      jars: ['test/kafka/fixtures/our-topics-policy.jar'],
    });
    clone = await createTestClone();
    const [secured = ''] = broker.brokers;
    const { KAFKA_BROKERS: certificates = '' } = await broker.certificateEnv('/CN=ann');
    const registry = new URL(testBroker().registryUrl).host;
    replacements = [
      ...DOORS.map(({ name }) => [broker.door(name), `{${name}}`] as const),
      [secured, '{secured}'],
      [certificates, '{certificates}'],
      [registry, '{registry}'],
      [prefix, '{prefix}'],
      [clone.dir, '{dir}'],
    ];
    const { code, stderr } = await runInPipe(clone, ['init'], settings('open'));
    if (code !== 0) throw new Error(stderr);
  }, 400_000);
  afterAll(async () => {
    await clone?.remove();
    await broker?.stop();
  });

  describe('at the first connection', () => {
    let said: ReadonlyMap<string, Said>;
    let rows: readonly Refusal[];

    beforeAll(async () => {
      rows = await connectionRefusals();
      said = await runRefusals(clone, rows, replacements);
    }, 600_000);

    async function connectionRefusals(): Promise<readonly Refusal[]> {
      const { KAFKA_TLS_CA: ca = '' } = broker.env('ann');
      const mutual = { ...(await broker.certificateEnv('/CN=ann')), ...common() };
      const noPem = join(clone.dir, 'no.pem');
      await writeFile(noPem, 'MIIB no PEM\n');
      const other = await broker.foreignCertificate('/CN=ann');
      return [
        {
          name: 'TLS: no authority is given',
          env: without(ann(), 'KAFKA_TLS_CA'),
          code: 2,
          says:
            'The Kafka broker at {secured} has a certificate that this process does not trust: self-signed ' +
            'certificate in certificate chain\n  Set KAFKA_TLS_CA to a file with the ' +
            'certificate of the authority that has ' +
            'signed it',
        },
        {
          name: 'TLS: another authority is given',
          env: ann({ KAFKA_TLS_CA: other.caFile }),
          code: 2,
          says:
            'The Kafka broker at {secured} has a certificate that this process does not trust: self-signed ' +
            'certificate in certificate chain\n' +
            '  Correct KAFKA_TLS_CA: the broker has its certificate from another authority',
        },
        {
          name: 'TLS: a certificate for another name',
          env: { ...settings('othername'), KAFKA_TLS: 'true', KAFKA_TLS_CA: ca },
          code: 2,
          says:
            'The Kafka broker at {othername} has a certificate for another name: Hostname/IP does not match ' +
            "certificate's altnames: Host: localhost. is not in the cert's altnames: DNS:kafka.example.test\n" +
            '  Set KAFKA_BROKERS to a name in the certificate, or give the broker one for this name',
        },
        {
          name: 'TLS against a listener without',
          env: { ...settings('open'), KAFKA_TLS: 'true' },
          code: 2,
          says:
            'The Kafka broker at {open} does not speak TLS\n' +
            '  Unset KAFKA_TLS, or set KAFKA_BROKERS to a listener with TLS',
        },
        {
          name: 'no TLS against a listener with it',
          env: settings('othername'),
          code: 2,
          says: 'The Kafka broker at {othername} speaks TLS only\n  Set KAFKA_TLS to true',
        },
        {
          name: 'mTLS: no client certificate',
          env: without(mutual, 'KAFKA_TLS_CERT', 'KAFKA_TLS_KEY'),
          code: 2,
          says:
            'The Kafka broker at {certificates} wants a client certificate: sslv3 alert bad certificate\n' +
            '  Set KAFKA_TLS_CERT and KAFKA_TLS_KEY to the files of a certificate that the broker trusts',
        },
        {
          name: 'mTLS: a client certificate of another authority',
          env: { ...mutual, KAFKA_TLS_CERT: other.certFile, KAFKA_TLS_KEY: other.keyFile },
          code: 2,
          says:
            'The Kafka broker at {certificates} wants a client certificate: sslv3 alert certificate unknown\n' +
            '  Correct KAFKA_TLS_CERT and KAFKA_TLS_KEY: the broker trusts other authorities, or the certificate has ' +
            'expired',
        },
        {
          name: 'a file that is no PEM: KAFKA_TLS_CA',
          env: ann({ KAFKA_TLS_CA: noPem }),
          code: 2,
          says:
            'KAFKA_TLS_CA is {dir}/no.pem, which holds no certificate in PEM format\n' +
            '  It has a line -----BEGIN CERTIFICATE-----. A file in DER format is converted by: openssl x509 -inform ' +
            'der -in {dir}/no.pem -out FILE',
        },
        {
          name: 'a file that is no PEM: KAFKA_TLS_KEY',
          env: { ...mutual, KAFKA_TLS_KEY: noPem },
          code: 2,
          says:
            'KAFKA_TLS_KEY is {dir}/no.pem, which holds no private key in PEM format\n' +
            '  It has a line -----BEGIN PRIVATE KEY-----. A file in DER format is converted by: openssl pkey -inform ' +
            'der -in {dir}/no.pem -out FILE',
        },
        {
          name: 'a key that is of another certificate',
          env: { ...mutual, KAFKA_TLS_KEY: other.keyFile },
          code: 2,
          says:
            'KAFKA_TLS_KEY is …, which is not the key of the certificate in …\n' +
            '  Correct KAFKA_TLS_KEY or KAFKA_TLS_CERT: the two belong together.',
        },
        {
          name: 'SASL is forgotten, with TLS',
          env: without(ann(), 'KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'),
          code: 2,
          says: `The Kafka broker at {secured} wants a login (SASL: SCRAM-SHA-512)\n  Set ${LOGIN}`,
        },
        {
          name: 'SASL is forgotten, without TLS',
          env: settings('login'),
          code: 2,
          says: `The Kafka broker at {login} wants a login (SASL: SCRAM-SHA-512)\n  Set ${LOGIN}`,
        },
        {
          name: 'SASL: a mechanism that the listener does not have',
          env: ann({ KAFKA_SASL_MECHANISM: 'Plain' }),
          code: 2,
          says:
            'The Kafka broker at {secured} does not take the SASL mechanism PLAIN; it takes SCRAM-SHA-512\n' +
            '  Correct KAFKA_SASL_MECHANISM',
        },
        {
          name: "SASL: Kafka's own spelling, and a wrong password",
          env: ann({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_SASL_PASSWORD: 'wrong' }),
          code: 2,
          says:
            `The Kafka broker at {secured} refuses this user: SASL SCRAM SHA512 authentication failed: ${INVALID}\n` +
            '  Correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
        },
        {
          name: 'SASL: an unknown user',
          env: ann({ KAFKA_SASL_USERNAME: 'bob' }),
          code: 2,
          says:
            `The Kafka broker at {secured} refuses this user: SASL SCRAM SHA512 authentication failed: ${INVALID}\n` +
            '  Correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
        },
        {
          name: 'SASL: not wanted',
          env: without({ ...ann(), KAFKA_BROKERS: broker.door('open') }, 'KAFKA_TLS', 'KAFKA_TLS_CA'),
          code: 2,
          says:
            'The Kafka broker at {open} takes no login (SASL) on this listener\n' +
            `  Unset ${LOGIN}, or set KAFKA_BROKERS to a listener with SASL`,
        },
        {
          name: 'SASL: a mechanism that is not spoken here',
          env: ann({ KAFKA_SASL_MECHANISM: 'OAUTHBEARER' }),
          code: 2,
          says:
            'KAFKA_SASL_MECHANISM is "OAUTHBEARER" (from the environment variable KAFKA_SASL_MECHANISM); it must ' +
            'be plain, scram-sha-256 or scram-sha-512\n  Correct it in the environment variable ' +
            'KAFKA_SASL_MECHANISM, or take it away there.',
        },
        {
          name: 'an advertised listener whose name is unknown',
          env: settings('nowhere'),
          code: 3,
          says:
            'No Kafka broker at {nowhere}: it advertises itself as kafka-0.cluster.invalid:9092, which this computer ' +
            'cannot reach: getaddrinfo ENOTFOUND kafka-0.cluster.invalid\n' +
            `  ${ADVERTISE}`,
        },
        {
          name: 'an advertised listener where nothing listens',
          env: settings('deadend'),
          code: 3,
          says:
            'No Kafka broker at {deadend}: it advertises itself as localhost:9, which this computer cannot reach: ' +
            'connect ECONNREFUSED 127.0.0.1:9\n' +
            `  ${ADVERTISE}`,
        },
        {
          name: 'a name that is unknown',
          env: { ...common(), KAFKA_BROKERS: 'kafka.invalid:9092' },
          code: 3,
          says:
            'No Kafka broker at kafka.invalid:9092: getaddrinfo ENOTFOUND kafka.invalid\n' +
            '  Correct KAFKA_BROKERS, or run where that name is known',
        },
        {
          name: 'a port where nothing listens',
          env: { ...common(), KAFKA_BROKERS: '127.0.0.1:9' },
          code: 3,
          says: `No Kafka broker at 127.0.0.1:9: connect ECONNREFUSED 127.0.0.1:9\n  ${START}`,
        },
        {
          name: 'an IPv6 address where nothing listens',
          env: { ...common(), KAFKA_BROKERS: '[::1]:9' },
          code: 3,
          says: `No Kafka broker at [::1]:9: connect ECONNREFUSED ::1:9\n  ${START}`,
        },
        {
          name: 'brackets without an IPv6 address',
          env: { ...common(), KAFKA_BROKERS: '[::1:9092' },
          code: 2,
          says:
            'KAFKA_BROKERS is "[::1:9092" (from the environment variable KAFKA_BROKERS); it must be host:port, ' +
            'several separated by commas, such as localhost:19092\n  Correct it in the environment variable ' +
            'KAFKA_BROKERS, or take it away there.',
        },
        {
          name: 'a web server',
          env: { ...common(), KAFKA_BROKERS: new URL(testBroker().registryUrl).host },
          code: 2,
          says: 'The Kafka broker at {registry} is a web server (HTTP), no Kafka broker\n  Correct KAFKA_BROKERS',
        },
      ];
    }

    test('each is said with its cause, what to do, and its exit code', () => {
      const goldens = rows.map(({ name, code, says }) => ({ name, code, says }));
      const found = goldens.map(({ name, says: golden }) => {
        const { code, says } = said.get(name) ?? { code: null, says: 'it was not run' };
        return { name, code, says: fitted(says, golden) };
      });
      expect(found).toEqual(goldens);
      expect(rows.length).toBeGreaterThan(20);
    });

    test('only where nothing listens one is to be started', () => {
      const toStart = [...said].filter(([, { says }]) => says.includes('Start one')).map(([name]) => name);
      expect(toStart.sort()).toEqual(['a port where nothing listens', 'an IPv6 address where nothing listens'].sort());
    });

    test('an IPv6 address is reached', async () => {
      const { code, stdout, stderr } = await runInPipe(clone, ['status'], settings('six'));
      expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    }, 60_000);
  });

  describe('of topics', () => {
    test('the creation that its policy forbids', async () => {
      const name = uniquePrefix('policy');
      const { code, says } = await runRefusal(
        clone,
        { argv: ['init'], env: { ...settings('open'), RAVENHELM_PREFIX: name } },
        [[name, '{prefix}']],
      );
      expect({ code, says }).toEqual({
        code: 2,
        says:
          'The brokers do not create the topic {prefix}.coordination: POLICY_VIOLATION: Topics of this cluster keep ' +
          'records for at most 30 days\n  Change the topic in topics.yaml to what the cluster allows, or have it ' +
          'created by those who may; then run npx ravenhelm init again',
      });
    }, 100_000);

    test('more replicas than there are brokers', async () => {
      const env = { ...settings('open'), RAVENHELM_PREFIX: `${prefix}.replicas` };
      const { code, says } = await withTopics((text) => text.replaceAll('factor: auto', 'factor: 3'), env);
      const golden =
        'The brokers do not create the topic {prefix}.replicas.coordination: INVALID_REPLICATION_FACTOR: Unable to ' +
        'replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 ' +
        'broker(s) are registered…\n  Set replication_factor in topics.yaml to auto, or to at most the number of ' +
        'brokers; then run npx ravenhelm init again';
      expect({ code, says: fitted(says, golden) }).toEqual({ code: 2, says: golden });
    }, 100_000);

    test('a setting that it does not know', async () => {
      const env = { ...settings('open'), RAVENHELM_PREFIX: `${prefix}.setting` };
      expect(await withTopics((text) => text.replace('cleanup.policy:', 'cleanup.polici:'), env)).toEqual({
        code: 2,
        says:
          'The brokers do not create the topic {prefix}.setting.coordination: INVALID_CONFIG: Unknown topic config ' +
          'name: cleanup.polici\n  Correct config in topics.yaml; then run npx ravenhelm init again',
      });
    }, 100_000);

    test('a value that a setting cannot have', async () => {
      const env = { ...settings('open'), RAVENHELM_PREFIX: `${prefix}.value` };
      expect(await withTopics((text) => text.replace('LogAppendTime', 'Yesterday'), env)).toEqual({
        code: 2,
        says:
          'The brokers do not create the topic {prefix}.value.coordination: INVALID_CONFIG: Invalid value Yesterday ' +
          'for configuration message.timestamp.type: String must be one of: CreateTime, LogAppendTime\n' +
          '  Correct config in topics.yaml; then run npx ravenhelm init again',
      });
    }, 100_000);

    test('the creation by a user without the right', async () => {
      const env = ann({ RAVENHELM_PREFIX: `${prefix}.own` });
      const topics = ['coordination', 'dead-letters', 'status', 'tasks.first_agent', 'tasks.second_agent'];
      const names = topics.map((topic) => `{prefix}.own.${topic}`).join(', ');
      expect(await runRefusal(clone, { argv: ['init'], env }, replacements)).toEqual({
        code: 2,
        says:
          'Creating 5 topics, missing or not shown to this user: Not authorized to access topics: [Topic ' +
          'authorization failed]. Grant this user CREATE (of a topic that is there: READ, WRITE or DESCRIBE) on the ' +
          `topics ${names} ` +
          '(npx ravenhelm acl print lists what each role needs), or correct KAFKA_SASL_USERNAME',
      });
    }, 100_000);

    test('the deletion, where it deletes none', async () => {
      const argv = ['purge', '--prefix', prefix, '--yes'];
      expect(await runRefusal(clone, { argv, env: settings('open') }, replacements)).toEqual({
        code: 2,
        says:
          'the brokers do not delete topics, {prefix}.tasks.first_agent neither\n' +
          '  Set delete.topic.enable=true on the brokers, restart them, then try again.',
      });
    }, 100_000);
  });

  describe('of groups', () => {
    test('a session timeout that it does not allow', async () => {
      const env = { ...settings('open'), KAFKA_SESSION_TIMEOUT_MS: '60000' };
      const { code, says } = await runRefusal(clone, { argv: ['--role', 'orchestrator'], env }, replacements);
      const golden =
        'The member of group {prefix}.orchestrator stopped: The session timeout is not within the range allowed by ' +
        "the broker (…)\n  Set KAFKA_SESSION_TIMEOUT_MS to a time between the broker's group.min.session.timeout.ms " +
        'and group.max.session.timeout.ms';
      expect({ code, says: fitted(says, golden) }).toEqual({ code: 2, says: golden });
    }, 100_000);

    test('a group that another program is in', async () => {
      const consumer = broker.client(SUPER_USER).consumer({ groupId: `${prefix}.orchestrator` });
      await consumer.connect();
      await consumer.subscribe({ topics: [`${prefix}.status`] });
      const joined = new Promise<unknown>((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
      await consumer.run({ eachMessage: async () => undefined });
      await joined;
      const argv = ['--role', 'orchestrator'];
      try {
        const { code, says } = await runRefusal(clone, { argv, env: settings('open') }, replacements);
        const golden =
          "The member of group {prefix}.orchestrator stopped: The group member's supported protocols are " +
          'incompatible with those of existing members\n  Another program is in this group (client test-admin at ' +
          '/…): end it, or give it another group';
        expect({ code, says: fitted(says, golden) }).toEqual({ code: 2, says: golden });
      } finally {
        await consumer.disconnect();
      }
    }, 100_000);

    test('who may read the topics, and not join the group', async () => {
      const topic = { resourceType: 2, resourceName: prefix, resourcePatternType: 4 };
      const rule = { principal: 'User:ann', host: '*', permissionType: 3 };
      await broker.admin.createAcls({
        acl: [3, 4, 10].map((operation) => ({ ...topic, ...rule, operation })),
      });
      const { code, says } = await runRefusal(clone, { argv: ['--role', 'orchestrator'], env: ann() }, replacements);
      const golden =
        'The member of group {prefix}.…orchestrator… stopped: Not authorized to access group: Group authorization ' +
        'failed\n  Grant this user READ on the group {prefix}.…orchestrator… (npx ravenhelm acl print lists what ' +
        'each role needs), or correct KAFKA_SASL_USERNAME';
      expect({ code, says: fitted(says, golden) }).toEqual({ code: 2, says: golden });
    }, 100_000);
  });
});
