/** The request of a mission that continues another one: when it is refused, and what of it the log takes. */
import type { MissionFeed } from '../../src/client/mission-feed.js';
import type { ClientContext } from '../../src/client/context.js';
import { retryMission, type RetryOptions } from '../../src/client/retry.js';
import { createDeferred } from '../../src/domain/deferred.js';
import type { PayloadOf } from '../../src/domain/events.js';
import { createMissionId, parseMissionId } from '../../src/domain/mission-id.js';
import { RECORD_SIZE } from '../../src/domain/sizes.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { silentLogger } from '../../src/ports/logger.js';
import { createSystemIds } from '../../src/telemetry/system-clock.js';
import { systemClock } from '../contract/system-clock.js';
import { T0 } from '../domain/support/events.js';
import {
  cancelRequested,
  CERT,
  completed,
  ENV,
  failed,
  ID,
  PARTITION,
  requested,
  TWO_WAVES,
  underWay,
  type MissionLog,
} from '../domain/support/mission-log.js';

const topics = createTopicNames('test');
const context: ClientContext = {
  clock: systemClock,
  ids: createSystemIds(),
  random: Math.random,
  logger: silentLogger,
  topics,
  signal: new AbortController().signal,
  requester: 'ann',
};
const AGENTS = TWO_WAVES.waves.flatMap(({ tasks }) => tasks.map(({ agent }) => agent));
const NEXT = createMissionId({ nowMs: T0 + 1, partition: PARTITION, random: () => 0.6 });

/** A log that takes so many bytes in a record of the coordination topic. */
async function logOf(limitBytes = 1_000_000) {
  const log = createMemoryLog({ clock: systemClock });
  const spec = { partitions: PARTITION + 1, replicationFactor: null };
  await log.admin.ensureTopics([
    { ...spec, name: topics.coordination, config: { [RECORD_SIZE]: String(limitBytes) } },
    { ...spec, name: topics.status, config: {} },
  ]);
  return log;
}

async function requests(log: Awaited<ReturnType<typeof logOf>>) {
  const found: PayloadOf<'mission_requested'>[] = [];
  const caughtUp = createDeferred<undefined>();
  const watch = await log.watch({
    topics: [topics.coordination],
    from: 'beginning',
    onRecord({ content }) {
      if (content.kind === 'event' && content.event.event_type === 'mission_requested')
        found.push(content.event.payload);
    },
    onCaughtUp: () => caughtUp.resolve(undefined),
    onFatal: (error) => caughtUp.reject(error),
  });
  await caughtUp.promise;
  await watch.stop();
  return found;
}

/** As a reader has read it that began near the missions that it shows. */
function feedOf(log: MissionLog, shown: readonly string[]): MissionFeed {
  const mission = (id: string) => (shown.includes(id) ? log.mission(id) : null);
  return { view: { missions: () => shown, mission, position: () => log.state.position } } as unknown as MissionFeed;
}

async function retry(
  history: MissionLog,
  options: Partial<RetryOptions> & {
    readonly id?: string;
    readonly limitBytes?: number;
    readonly readAtMs?: number;
  } = {},
) {
  const { id = ID, limitBytes, readAtMs = Date.now(), ...more } = options;
  const log = await logOf(limitBytes);
  const asked = retryMission(
    context,
    log,
    { feed: feedOf(history, [id]), mission: history.mission(id), readAtMs },
    { tasks: [], edited: null, workspaceRoot: '/w', roster: () => Promise.resolve({ names: AGENTS }), ...more },
  );
  const retried = await asked.catch((error: unknown) => error);
  const written = await requests(log);
  await log.close();
  return { retried, written };
}

/** The first task is verified with this summary, and the second has failed. */
function halfDone(summary = 'done') {
  const log = underWay({ retries: 0 });
  log.when(completed(CERT, 1, {}, { summary, outputs: { path: 'p' } }));
  log.when(failed(ENV, 1, { retriable: false }));
  log.settle();
  return log;
}

