import { createDeferred, type Deferred } from '../../src/domain/deferred.js';
import { belongsIn } from '../../src/domain/event-places.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createMemoryLog, type MemoryLog } from '../../src/memory/memory-log.js';
import { parseLetterHeaders } from '../../src/domain/dead-letter.js';
import { AppendFailed, AppendRejected, type Appended, type LogRecord, type RecordCopy } from '../../src/ports/log.js';
import { pause } from '../../src/ports/clock.js';
import type { Logger } from '../../src/ports/logger.js';
import { noMetrics } from '../../src/ports/metrics.js';
import { createDeadLetters } from '../../src/roles/shared/dead-letters.js';
import { statusRequest } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const topics = createTopicNames('test');
const tasks = { topic: topics.tasks('cert_agent'), partition: 0 };
const coordination = { topic: topics.coordination, partition: 0 };
const poison = { kind: 'poison', reason: 'not in the Confluent wire format' } as const;

/** A memory log that writes down the dead letters. Between hold and release they are not acknowledged. */
function recordingLog(): MemoryLog & { readonly letters: readonly RecordCopy[]; hold(): void; release(): void } {
  const log = createMemoryLog({ clock: systemClock });
  const letters: RecordCopy[] = [];
  let held: Deferred<void> | null = null;
  return {
    ...log,
    letters,
    hold: () => void (held = createDeferred()),
    release: () => held?.resolve(),
    async copyRecord(letter) {
      letters.push(letter);
      await held?.promise;
      return log.copyRecord(letter);
    },
  };
}

const errorOf = ({ headers }: Pick<RecordCopy, 'headers'>) => parseLetterHeaders(headers)?.error;
const originOf = ({ record, headers }: RecordCopy) => {
  const { topic, partition, offset } = parseLetterHeaders(headers)?.origin ?? {};
  return { topic, partition, offset, key: record.key, error: errorOf({ headers }) };
};

describe('what the roles skip on the in-memory log', () => {
  let log: ReturnType<typeof recordingLog>;
  let swarm: RoleSwarm;
  beforeEach(async () => {
    log = recordingLog();
    swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], partitions: 1, log });
  });
  afterEach(async () => {
    log.release(); // A test that fails while they are held must end all the same.
    await swarm.close();
    await log.close();
  });

  /** Nothing of the partition would have to be folded again. */
  const committedAll = async (groupId: string, { topic }: { readonly topic: string }) => {
    const [[committed], [bounds]] = await Promise.all([log.admin.committed(groupId, topic), log.admin.offsets(topic)]);
    return committed?.offset === bounds?.high;
  };

  test('given poison in both partitions, when read, then each is kept once; the mission continues', async () => {
    await swarm.startOrchestrator();
    await swarm.startWorker();
    await until('both claims', () => swarm.eventsOf('partition_claimed').length === 2);
    const offsets = [log.writeForeign(tasks, 'k', poison), log.writeForeign(coordination, null, poison)];
    expect((await swarm.ended(await swarm.submit())).status).toBe('completed');
    expect(log.letters.map(originOf)).toEqual(
      expect.arrayContaining([
        { ...tasks, offset: offsets[0], key: 'k', error: poison.reason },
        { ...coordination, offset: offsets[1], key: null, error: poison.reason },
      ]),
    );
    expect(log.letters).toHaveLength(2);
    expect(log.letters.every(({ topic }) => topic === topics.deadLetters)).toBe(true);
    await until(
      'the replay points behind them',
      async () =>
        (await committedAll(topics.workerGroup('cert_agent'), tasks)) &&
        (await committedAll(topics.orchestratorGroup, coordination)),
    );
  });

  test('given more poison than can be written at once, then it is read no faster; none is forgotten', async () => {
    await swarm.startOrchestrator();
    await until('the claim', () => swarm.eventsOf('partition_claimed').length === 1);
    log.hold();
    const offsets = Array.from({ length: 5_000 }, () => log.writeForeign(coordination, null, poison));
    await until('as many as it has room for', () => log.letters.length >= 1_000);
    await pause(systemClock, 200);
    expect(log.letters.length).toBeLessThan(2_000);
    log.release();
    await until('all', () => log.letters.length === offsets.length);
    expect(new Set(log.letters.map((letter) => originOf(letter).offset))).toEqual(new Set(offsets));
  });

  test('given events of another topic, when they are read, then they are kept and have no other effect', async () => {
    await swarm.startOrchestrator();
    await swarm.startWorker();
    const appender = log.createAppender('test');
    for (const partition of [tasks, coordination])
      await appender.append({ ...partition, key: 'k', event: statusRequest('misplaced') });
    await appender.close();
    expect((await swarm.ended(await swarm.submit())).status).toBe('completed');
    await until('both letters', () => log.letters.length === 2);
    expect(log.letters.map((letter) => [letter.record.topic, errorOf(letter)]).sort()).toEqual([
      [coordination.topic, 'request_status does not belong in a coordination partition'],
      [tasks.topic, 'request_status does not belong in a tasks partition'],
    ]);
  });

  test('given unread poison, when a worker joins and claims the partition behind it, then it is kept', async () => {
    const offset = log.writeForeign(tasks, 'k', poison);
    await swarm.startWorker();
    await until('the letter', () => log.letters.length === 1);
    expect(log.letters.map(originOf)).toEqual([{ ...tasks, offset, key: 'k', error: poison.reason }]);
    await until('the replay point behind it', () => committedAll(topics.workerGroup('cert_agent'), tasks));
  });
});

