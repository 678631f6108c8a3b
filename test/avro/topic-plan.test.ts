import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { TopicPlanInvalid } from '../../src/avro/errors.js';
import { loadTopicPlan, parseTopicPlan } from '../../src/avro/topic-plan.js';

const FILE = fileURLToPath(new URL('../../topics.yaml', import.meta.url));
const DAY_MS = 86_400_000;

describe('topics.yaml', () => {
  const names = createTopicNames();
  const problemsOf = (text: string): readonly string[] => {
    try {
      parseTopicPlan('topics.yaml', text, names, []);
    } catch (error) {
      if (error instanceof TopicPlanInvalid) return error.problems;
      throw error;
    }
    return [];
  };
  const changed = async (from: string, to: string) => {
    const text = await readFile(FILE, 'utf8');
    expect(text).toContain(from);
    return text.replace(from, to);
  };

  test('names every topic of the swarm, one tasks topic for each agent', async () => {
    const plan = await loadTopicPlan(FILE, names, ['cert_agent', 'thirteenth_agent']);
    expect(plan.map(({ name, partitions }) => [name, partitions])).toEqual([
      ['ravenhelm.squad.coordination', 12],
      ['ravenhelm.squad.tasks.cert_agent', 6],
      ['ravenhelm.squad.tasks.thirteenth_agent', 6],
      ['ravenhelm.squad.status', 1],
      ['ravenhelm.squad.dead-letters', 1],
    ]);
  });

  test('keeps coordination and tasks forever on the broker; the swarm applies their retention', async () => {
    const [coordination, tasks, status] = await loadTopicPlan(FILE, names, ['cert_agent']);
    for (const topic of [coordination, tasks]) {
      expect(topic).toMatchObject({
        swarmRetentionMs: 7 * DAY_MS,
        config: { 'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete' },
      });
    }
    expect(coordination?.config['message.timestamp.type']).toBe('LogAppendTime');
    expect(status).toMatchObject({ swarmRetentionMs: null, config: { 'retention.ms': String(DAY_MS) } });
  });

  test('keeps audits for years', async () => {
    const text = await changed('retention: 7 d # 7 y for an audit', 'retention: 7 y');
    expect(parseTopicPlan('topics.yaml', text, names, [])[0]?.swarmRetentionMs).toBe(7 * 365 * DAY_MS);
  });

  test('names file, line, column and field of each problem', async () => {
    expect(problemsOf(await changed('partitions: 12', 'partitions: none'))).toEqual([
      expect.stringMatching(/^topics\.yaml:14:\d+: coordination\.partitions: .*number/),
    ]);
    expect(problemsOf(await changed('retention: 7 d # 7 y', 'retention: a week # 7 y'))).toEqual([
      expect.stringMatching(/^topics\.yaml:15:\d+: coordination\.retention: expected forever/),
    ]);
    expect(problemsOf(await changed('  partitions: 12', '  partition: 12'))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^topics\.yaml:14:\d+: coordination\.partition: Unrecognized key/),
      ]),
    );
    expect(problemsOf('coordination: [')).toEqual([expect.stringMatching(/^topics\.yaml:1:\d+: /)]);
    expect(problemsOf('')).toEqual([expect.stringMatching(/^topics\.yaml:1:\d+: the file: /)]);
  });

  test('refuses a broker setting that would delete open work', async () => {
    expect(
      problemsOf(await changed('    message.timestamp.type: LogAppendTime\n', '    retention.ms: 1000\n')),
    ).toEqual([
      expect.stringMatching(
        /coordination\.config\.retention\.ms: remove it: a broker that deletes by age deletes open work/,
      ),
    ]);
  });

  test('refuses deletion by the swarm for topics without a consumer group', async () => {
    expect(
      problemsOf(await changed('retention: 1 d\n  deleted_by: broker', 'retention: 1 d\n  deleted_by: swarm')),
    ).toEqual([
      expect.stringMatching(
        /^topics\.yaml:\d+:\d+: status\.deleted_by: use broker: no consumer group commits offsets here/,
      ),
    ]);
  });

  test('names the missing file', async () => {
    await expect(loadTopicPlan('/nowhere/topics.yaml', names, [])).rejects.toThrow(
      /^\/nowhere\/topics\.yaml: cannot be read/,
    );
  });
});
