import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startInPipe } from './support/ravenhelm.js';

describe('the file of a key', () => {
  let clone: TestClone;
  beforeAll(async () => {
    clone = await createTestClone();
  });
  afterAll(() => clone.remove());

  test('that is not there is named as missing', async () => {
    const missing = ['--key', 'missing.pem', '--as', 'ann'];
    const { code, stderr } = await runInPipe(clone, ['submit', 'missions/quick.yaml', ...missing], {
      KAFKA_BROKERS: '127.0.0.1:1',
      SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
    });
    expect(stderr).toContain('missing.pem cannot be read: no such file or directory');
    expect(code).toBe(2);
  });

  test('is not written into a directory that is not there', async () => {
    const { code, stderr } = await runInPipe(clone, ['operators', 'keygen', 'ann', '--out', 'missing/ann.pem']);
    expect(stderr).toContain('missing/ann.pem was not written: its directory does not exist');
    expect(stderr).toContain('Create it, or name another file.');
    expect(code).toBe(2);
  });
});

/** Commands with and without a key, against a running swarm with an operators file. */
describeWithBroker('a swarm with operators', () => {
  let clone: TestClone;
  let env: Readonly<Record<string, string>>;
  let swarm: ReturnType<typeof startInPipe>[];
  const KEY = ['--key', 'ann.pem', '--as', 'ann'];
  const rh = (...args: string[]) => runInPipe(clone, args, env);
  const wrote = (dir: string) => existsSync(join(clone.dir, dir, 'first_agent.txt'));

  beforeAll(async () => {
    clone = await createTestClone();
    const { brokers, registryUrl } = testBroker();
    env = {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      RAVENHELM_PREFIX: `cli.${randomUUID().slice(0, 8)}`,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
    };
    const { stdout } = await rh('operators', 'keygen', 'ann', '--out', 'ann.pem');
    writeFileSync(join(clone.dir, 'operators.yaml'), stdout);
    await rh('operators', 'keygen', 'eve', '--out', 'eve.pem');
    await rh('init');
    const roles = ['orchestrator', 'worker'];
    swarm = roles.map((role) => startInPipe(clone, ['--role', role, '--operators', 'operators.yaml'], env));
    await Promise.all(swarm.map((role) => role.shows('role.serving')));
  }, 120_000);

  afterAll(async () => {
    for (const role of swarm) role.child.kill('SIGTERM');
    await Promise.all(swarm.map((role) => role.ended()));
    await clone.remove();
  }, 180_000);

  test.each([
    ['submit', ['submit', 'missions/quick.yaml']],
    ['submit --wait', ['submit', 'missions/quick.yaml', '--wait']],
  ])('%s without a key ends with 2, says why and names the setting; nothing runs', async (_, words) => {
    const { code, stderr } = await rh(...words, '--workspace', 'unsigned');
    expect(stderr).toContain('it is not signed, and must be');
    expect(stderr).toContain('OPERATOR_KEY (--key FILE)');
    expect(code).toBe(2);
    expect(wrote('unsigned')).toBe(false);
  });

  test("with another person's key it ends with 2", async () => {
    const { code, stderr } = await rh('submit', 'missions/quick.yaml', '--key', 'eve.pem', '--as', 'ann');
    expect(stderr).toContain('the operators file does not have under this name');
    expect(code).toBe(2);
  });

  test('with a key it runs; watch and status show who has signed it', async () => {
    const { code, stdout } = await rh('submit', 'missions/quick.yaml', '--wait', '--json', ...KEY);
    expect(code).toBe(0);
    const { mission_id, signed_by } = JSON.parse(stdout);
    expect(signed_by).toEqual({ name: 'ann', key_id: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect((await rh('watch', mission_id)).stdout).toContain(`mission_requested by ann, key ${signed_by.key_id}`);
    expect((await rh('status', mission_id)).stdout).toContain(`signed by: ann, key ${signed_by.key_id}`);
  });

  test('approve, reject and cancel without a key end with 2 and change nothing; with one they count', async () => {
    const missionId = (await rh('submit', 'missions/asks.yaml', ...KEY)).stdout.trim();
    for (const words of [['approve'], ['reject', '--why', 'no'], ['cancel']]) {
      const [command = '', ...rest] = words;
      const { code, stderr } = await rh(command, missionId, ...rest);
      expect([command, code, stderr]).toEqual([command, 2, expect.stringContaining('it is not signed')]);
    }
    const { stdout } = await rh('status', missionId, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'waiting_for_approval' });
    expect(JSON.parse(stdout).void_requests).toHaveLength(3);
    const done = await rh('approve', missionId, ...KEY);
    expect([done.code, done.stdout.trim()]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^approved: ${missionId} \\(revision 1, plan [0-9a-f]{12}\\)$`)),
    ]);
    expect((await rh('watch', missionId)).code).toBe(0);
  });
});
