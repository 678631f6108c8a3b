import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseMissionFile } from '../support/parse-mission-file.js';
import { loadRoster, type Roster } from '../../src/agent/roster.js';
import { loadTopicPlan } from '../../src/avro/topic-plan.js';
import { submitMission } from '../../src/client/submit.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';
import { systemClock } from '../contract/system-clock.js';
import { silentLogger } from '../kafka/kafka-under-test.js';
import { largeMissionFile } from '../support/large-mission.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

const projectFile = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

describe('a mission of ten waves of 120 tasks over the twelve agents', () => {
  let clone: TestClone;
  let roster: Roster;
  beforeAll(async () => {
    clone = await createTestClone();
    roster = await loadRoster(projectFile('agents'), {
      tools: TOOL_DEFINITIONS.map(({ name }) => name),
      setting: 'RAVENHELM_AGENTS_DIR',
    });
    expect(roster.agents).toHaveLength(12);
  });
  afterAll(() => clone.remove());

  const run = (file: string, command: string, ...flags: readonly string[]) =>
    runInPipe(clone, [command, file, '--agents-dir', projectFile('agents'), ...flags]);

  test('is read from a file of some 80 KB, and shown by plan', async () => {
    const text = largeMissionFile({ roster: roster.agents, waves: 10, tasks: 120 });
    expect(text.length).toBeGreaterThan(70_000);
    expect(text.length).toBeLessThan(90_000);
    writeFileSync(join(clone.dir, 'missions/large.yaml'), text);
    const { code, stdout } = await run('missions/large.yaml', 'plan', '--json');
    expect(code).toBe(0);
    const { plan } = JSON.parse(stdout);
    expect(plan.waves.map(({ tasks }: { tasks: readonly unknown[] }) => tasks.length)).toEqual(Array(10).fill(120));
  });

  test('runs whole through the program', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `agent_${index + 1}`);
    mkdirSync(join(clone.dir, 'many'));
    for (const name of names)
      writeFileSync(
        join(clone.dir, `many/${name}.md`),
        `---\nname: ${name}\ndescription: Notes.\nphase: 1\ntools: [execute_terminal_command]\nconcurrency: 4\n` +
          'playbooks:\n  note:\n    steps: [{ name: note, command: ":" }]\n---\nYou note.\n',
      );
    const agents = await loadRoster(join(clone.dir, 'many'), { tools: ['execute_terminal_command'] });
    const text = largeMissionFile({ roster: agents.agents, waves: 10, tasks: 120, playbook: 'note' });
    writeFileSync(join(clone.dir, 'missions/many.yaml'), text);
    const flags = ['--agents-dir', join(clone.dir, 'many'), '--log', 'memory', '--sandbox', 'off', '--json'];
    const { code, stdout } = await runInPipe(clone, ['run', 'missions/many.yaml', ...flags]);
    const report = JSON.parse(stdout);
    expect([code, report.status, report.tasks.length]).toEqual([0, 'completed', 1_200]);
  });

  test('is submitted in one record that fits the topics of topics.yaml and the default of brokers', async () => {
    const topics = createTopicNames('large');
    const workspaceRoot = await mkdtemp(join(tmpdir(), 'large-mission-'));
    const text = largeMissionFile({ roster: roster.agents, waves: 10, tasks: 120 });
    const mission = parseMissionFile(text, 'large.yaml', roster);
    const client = {
      clock: systemClock,
      ids: { uuid: () => crypto.randomUUID() },
      random: Math.random,
      logger: silentLogger,
      topics,
      signal: new AbortController().signal,
      requester: 'test',
    };
    const plan = await loadTopicPlan(projectFile('topics.yaml'), topics, roster.names);
    const bare = plan.map((topic) => ({ ...topic, config: {} }));
    try {
      for (const specs of [plan, bare]) {
        const log = createMemoryLog({ clock: systemClock });
        await log.admin.ensureTopics(specs);
        await submitMission(client, log, { mission, workspaceRoot, workspace: null });
        const written = await log.admin.offsets(topics.coordination);
        expect(written.reduce((sum, { low, high }) => sum + high - low, 0)).toBe(1);
        await log.close();
      }
    } finally {
      await rm(workspaceRoot, { recursive: true });
    }
  });

  test.each([['run', '--log', 'memory'], ['plan'], ['submit']])(
    'larger than topics.yaml allows is refused by %s with both sizes, before anything is started',
    async (...args) => {
      const [command, ...flags] = args;
      const description = 'A long description. '.repeat(400).trim();
      const text = largeMissionFile({ roster: roster.agents, waves: 10, tasks: 120, description });
      writeFileSync(join(clone.dir, 'missions/huge.yaml'), text);
      const { code, stderr } = await run('missions/huge.yaml', command, ...flags);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.any(String) });
      const message = /the mission has (\d+) bytes and (\S+) takes (\d+); it was not submitted/.exec(stderr);
      expect(message).not.toBeNull();
      const [, bytes, topic, limit] = message ?? [];
      expect(topic).toBe('ravenhelm.squad.coordination');
      expect(Number(limit)).toBe(8_388_608);
      expect(Number(bytes)).toBeGreaterThan(8_388_608);
      expect(stderr).toContain('missions/huge.yaml: the mission has');
      expect(stderr).toContain('Split its plan into several missions');
      // Not even a broker was looked for.
      expect(stderr).toMatch(/^error: missions\/huge\.yaml: the mission has/);
      expect(stderr).not.toContain('mission_requested');
    },
  );
});
