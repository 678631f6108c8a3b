/** "Rights on the brokers" of docs/operations.md, to the letter: the hello mission with these rights and no other. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestClone, type TestClone } from '../cli/support/clone.js';
import { runInPipe, startInPipe } from '../cli/support/ravenhelm.js';
import { testBroker } from '../support/broker.js';
import {
  describeWithSecuredBroker,
  startSecuredBroker,
  SUPER_USER,
  uniquePrefix,
  type SecuredBroker,
} from '../support/secured-broker.js';

const ROLES = ['setup', 'orchestrator', 'worker', 'client'] as const;
type Role = (typeof ROLES)[number];
type Env = Readonly<Record<string, string>>;

/** How each role enters, and the name that the broker gives it. */
interface Identity {
  readonly name: string;
  principalOf(role: Role): string;
  envOf(broker: SecuredBroker, role: Role): Promise<Env> | Env;
}

const IDENTITIES: readonly Identity[] = [
  {
    name: 'SASL_SSL with SCRAM',
    principalOf: (role) => `ravenhelm-${role}`,
    envOf: (broker, role) => broker.env(`ravenhelm-${role}`),
  },
  {
    name: 'client certificates (mTLS)',
    principalOf: (role) => `CN=${role},O=Example`,
    envOf: (broker, role) => broker.certificateEnv(`/O=Example/CN=${role}`),
  },
];

describeWithSecuredBroker('the hello mission with the documented rights', () => {
  let broker: SecuredBroker;
  let clone: TestClone;
  const running = new Set<ReturnType<typeof startInPipe>>();

  beforeAll(async () => {
    broker = await startSecuredBroker(ROLES.map((role) => `ravenhelm-${role}`));
    clone = await createTestClone();
    // The project's own agents and missions in place of the quick ones.
    for (const name of ['agents', 'missions']) {
      await rm(join(clone.dir, name), { recursive: true });
      await cp(name, join(clone.dir, name), { recursive: true });
    }
  }, 400_000);
  afterAll(async () => {
    for (const role of running) role.child.kill('SIGKILL');
    await clone?.remove();
    await broker?.stop();
  });

  test.each(IDENTITIES)(
    'by $name it completes, and no right is missing',
    async ({ principalOf, envOf }) => {
      const prefix = uniquePrefix('hello');
      const more = {
        SCHEMA_REGISTRY_URL: testBroker().registryUrl,
        RAVENHELM_PREFIX: prefix,
        KAFKA_SESSION_TIMEOUT_MS: '6000',
        WORKER_MODELS: 'playbook',
      };
      const env = async (role: Role) => ({ ...(await envOf(broker, role)), ...more });
      const run = async (by: Env, ...argv: string[]) => {
        const { code, stdout, stderr } = await runInPipe(clone, argv, by);
        return { code, said: stdout + stderr };
      };
      for (const role of ROLES) {
        const words = ['acl', 'apply', role, '--principal', `User:${principalOf(role)}`];
        expect(await run({ ...broker.env(SUPER_USER), ...more }, ...words)).toMatchObject({ code: 0 });
      }
      expect(await run(await env('setup'), 'init')).toMatchObject({ code: 0 });
      const roles = [
        startInPipe(clone, ['--role', 'orchestrator'], await env('orchestrator')),
        startInPipe(clone, ['--role', 'worker', '--agents', 'cert_agent,env_agent'], await env('worker')),
      ];
      for (const role of roles) running.add(role);
      await Promise.all(roles.map((role) => role.shows('role.serving')));
      expect(await run(await env('client'), 'submit', 'missions/hello.yaml', '--wait')).toMatchObject({
        code: 0,
        said: expect.stringContaining('2 of 2 tasks verified'),
      });
      for (const role of roles) role.child.kill('SIGTERM');
      expect((await Promise.all(roles.map((role) => role.ended()))).map(({ code }) => code)).toEqual([0, 0]);
      const own = (await broker.decisions()).filter(
        ({ principal, resource }) => ROLES.some((role) => principal === principalOf(role)) && resource.includes(prefix),
      );
      expect(own.filter(({ allowed }) => !allowed)).toEqual([]);
      expect(new Set(own.map(({ principal }) => principal)).size).toBe(ROLES.length);
    },
    600_000,
  );
});
