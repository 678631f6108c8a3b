import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRoster, loadRoster } from '../../src/agent/roster.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { TopicNameCollides } from '../../src/kafka/errors.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { prepareCluster } from '../../src/swarm/prepare-cluster.js';
import { agentSpec } from '../agent/fakes.js';
import { systemClock } from '../contract/system-clock.js';
import { silentLogger } from '../kafka/kafka-under-test.js';

const topicsFile = fileURLToPath(new URL('../../topics.yaml', import.meta.url));
const topics = createTopicNames('team.a');

/** A log on a cluster that has this topic. */
function logBeside(other: string) {
  const log = createMemoryLog({ clock: systemClock });
  const plain = (name: string) => name.replaceAll('.', '_');
  return {
    ...log,
    admin: {
      ...log.admin,
      ensureTopics: async (specs: Parameters<typeof log.admin.ensureTopics>[0]) => {
        const near = specs.find(({ name }) => name !== other && plain(name) === plain(other));
        if (near !== undefined) throw new TopicNameCollides(near.name, other);
        return log.admin.ensureTopics(specs);
      },
    },
  };
}

describe('a topic whose name differs from another in dots and underscores only', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prepare-cluster-'));
    const head = 'description: Tests.\nphase: 1\ntools: [run]\n---\nYou test.\n';
    await writeFile(join(dir, 'other_agent.md'), `---\nname: other_agent\n${head}`);
    await writeFile(join(dir, 'test_agent.md'), `---\n# two lines\n# before the name\nname: test_agent\n${head}`);
  });
  afterEach(() => rm(dir, { recursive: true }));

  const prepare = async (other: string, roster = loadRoster(dir, { tools: ['run'] })) =>
    prepareCluster({ topics, logger: silentLogger }, { log: logBeside(other), topicsFile, roster: await roster });

  test("is refused at the agent's file and line", async () => {
    await expect(prepare('team_a.tasks.test_agent')).rejects.toMatchObject({
      code: 'config',
      problems: [
        {
          file: join(dir, 'test_agent.md'),
          line: 4,
          message: expect.stringContaining(
            'team.a.tasks.test_agent cannot be created: the name differs from team_a.tasks.test_agent',
          ),
          fix: expect.stringContaining('another name for the agent'),
        },
      ],
    });
    const all = loadRoster(dir, { tools: ['run'] });
    const some = all.then((roster) => roster.subset(['test_agent']));
    await expect(prepare('team_a.tasks.test_agent', some)).rejects.toThrow(/test_agent\.md:4:\d+: its topic/);
  });

  test('is refused with the name of an agent that has no file', async () => {
    const roster = Promise.resolve(createRoster([agentSpec]));
    await expect(prepare(`team_a.tasks.${agentSpec.name}`, roster)).rejects.toThrow(
      `agent ${agentSpec.name}: its topic team.a.tasks.${agentSpec.name} cannot be created`,
    );
  });

  test('is the prefix’s fault where each swarm has such a topic', async () => {
    await expect(prepare('team_a.coordination')).rejects.toMatchObject({
      code: 'topic_name_collides',
      message: expect.stringContaining('RAVENHELM_PREFIX'),
    });
  });

  test('nothing is refused where the names differ', async () => {
    expect((await prepare('team_a.tasks.third_agent')).topics).toContain('team.a.tasks.test_agent');
  });
});

describe('a topic that is there and takes smaller records than topics.yaml has, or has another time', () => {
  const prepare = async (maxMessageBytes: string, more: Readonly<Record<string, string>> = {}) => {
    const log = createMemoryLog({ clock: systemClock });
    const config = { 'max.message.bytes': maxMessageBytes, ...more };
    const partitions = 12;
    await log.admin.ensureTopics([{ name: topics.coordination, partitions, replicationFactor: null, config }]);
    const roster = createRoster([agentSpec]);
    return (await prepareCluster({ topics, logger: silentLogger }, { log, topicsFile, roster })).warnings;
  };

  test('is named at the start with what it takes, what may be needed, and the command that raises it', async () => {
    const [warning, ...others] = await prepare('1000000');
    expect(others).toEqual([]);
    expect(warning).toContain('team.a.coordination takes records of at most 1000000 bytes (max.message.bytes)');
    expect(warning).toContain('up to 8388608 may be needed');
    expect(warning).toContain('--entity-name team.a.coordination --add-config max.message.bytes=8388608');
  });

  test('is named with what it allows and the command, where it keeps the time of the writer', async () => {
    const [warning, ...others] = await prepare('8388608', { 'message.timestamp.type': 'CreateTime' });
    expect(others).toEqual([]);
    expect(warning).toMatch(/^warning: team\.a\.coordination keeps the time that the writer/);
    expect(warning).toContain('--entity-name team.a.coordination --add-config message.timestamp.type=LogAppendTime');
    expect(await prepare('8388608', { 'message.timestamp.type': 'LogAppendTime' })).toEqual([]);
  });

  test('is not named where it takes as much, or more', async () => {
    expect([await prepare('8388608'), await prepare('9000000')]).toEqual([[], []]);
  });
});
