import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { loadTopicPlan } from '../../src/avro/topic-plan.js';
import type { AgentEvent, Plan } from '../../src/domain/events.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { RecordTooLarge, type LogRecord } from '../../src/ports/log.js';
import { joinRecorded } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { proposed, requested } from '../domain/support/mission-log.js';
import { describeWithBroker } from '../support/broker.js';
import { openKafkaLog } from './kafka-under-test.js';

const TOPICS_FILE = fileURLToPath(new URL('../../topics.yaml', import.meta.url));
const AGENTS = Array.from({ length: 12 }, (_, index) => `agent_${index + 1}`);
const WAVES = 10;

/** Each task depends on four of the wave before, which is more than a plan from a file of this size gives it. */
function planOf(count: number): Plan {
  const perWave = count / WAVES;
  const id = (wave: number, index: number) => `deploy-${AGENTS[index % AGENTS.length]}-wave${wave}-${index + 1}`;
  return {
    strategy: 'One wave after the other.',
    risks: [],
    notes: [],
    success_criteria: [],
    waves: Array.from({ length: WAVES }, (_, wave) => ({
      wave_number: wave + 1,
      rationale: '',
      tasks: Array.from({ length: perWave }, (__, index) => ({
        task_id: id(wave + 1, index),
        agent: AGENTS[index % AGENTS.length] ?? '',
        description: `Do part ${index + 1} of wave ${wave + 1}, as the mission's brief says, and name what was done.`,
        playbook: null,
        acceptance: [],
        timeout_seconds: null,
        protected: [],
        changes: [],
        artifacts: [],
        dependencies:
          wave === 0 ? [] : [0, 1, 2, 3].map((further) => id(wave, (index + further * AGENTS.length) % perWave)),
      })),
    })),
  };
}

/** Without the decoder's own prototypes. */
const plain = (payload: AgentEvent['payload'] | undefined): unknown => JSON.parse(JSON.stringify(payload ?? null));

describeWithBroker('plans of many tasks on Kafka', () => {
  const releases: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  async function openCoordination() {
    const prefix = `large-${randomUUID()}`;
    const log = await openKafkaLog({ prefix });
    releases.push(() => log.close());
    const topics = createTopicNames(prefix);
    const topic = topics.coordination;
    const plan = await loadTopicPlan(TOPICS_FILE, topics, []);
    expect(await log.admin.ensureTopics(plan.filter(({ name }) => name === topic))).toEqual([]);
    const appender = log.createAppender('coordination');
    releases.push(() => appender.close());
    const append = (event: AgentEvent) => appender.append({ topic, partition: 3, key: 'm-1', event });
    return { log, topic, append };
  }

  test('of 10,000 tasks are appended in one record each, and read back by a group and by a watch', async () => {
    const { log, topic, append } = await openCoordination();
    const plan = planOf(10_000);
    const events = [requested({ plan }), proposed(1, plan), requested({ plan })];
    // More than a broker takes by its own default, and more than one fetch asks of a partition.
    expect(JSON.stringify(plan).length).toBeGreaterThan(2 * 1024 * 1024);
    const watched: LogRecord[] = [];
    const watch = await log.watch({
      topics: [topic],
      from: 'beginning',
      onRecord: (record) => void watched.push(record),
      onFatal: (error) => {
        throw error;
      },
    });
    releases.push(() => watch.stop());
    for (const event of events) await append(event);
    const group = await joinRecorded(log, `group-${randomUUID()}`, topic);
    releases.push(() => group.member.leave());
    await until('the group has the records', () => group.records.length >= events.length, 120_000);
    await until('the watch has the records', () => watched.length >= events.length, 120_000);
    // Not toEqual: its difference of two plans of this size would take minutes.
    const isAsWritten = ({ content }: LogRecord, index: number) =>
      content.kind === 'event' && isDeepStrictEqual(plain(content.event.payload), plain(events[index]?.payload));
    for (const records of [group.records, watched]) expect(records.map(isAsWritten)).toEqual([true, true, true]);
    expect({ blocked: group.blocked, fatal: group.fatal }).toEqual({ blocked: [], fatal: [] });
  }, 240_000);

  test('that are larger than the topic takes are refused, and what follows is appended', async () => {
    const { topic, append, log } = await openCoordination();
    await expect(append(requested({ plan: planOf(60_000) }))).rejects.toBeInstanceOf(RecordTooLarge);
    await append(requested());
    const ends = await log.admin.offsets(topic);
    expect(ends.reduce((sum, { low, high }) => sum + high - low, 0)).toBe(1);
  }, 240_000);
});
