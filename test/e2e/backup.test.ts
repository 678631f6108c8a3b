/** docs/operations.md, "Backup and restore", on a separate local stack: what was restored continues from there. */
import { execa } from 'execa';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { chooseJava } from '../../src/local/choose-stack.js';
import { createLocalStack } from '../../src/local/local-stack.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { until } from '../contract/until.js';
import { temporaryPlace, world } from '../local/stack-fixture.js';
import { LEDGER_AGENTS, LEDGER_MISSION, ledgerAgent } from '../support/ledger-mission.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';

const LIMIT_MS = 180_000;
const LEDGER = LEDGER_AGENTS.flatMap((name) => ['one', 'two', 'three'].map((step) => `${name} ${step}`));

const reportSchema = z.object({
  status: z.string(),
  tasks: z.array(z.object({ attempts: z.int() })),
});

/** With owners, modes and times, as the page says. */
const copy = (from: string, to: string) => execa('cp', ['-a', from, to]);

const choice = await chooseJava(developmentPlace(resolve('.')), world.env, 'this test stops and copies a broker');
const describeWithJava = (name: string, body: () => void) =>
  choice.kind === 'java' ? describe(name, body) : describe.skip(`${name} [${choice.reason}]`, body);

describeWithJava('a backup of the local stack and the workspaces', () => {
  let place: Awaited<ReturnType<typeof temporaryPlace>>;
  let swarm: SwarmProcesses;
  const stack = () => createLocalStack(place, world);
  const up = () => stack().up({ progress: () => undefined });
  const workspaces = () => join(swarm.dir, 'workspaces');
  const backup = (what: string) => join(swarm.dir, 'backup', what);
  const ledger = async (missionId: string): Promise<readonly string[]> => {
    const text = await readFile(join(workspaces(), missionId, 'ledger.txt'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  };
  const serving = () => [swarm.start('--role', 'orchestrator'), swarm.start('--role', 'worker')];
  const reportOf = async (missionId: string) => {
    const { stdout } = await swarm.run('status', missionId, '--json');
    return reportSchema.parse(JSON.parse(stdout));
  };
  const completed = (missionId: string) =>
    until('the mission is completed', async () => (await reportOf(missionId)).status === 'completed', LIMIT_MS);

  beforeAll(async () => {
    place = await temporaryPlace();
    const { brokers, registryUrl } = await up();
    swarm = await createSwarmProcesses({
      agents: Object.fromEntries(LEDGER_AGENTS.map((name) => [name, ledgerAgent(name, 2)])),
      mission: LEDGER_MISSION,
      broker: { brokers, registryUrl },
    });
  }, 400_000);
  afterAll(async () => {
    await swarm?.close();
    await stack().down();
    await place.remove();
  }, 120_000);

  test('taken in the middle of a mission: it is open again, and ends with each step done once', async () => {
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    const before = serving();
    const submitted = await swarm.run('submit', 'mission.yaml');
    expect(submitted).toMatchObject({ code: 0 });
    const missionId = /\d{8}-\d{6}-[\w-]+/.exec(submitted.stdout)?.[0] ?? '';
    await until('its first steps', async () => (await ledger(missionId)).includes('first_agent two'), LIMIT_MS);

    for (const member of before) expect(await member.terminate()).toBe(0);
    await stack().down();
    const taken = await ledger(missionId);
    await mkdir(join(swarm.dir, 'backup'));
    await copy(place.dataDir, backup('stack'));
    await copy(workspaces(), backup('workspaces'));

    // The mission continues, and then all of that is lost.
    await up();
    const after = serving();
    await completed(missionId);
    expect(await ledger(missionId)).toEqual(LEDGER);
    for (const member of after) expect(await member.terminate()).toBe(0);
    await stack().down();
    await rm(place.dataDir, { recursive: true });
    await rm(workspaces(), { recursive: true });

    await copy(backup('stack'), place.dataDir);
    await copy(backup('workspaces'), workspaces());
    await up();
    expect(await reportOf(missionId)).toMatchObject({ status: 'running' });
    expect(await ledger(missionId)).toEqual(taken);
    const restored = serving();
    await completed(missionId).catch((error: unknown) => {
      throw new Error(restored.map((member) => member.log()).join('\n'), { cause: error });
    });
    expect(await ledger(missionId)).toEqual(LEDGER);
    const { tasks } = await reportOf(missionId);
    expect(tasks.map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
  }, 900_000);
});
