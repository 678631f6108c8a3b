/** Reading a part of a real topic shows what the whole shows, and what it costs does not grow with what lies before. */
import { randomUUID } from 'node:crypto';
import { createMissionReader, type MissionReader } from '../../src/client/mission-reader.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import type { Log } from '../../src/ports/log.js';
import { silentLogger } from '../../src/ports/logger.js';
import { taskProgress } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { describeWithBroker } from '../support/broker.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import { openKafkaLog } from './kafka-under-test.js';

const HISTORY = 20_000;
const prefix = `reader-${randomUUID()}`;
const topics = createTopicNames(prefix);
const topic = topics.coordination;

describeWithBroker('missions of a topic with a history', () => {
  let log: KafkaLog;
  let swarm: RoleSwarm;
  let reader: MissionReader;
  let read = 0;
  let before: string;
  let behind: string;

  /** What lies about in a topic: it belongs to no mission that is there. */
  async function writeHistory(): Promise<void> {
    const appender = log.createAppender('history');
    const event = taskProgress('20260101-000000-000-p00-aaaa', 'deploy-cert_agent-wave1', 1);
    const record = { topic, partition: 0, key: 'history', event };
    await Promise.all(Array.from({ length: HISTORY }, () => appender.append(record)));
    await appender.close();
  }
  /** The orchestrator has read all, and nothing is open before it. */
  const allCommitted = () =>
    until('the replay points at the end', async () => {
      const [commits, bounds] = await Promise.all([
        log.admin.committed(topics.orchestratorGroup, topic),
        log.admin.offsets(topic),
      ]);
      return bounds.every(({ high }, partition) => high === 0 || (commits[partition]?.offset ?? -1) >= high);
    });
  const stateIn = async (wanted: string) => {
    read = 0;
    const { feed } = await reader.openMission(wanted);
    const report = feed.view.report(wanted);
    await feed.stop();
    return report;
  };

  beforeAll(async () => {
    log = await openKafkaLog({ prefix });
    swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], log, prefix });
    await swarm.startOrchestrator();
    await swarm.startWorker();
    before = await swarm.submit();
    await swarm.ended(before);
    await writeHistory();
    behind = await swarm.submit();
    await swarm.ended(behind);
    await allCommitted();
    const counting: Log = {
      ...log,
      watch: (options) => log.watch({ ...options, onRecord: (record) => ((read += 1), options.onRecord(record)) }),
    };
    const signal = new AbortController().signal;
    reader = createMissionReader({ clock: systemClock, signal, topics, logger: silentLogger }, counting);
  }, 300_000);
  afterAll(async () => {
    await swarm.close();
    await log.close();
  }, 60_000);

  // The first one: after each test its swarms are closed, and this one needs a running swarm.
  test('the open ones are found from the replay points of the orchestrators', async () => {
    read = 0;
    const none = await reader.window({ sinceMs: null, withOpen: true });
    expect([none.reports(), read]).toEqual([[], 0]);
    await none.stop();
    const id = await swarm.submit({ approval: 'approval' });
    await swarm.until(() => swarm.view.report(id)?.status === 'waiting_for_approval');
    const open = await reader.window({ sinceMs: null, withOpen: true });
    await open.stop();
    expect(open.reports().map(({ mission_id, status }) => [mission_id, status])).toEqual([
      [id, 'waiting_for_approval'],
    ]);
    expect(read).toBeLessThan(100);
  });

  test('each is read as the whole topic shows it', async () => {
    const whole = await reader.whole();
    await whole.stop();
    for (const id of [before, behind]) expect(await stateIn(id)).toEqual(whole.view.report(id));
  });

  test('one that began before the history is read up to its end, and not to that of the topic', async () => {
    await stateIn(before);
    expect(read).toBeLessThan(HISTORY);
  });
});
