import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithBroker } from '../support/broker.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';
import { is } from '../support/is-event.js';

/** A check of the first agent waits while there is a file that says so. */
const agent = (name: string, condition: string) => `---
name: ${name}
description: Writes a ledger.
phase: 1
depends_on: []
tools: [execute_terminal_command]
concurrency: 2
timeout_seconds: 60
max_steps: 20
playbooks:
  ledger:
    steps:
      - { name: ready, command: ${condition}, unless: "${condition}" }
      - { name: write, command: echo ${name} >> ledger.txt && touch ${name}.done, unless: test -f ${name}.done }
    changes: [ledger.txt, ${name}.done, wait.txt]
    acceptance:
      - { name: done, command: "while test -f wait.txt; do sleep 0.2; done; test -f ${name}.done" }
---
You write a ledger.
`;

const mission = (brief: string) => `
name: ledger
brief: ${brief}
retries: 0
budget: { minutes: 5 }
agents: [first_agent, second_agent]
plan:
  waves:
    - tasks:
        - { agent: first_agent, description: Write., playbook: ledger }
    - tasks:
        - { agent: second_agent, description: Write., playbook: ledger }
success:
  - { name: ledger is whole, command: grep -q second_agent ledger.txt }
`;

const FIRST = 'deploy-first_agent-wave1';
const SECOND = 'deploy-second_agent-wave2';

