import { randomUUID } from 'node:crypto';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Log, LogAdmin } from '../../src/ports/log.js';
import type { Logger } from '../../src/ports/logger.js';
import { createRetention, type RetentionDeps } from '../../src/roles/orchestrator/retention.js';
import { statusRequest } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { openKafkaLog } from '../kafka/kafka-under-test.js';
import { describeWithBroker } from '../support/broker.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const RETENTION_MS = 60_000;

/** What was logged, by event name. */
function recordingLogger(): Logger & { readonly lines: { readonly event: string; readonly fields: object }[] } {
  const lines: { event: string; fields: object }[] = [];
  const note = (fields: object, event: string) => void lines.push({ event, fields });
  const logger = { debug: note, info: note, warn: note, error: note, child: () => logger, lines };
  return logger;
}

/** A clock that says when it is young records' time, plus the retention; timers wait until they are fired. */
function clockAt(nowMs: number): Clock & { fire(): void; readonly delays: readonly number[] } {
  let timers: { readonly delayMs: number; readonly callback: () => void }[] = [];
  return {
    now: () => nowMs,
    monotonicMs: () => 0,
    setTimer(delayMs, callback) {
      const timer = { delayMs, callback };
      timers.push(timer);
      return { cancel: () => void (timers = timers.filter((each) => each !== timer)) };
    },
    fire: () => timers.splice(0).forEach(({ callback }) => callback()),
    get delays() {
      return timers.map(({ delayMs }) => delayMs);
    },
  };
}

/** Three old records and two young ones in partition 0, and a rule under which only the old ones are too old. */
async function given(log: Log, committed: number | null) {
  const [topic, groupId] = [`retention-${randomUUID()}`, `group-${randomUUID()}`];
  await log.admin.ensureTopics([{ name: topic, partitions: 2, replicationFactor: null, config: {} }]);
  const appender = log.createAppender('test');
  const append = (text: string) => appender.append({ topic, partition: 0, key: text, event: statusRequest(text) });
  await Promise.all(['old 1', 'old 2', 'old 3'].map(append));
  const startMs = Date.now();
  await until('the next millisecond', () => Date.now() > startMs + 1);
  await Promise.all(['young 1', 'young 2'].map(append));
  await appender.close();
  const timestamps: number[] = [];
  const watch = await log.watch({
    topics: [topic],
    from: 'beginning',
    onRecord: (record) => void timestamps.push(record.timestampMs),
    onFatal: (error) => {
      throw error;
    },
  });
  await until('all records', () => timestamps.length === 5);
  await watch.stop();
  if (committed !== null) {
    const member = await log.joinGroup({
      groupId,
      topics: [topic],
      open: () => ({ onRecords() {}, onBlocked() {}, onUnblocked() {}, onClosed() {} }),
      onFatal: (error) => {
        throw error;
      },
    });
    await until('the assignment', () => member.isAssigned({ topic, partition: 0 }));
    await member.commit([{ topic, partition: 0, offset: committed, metadata: 'the state of the fold' }]);
    await member.leave();
  }
  const clock = clockAt((timestamps[3] ?? 0) + RETENTION_MS);
  const logger = recordingLogger();
  const deps: RetentionDeps = {
    admin: log.admin,
    clock,
    logger,
    rules: () => [{ topic, groupId, retentionMs: RETENTION_MS }],
  };
  return { topic, deps, clock, logger, firstHeld: async () => (await log.admin.offsets(topic))[0]?.low };
}

function retentionSuite(open: () => Promise<Log>): void {
  let log: Log;
  beforeAll(async () => {
    log = await open();
  });
  afterAll(() => log.close());

  test('given everything is handled, when it runs, then old records are deleted and young ones kept', async () => {
    const { deps, firstHeld, topic, logger } = await given(log, 5);
    await createRetention(deps).run();
    expect(await firstHeld()).toBe(3);
    expect(logger.lines).toEqual([
      { event: 'retention.deleted', fields: { topic, partition: 0, before_offset: 3, records: 3 } },
    ]);
  });

  test('given old unhandled records, when it runs, then it deletes none at or above the committed offset', async () => {
    const { deps, firstHeld } = await given(log, 2);
    await createRetention(deps).run();
    expect(await firstHeld()).toBe(2);
  });
}