test('a mission that was refused is not continued, also where the one in its workspace was not read', async () => {
  const log = halfDone();
  const position = log.state.position;
  const continues = { mission_id: ID, as_of: position, plan_tainted: false, tasks: [] };
  log.when(requested({ mission_id: NEXT, plan: TWO_WAVES, workspace_of: ID, continues: { ...continues, as_of: 0 } }));
  log.settle({}, NEXT);
  expect(log.mission(NEXT).course).toMatchObject({
    code: 'workspace_taken',
    reason: expect.stringMatching(new RegExp(`ask again: ravenhelm retry ${ID}$`)),
  });
  const { retried, written } = await retry(log, { id: NEXT });
  expect(retried).toMatchObject({
    code: 'mission_continued',
    message: `mission ${NEXT} was refused and has never begun`,
    nextStep: `Continue the one before it: ravenhelm retry ${ID}`,
  });
  expect(written).toEqual([]);
});

test('the id has the time at which the log was read: the log refuses a request that comes long after', async () => {
  const readAtMs = Date.now() - 120_000;
  const { written } = await retry(halfDone(), { readAtMs });
  expect(parseMissionId(written[0]?.mission_id ?? '')?.timeMs).toBe(readAtMs);
});

test('a request that comes too long after the log was read is refused, and not written', async () => {
  const { retried, written } = await retry(halfDone(), { readAtMs: Date.now() - 6 * 60_000 });
  expect(retried).toMatchObject({
    code: 'read_too_long_ago',
    message: expect.stringContaining('more than 5 minutes ago'),
    nextStep: `Ask again: ravenhelm retry ${ID}`,
  });
  expect(written).toEqual([]);
});

describe('an attempt that may still run', () => {
  function cancelled() {
    const log = underWay({ retries: 0 });
    log.when(completed(CERT));
    log.when(cancelRequested());
    log.settle();
    return log;
  }

  test('of an agent that is gone is ended by nothing: the mission is not continued', async () => {
    const names = AGENTS.filter((agent) => agent !== 'env_agent');
    const { retried, written } = await retry(cancelled(), { roster: () => Promise.resolve({ names }) });
    expect(retried).toMatchObject({
      code: 'attempt_runs',
      message: `an attempt of ${ENV} may still run, and there is no agent env_agent to end it`,
      nextStep: 'Put agents/env_agent.md back until the retry has begun.',
    });
    expect(written).toEqual([]);
  });

  test('of an agent that is there is ended by the new mission', async () => {
    const { written } = await retry(cancelled());
    expect(written[0]?.continues?.tasks.filter(({ may_run }) => may_run)).toMatchObject([{ task_id: ENV }]);
  });

  test('agents are not looked for where nothing may run', async () => {
    const roster = () => Promise.reject(new Error('it has none'));
    expect((await retry(halfDone(), { roster })).written).toHaveLength(1);
  });
});

describe('a request that is larger than the log takes', () => {
  const summary = 'It is done. '.repeat(5_000);
  const sizeOf = async () => {
    const { retried } = await retry(halfDone(''), { limitBytes: 100 });
    return Number(/has (\d+) bytes/.exec(String(retried))?.[1]);
  };

  test('has less of what its tasks have come to', async () => {
    const { retried, written } = await retry(halfDone(summary), { limitBytes: (await sizeOf()) + 10_000 });
    expect(retried).toMatchObject({ retried: { carried: [CERT], continues: ID } });
    const cert = written[0]?.continues?.tasks.find(({ task_id }) => task_id === CERT);
    expect(cert?.summary.length).toBeGreaterThan(2_000);
    expect(cert?.summary.length).toBeLessThan(10_000);
  });

  test('also without that is refused with both sizes and what a person can do', async () => {
    const { retried, written } = await retry(halfDone(summary), { limitBytes: (await sizeOf()) - 200 });
    expect(retried).toMatchObject({
      code: 'mission_too_large',
      message: expect.stringMatching(
        new RegExp(`^mission ${ID} cannot be continued: the request has \\d+ bytes and ${topics.coordination} takes`),
      ),
      nextStep: expect.stringMatching(`ravenhelm retry ${ID} --edit FILE, or raise max.message.bytes`),
    });
    expect(written).toEqual([]);
  });
});
