import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BREAKAGES } from './breakages.js';
import { createPlatform, playbookOf, type Platform, type TaskRun } from './platform.js';
import type { MissionFile } from '../../src/agent/mission-file.js';

/** One finished workspace, made once by the real executor in the real sandbox; every breakage breaks a copy. */
let platform: Platform;
let mission: MissionFile;
let firstRun: readonly TaskRun[];
const FINISHED = 'finished';

beforeAll(async () => {
  platform = await createPlatform();
  mission = platform.mission('ravenhelm-platform.yaml');
  firstRun = await platform.runPlan(mission, FINISHED);
}, 300_000);

afterAll(() => rmSync(dirname(platform.directory('.')), { recursive: true, force: true }));

/** Digest of every file of a workspace, by path, with its mode. */
function inventory(workspace: string): Readonly<Record<string, string>> {
  const root = platform.directory(workspace);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(root, path)).isFile(),
  );
  return Object.fromEntries(
    files.sort().map((path) => [
      path,
      `${(statSync(join(root, path)).mode & 0o777).toString(8)} ${createHash('sha256')
        .update(readFileSync(join(root, path)))
        .digest('hex')}`,
    ]),
  );
}

test('the twelve agents have the phases and dependencies of the deployment order', () => {
  const phases = Object.fromEntries(platform.roster.agents.map(({ name, phase }) => [name, phase]));
  expect(phases).toEqual({
    cert_agent: 1,
    env_agent: 1,
    database_agent: 1,
    proxy_agent: 2,
    cache_agent: 2,
    secrets_agent: 2,
    events_agent: 3,
    observability_agent: 3,
    docker_agent: 3,
    rag_agent: 4,
    graph_agent: 4,
    hlidskjalf_agent: 5,
  });
  const dependencies = Object.fromEntries(
    platform.roster.agents
      .filter(({ dependsOn }) => dependsOn.length > 0)
      .map(({ name, dependsOn }) => [name, [...dependsOn].sort()]),
  );
  expect(dependencies).toEqual({
    proxy_agent: ['cert_agent'],
    secrets_agent: ['proxy_agent'],
    events_agent: ['proxy_agent'],
    observability_agent: ['database_agent', 'proxy_agent'],
    hlidskjalf_agent: ['cache_agent', 'database_agent', 'events_agent', 'proxy_agent'],
  });
});

test('the mission runs the twelve in five waves, secrets_agent in the third: dependencies win over phases', () => {
  expect(mission.plan?.waves.map((wave) => wave.tasks.map((task) => task.agent))).toEqual([
    ['cert_agent', 'env_agent', 'database_agent'],
    ['proxy_agent', 'cache_agent'],
    ['secrets_agent', 'events_agent', 'observability_agent', 'docker_agent'],
    ['rag_agent', 'graph_agent'],
    ['hlidskjalf_agent'],
  ]);
});

test('every check of every task passes, with the tasks of a wave side by side', () => {
  expect(firstRun).toHaveLength(12);
  const failed = firstRun
    .filter(({ checks }) => !checks.passed)
    .map(({ agent, checks }) => `${agent}: ${checks.observation}`);
  expect(failed).toEqual([]);
  expect(firstRun.filter(({ stepsRun }) => stepsRun.length === 0)).toEqual([]);
});

test('the success checks of the mission pass', async () => {
  const run = await platform.check(FINISHED, null, mission.success);
  expect(run).toMatchObject({ passed: true });
  expect(run.results).toHaveLength(mission.success.length);
}, 120_000);

test('every playbook step can be asked whether it is done, so that a take-over never gives up', () => {
  const steps = platform.roster.agents.flatMap(({ name, playbooks }) =>
    Object.values(playbooks).flatMap((playbook) =>
      playbook.steps.map((step) => ({ agent: name, step: step.name, unless: step.unless })),
    ),
  );
  expect(steps.filter(({ unless }) => unless === null)).toEqual([]);
});

test('a second run over the same workspace runs no step, changes no byte and passes', async () => {
  platform.copy(FINISHED, 'again');
  const before = inventory('again');
  const secondRun = await platform.runPlan(mission, 'again');
  expect(secondRun.flatMap(({ agent, stepsRun }) => stepsRun.map((step) => `${agent}: ${step}`))).toEqual([]);
  expect(secondRun.filter(({ checks }) => !checks.passed)).toEqual([]);
  expect(inventory('again')).toEqual(before);
  expect(await platform.check('again', null, mission.success)).toMatchObject({ passed: true });
}, 120_000);

test('what was damaged is made again and what is good stays', async () => {
  platform.copy(FINISHED, 'damaged');
  const before = inventory('damaged');
  await platform.run(
    'damaged',
    'env_agent',
    'rm proxy/labels/lab.labels && : > cache/nats.conf && sed -i 3d compose.yaml && sed -i ' +
      's/^NATS_PASSWORD=.*/NATS_PASSWORD=/ .env',
  );
  for (const [agent, playbook] of [
    ['env_agent', 'platform-env'],
    ['proxy_agent', 'platform-proxy'],
    ['cache_agent', 'platform-cache'],
    ['secrets_agent', 'platform-secrets'],
  ] as const) {
    expect(await platform.runPlaybook(agent, playbookOf(platform.roster, agent, playbook), 'damaged')).toMatchObject({
      agent,
      checks: { passed: true },
    });
  }
  const after = inventory('damaged');
  const changed = Object.keys(after).filter((path) => after[path] !== before[path]);
  expect(changed.sort()).toEqual(['.env', 'compose.yaml', 'secrets/platform.env.cms']);
  const secretsOf = (workspace: string) =>
    new Map(
      readFileSync(join(platform.directory(workspace), '.env'), 'utf8')
        .trim()
        .split('\n')
        .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  const [old, now] = [secretsOf(FINISHED), secretsOf('damaged')];
  expect([...now].filter(([key, value]) => old.get(key) !== value).map(([key]) => key)).toEqual(['NATS_PASSWORD']);
}, 120_000);

test.each(BREAKAGES.map((breakage, number) => ({ ...breakage, number })))(
  '$agent notices $what',
  async ({ number, agent, check, by, says }) => {
    const workspace = `broken-${number}`;
    platform.copy(FINISHED, workspace);
    const broken = await platform.run(workspace, agent, by);
    expect(broken).toMatchObject({ exitCode: 0 });
    const checks =
      agent === 'mission'
        ? mission.success
        : Object.values(platform.roster.byName(agent)?.playbooks ?? {}).flatMap((playbook) => playbook.acceptance);
    const run = await platform.check(
      workspace,
      agent === 'mission' ? null : agent,
      checks.filter(({ name }) => name === check),
    );
    expect(run.results.map(({ name }) => name)).toEqual([check]);
    expect(run.passed).toBe(false);
    expect(run.observation).toMatch(says);
    rmSync(platform.directory(workspace), { recursive: true });
  },
  120_000,
);

test('the mission hello makes certificates and .env in one wave', async () => {
  const hello = platform.mission('hello.yaml');
  const runs = await platform.runPlan(hello, 'hello');
  expect(runs.map(({ agent, wave, checks }) => ({ agent, wave, passed: checks.passed }))).toEqual([
    { agent: 'cert_agent', wave: 1, passed: true },
    { agent: 'env_agent', wave: 1, passed: true },
  ]);
  expect(await platform.check('hello', null, hello.success)).toMatchObject({ passed: true });
}, 120_000);