describe('retention on the in-memory log', () => {
  const open = async () => createMemoryLog({ clock: systemClock });
  retentionSuite(open);

  test('given nothing was committed, when it runs, then nothing is deleted', async () => {
    const { deps, firstHeld, logger } = await given(await open(), null);
    await createRetention(deps).run();
    expect(await firstHeld()).toBe(0);
    expect(logger.lines).toEqual([]);
  });

  test("given a commit of another tool, without the fold's state, when it runs, then nothing is deleted", async () => {
    const log = await open();
    const { deps, firstHeld, topic } = await given(log, null);
    log.setCommitted(deps.rules()[0]?.groupId ?? '', { topic, partition: 0 }, { offset: 5, metadata: '' });
    await createRetention(deps).run();
    expect(await firstHeld()).toBe(0);
    log.setCommitted(deps.rules()[0]?.groupId ?? '', { topic, partition: 0 }, { offset: 5, metadata: 'the state' });
    await createRetention(deps).run();
    expect(await firstHeld()).toBe(3);
  });

  test('given two orchestrators, when both run side by side, then the outcome is that of one', async () => {
    const { deps, firstHeld, logger } = await given(await open(), 4);
    await Promise.all([createRetention(deps).run(), createRetention(deps).run()]);
    expect(await firstHeld()).toBe(3);
    expect(logger.lines.filter(({ event }) => event === 'retention.failed')).toEqual([]);
  });

  test('given one topic fails, when it runs, then the others have their turn, and that one the next time', async () => {
    const log = await open();
    const [failing, healthy] = [await given(log, 5), await given(log, 5)];
    let broken = true;
    const admin: LogAdmin = {
      ...log.admin,
      deleteRecords: async (topic, ...rest) => {
        if (broken && topic === failing.topic) throw new Error('the leader is moving');
        return log.admin.deleteRecords(topic, ...rest);
      },
    };
    const retention = createRetention({
      ...healthy.deps,
      admin,
      logger: failing.logger,
      rules: () => [...failing.deps.rules(), ...healthy.deps.rules()],
    });
    await retention.run();
    expect([await failing.firstHeld(), await healthy.firstHeld()]).toEqual([0, 3]);
    expect(failing.logger.lines).toContainEqual({
      event: 'retention.failed',
      fields: { topic: failing.topic, err: new Error('the leader is moving') },
    });
    broken = false;
    await retention.run();
    expect(await failing.firstHeld()).toBe(5); // By the time of the other topic's young records, all of these are old.
  });

  test('given it was started, when the interval has passed, then it runs again, and after stop no more', async () => {
    const log = await open();
    const { deps, clock, firstHeld, topic } = await given(log, 1);
    const retention = createRetention(deps);
    retention.start(3_600_000);
    await until('the first run', () => clock.delays.length === 1);
    expect([clock.delays, await firstHeld()]).toEqual([[3_600_000], 1]);
    log.setCommitted(
      deps.rules()[0]?.groupId ?? '',
      { topic, partition: 0 },
      { offset: 2, metadata: 'the state of the fold' },
    );
    clock.fire();
    await until('the second run', () => clock.delays.length === 1);
    expect(await firstHeld()).toBe(2);
    await retention.stop();
    expect(clock.delays).toEqual([]);
  });

  test('given an orchestrator with rules, when it starts, then it deletes what is old and done', async () => {
    const log = await open();
    const { deps, firstHeld } = await given(log, 5);
    const swarm = await createRoleSwarm({
      roster: [agentSpec('cert_agent')],
      log,
      retention: deps.rules().map((rule) => ({ ...rule, retentionMs: 0 })),
    });
    await swarm.startOrchestrator();
    await until('the deletion', async () => (await firstHeld()) === 5);
    await swarm.close();
  });
});

describeWithBroker('retention on a real broker', () => {
  retentionSuite(openKafkaLog);
});