describe('dead letters of a partition', () => {
  const record: LogRecord = { ...tasks, offset: 7, timestampMs: 1, key: 'k', content: poison };

  async function given(options: {
    readonly held: boolean;
    readonly topicExists?: boolean;
    readonly write?: (letter: RecordCopy) => Promise<Appended>;
  }) {
    const log = recordingLog();
    if (options.topicExists ?? true)
      await log.admin.ensureTopics([{ name: topics.deadLetters, partitions: 3, replicationFactor: null, config: {} }]);
    const claim = { held: options.held };
    const logged: string[] = [];
    const fatal: Error[] = [];
    const note = (_fields: object, event: string) => void logged.push(event);
    const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
    const deadLetters = createDeadLetters({
      log: { ...log, ...(options.write ? { copyRecord: options.write } : {}) },
      clock: systemClock,
      logger,
      topics,
      metrics: noMetrics,
      isHeld: () => claim.held,
      onFatal: (error) => void fatal.push(error),
    });
    return { log, claim, logged, fatal, deadLetters };
  }

  test('given the claim is not read back, when a record is skipped, then it is written only after that', async () => {
    const { log, claim, deadLetters } = await given({ held: false });
    deadLetters.skip(record, 'poison');
    await deadLetters.settled();
    expect([log.letters.length, deadLetters.isSettled()]).toEqual([0, false]);
    claim.held = true;
    deadLetters.onHeld();
    expect(deadLetters.isSettled()).toBe(false);
    await deadLetters.settled();
    expect([log.letters.map(originOf), deadLetters.isSettled()]).toEqual([
      [{ ...tasks, offset: 7, key: 'k', error: 'poison' }],
      true,
    ]);
    deadLetters.onHeld();
    await deadLetters.settled();
    expect(log.letters).toHaveLength(1);
  });

  test('given a claim lost while the topic is looked up, when held again, then there is one letter', async () => {
    const { log, claim, deadLetters } = await given({ held: true });
    deadLetters.skip(record, 'poison');
    claim.held = false;
    await deadLetters.settled();
    expect([log.letters.length, deadLetters.isSettled()]).toEqual([0, false]);
    claim.held = true;
    deadLetters.onHeld();
    await deadLetters.settled();
    expect([log.letters.length, deadLetters.isSettled()]).toEqual([1, true]);
  });

  test('given no topic or a refusal, when a record is skipped, then that is logged; the rest continues', async () => {
    for (const options of [
      { held: true, topicExists: false },
      { held: true, write: () => Promise.reject(new AppendRejected('too large')) },
    ]) {
      const { logged, fatal, deadLetters } = await given(options);
      deadLetters.skip(record, 'poison');
      await deadLetters.settled();
      expect([logged, fatal, deadLetters.isSettled()]).toEqual([['record.skipped', 'dead_letter.rejected'], [], true]);
    }
  });

  test('given no log in reach, when a record is skipped, then the role restarts; no commit passes it', async () => {
    const { fatal, deadLetters } = await given({
      held: true,
      write: () => Promise.reject(new AppendFailed('no broker')),
    });
    deadLetters.skip(record, 'poison');
    await deadLetters.settled();
    expect([fatal, deadLetters.isSettled()]).toEqual([[new AppendFailed('no broker')], false]);
  });
});

test('status news belong on the status topic only; assignments and results travel on both others', () => {
  expect((['coordination', 'tasks', 'status'] as const).map((place) => belongsIn(place, 'heartbeat'))).toEqual([
    false,
    false,
    true,
  ]);
  expect((['coordination', 'tasks', 'status'] as const).map((place) => belongsIn(place, 'task_assigned'))).toEqual([
    true,
    true,
    false,
  ]);
  expect((['coordination', 'tasks', 'status'] as const).map((place) => belongsIn(place, 'tool_called'))).toEqual([
    false,
    true,
    false,
  ]);
});