describeWithBroker('retry', () => {
  let swarm: SwarmProcesses;
  let workers: ReturnType<SwarmProcesses['start']>[];

  beforeEach(async () => {
    swarm = await createSwarmProcesses({
      agents: { first_agent: agent('first_agent', 'test -d .'), second_agent: agent('second_agent', 'test -f go.txt') },
      mission: mission('Write the ledger.'),
    });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    await swarm.watch(['first_agent', 'second_agent']);
    swarm.start('--role', 'orchestrator');
    workers = [swarm.start('--role', 'worker'), swarm.start('--role', 'worker')];
    await swarm.until(() => (swarm.events.filter(is('service_ready')).length >= 2 ? true : undefined));
  }, 60_000);
  afterEach(() => swarm.close());

  const workspaceOf = (missionId: string) => join(swarm.dir, 'workspaces', missionId);
  const ledger = async (missionId: string) => readFile(join(workspaceOf(missionId), 'ledger.txt'), 'utf8');
  const reportOf = async (...words: string[]) => {
    const { code, stdout, stderr } = await swarm.run(...words, '--json');
    if (stdout === '') throw new Error(`${words.join(' ')} ends with ${code}: ${stderr}`);
    return { code, report: JSON.parse(stdout) };
  };
  const rows = ({ tasks }: { tasks: { task_id: string; status: string; attempts: number; carried: boolean }[] }) =>
    tasks.map(({ task_id, status, attempts, carried }) => [task_id, status, attempts, carried]);
  /** A mission whose second task has failed. */
  const failed = async (): Promise<string> => {
    const { code, report } = await reportOf('submit', 'mission.yaml', '--wait');
    expect([code, report.status]).toEqual([1, 'failed']);
    return report.mission_id;
  };

  test('checks what is verified, runs the others, in the old workspace; both reports link', async () => {
    const old = await failed();
    await writeFile(join(workspaceOf(old), 'go.txt'), '');
    const { code, report } = await reportOf('retry', old, '--wait');
    expect(code).toBe(0);
    expect(report).toMatchObject({ status: 'completed', continues: old, workspace: workspaceOf(old) });
    expect(rows(report).slice(0, 2)).toEqual([
      [FIRST, 'verified', 2, true],
      [SECOND, 'verified', 2, false],
    ]);
    expect(await ledger(old)).toBe('first_agent\nsecond_agent\n');
    const assigned = swarm.events
      .filter(is('task_assigned'))
      .filter(({ payload }) => payload.mission_id === report.mission_id);
    expect(
      assigned.every(({ payload }) => payload.workspace_of === old && payload.requires.includes('workspace_of')),
    ).toBe(true);
    expect(assigned.filter(({ payload }) => payload.task_id === FIRST).map(({ payload }) => payload.only)).toContain(
      'checks',
    );
    expect((await reportOf('status', old)).report.continued_by).toEqual([report.mission_id]);
    expect((await swarm.run('status', old)).stdout).toContain(`continued by: ${report.mission_id}`);
  }, 240_000);

  test('of a chain only the last one is continued; a named task runs again, and one whose check fails', async () => {
    const old = await failed();
    await writeFile(join(workspaceOf(old), 'go.txt'), '');
    const { report } = await reportOf('retry', old, '--wait');
    expect(await swarm.run('retry', old)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${report.mission_id} is the last one in the workspace of ${old}`),
    });
    expect(await swarm.run('retry', report.mission_id)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('every task of'),
    });
    await rm(join(workspaceOf(old), 'first_agent.done'));
    const third = await reportOf('retry', report.mission_id, 'second_agent', '--wait');
    expect(third.report).toMatchObject({ status: 'completed', continues: report.mission_id, workspace_of: old });
    expect(rows(third.report).slice(0, 2)).toEqual([
      [FIRST, 'verified', 4, false],
      [SECOND, 'verified', 3, false],
    ]);
    expect(await ledger(old)).toBe('first_agent\nsecond_agent\nfirst_agent\n');
    const shown = await swarm.run('show', third.report.mission_id, FIRST);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('attempt 4');
  }, 240_000);

  test('of an open mission, and of one whose task is unknown, is refused', async () => {
    const old = await failed();
    expect(await swarm.run('retry', old, 'third_agent')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no task third_agent'),
    });
    await writeFile(join(workspaceOf(old), 'wait.txt'), '');
    const next = (await swarm.run('retry', old)).stdout.trim();
    expect(await swarm.run('retry', next)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`mission ${next} has not ended`),
    });
    expect(await swarm.run('cancel', next)).toMatchObject({ code: 0 });
  }, 240_000);

  test('--edit: a changed task is not carried, and the file says what else holds', async () => {
    const old = await failed();
    await writeFile(join(workspaceOf(old), 'go.txt'), '');
    const file = join(swarm.dir, 'changed.yaml');
    await writeFile(file, mission('Another brief.').replace('description: Write.', 'description: Write it.'));
    const { stdout } = await swarm.run('retry', old, '--edit', file, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ continues: old, carried: [], runs: [FIRST, SECOND] });
    const { mission_id } = JSON.parse(stdout);
    await swarm.until(() =>
      swarm.events.filter(is('mission_completed')).find(({ payload }) => payload.mission_id === mission_id),
    );
    const briefs = swarm.events.filter(is('task_assigned')).filter(({ payload }) => payload.mission_id === mission_id);
    expect(new Set(briefs.map(({ payload }) => payload.brief))).toEqual(new Set(['Another brief.']));
    await appendFile(file, 'nonsense: true\n');
    expect(await swarm.run('retry', mission_id, 'first_agent', '--edit', file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nonsense'),
    });
  }, 240_000);

  test('--edit without a plan keeps it, and warns where it reads an input that the file no longer has', async () => {
    const check = `acceptance: [{ name: has a word, command: 'test -n "$INPUT_WORD"' }]`;
    const first = mission('Write ${{ inputs.word }}.')
      .replace('retries: 0', 'retries: 0\ninputs: [{ name: word, default: river }]')
      .replace('playbook: ledger }', `playbook: ledger, ${check} }`);
    await writeFile(join(swarm.dir, 'mission.yaml'), first);
    const old = await failed();
    const file = join(swarm.dir, 'changed.yaml');
    await writeFile(file, 'name: ledger\nbrief: Write.\nagents: [first_agent, second_agent]\n');
    const { code, stdout, stderr } = await swarm.run('retry', old, '--edit', file);
    expect([code, stdout, stderr]).toEqual([
      0,
      expect.stringMatching(/^\S+\n$/),
      expect.stringContaining(`changed.yaml: a command of ${FIRST} reads $INPUT_WORD, which no input gives`),
    ]);
  }, 240_000);

  (process.getuid?.() === 0 ? test : test.skip)(
    'says before anything starts what agents cannot change in the directory of the mission',
    async () => {
      const own = join(swarm.dir, 'own');
      await mkdir(own);
      const { report } = await reportOf('submit', 'mission.yaml', '--wait', '--workspace', own);
      await writeFile(join(own, 'go.txt'), '');
      const { code, stdout, stderr } = await swarm.run('retry', report.mission_id, '--wait');
      expect([code, stdout]).toEqual([0, expect.stringContaining('completed')]);
      expect(stderr).toContain(`warning: agents cannot change what others own in ${own}: go.txt`);
    },
    240_000,
  );

  test('a worker that is killed amid a carried check: another one takes over, and checks it again', async () => {
    const old = await failed();
    await writeFile(join(workspaceOf(old), 'go.txt'), '');
    await writeFile(join(workspaceOf(old), 'wait.txt'), '');
    const waited = reportOf('retry', old, '--wait');
    const call = await swarm.until(() =>
      swarm.events
        .filter(is('tool_called'))
        .find(({ payload }) => payload.mission_id !== old && payload.task_id === FIRST),
    );
    const holder = workers.find((worker) => call.payload.owner.includes(`-${worker.pid}-`));
    expect(holder).toBeDefined();
    await holder?.kill();
    await rm(join(workspaceOf(old), 'wait.txt'));
    const { code, report } = await waited;
    expect([code, report.reason]).toEqual([0, null]);
    expect(rows(report).slice(0, 2)).toEqual([
      [FIRST, 'verified', 2, true],
      [SECOND, 'verified', 2, false],
    ]);
    const owners = swarm.events
      .filter(is('tool_called'))
      .filter(({ payload }) => payload.mission_id === report.mission_id && payload.task_id === FIRST)
      .map(({ payload }) => payload.owner);
    expect(new Set(owners).size).toBe(2);
    expect(await ledger(old)).toBe('first_agent\nsecond_agent\n');
  }, 240_000);
});
