/** What an event costs the orchestrator, in work that is counted: it must not grow with its mission. */
import { jest } from '@jest/globals';
import { createLiveAgents } from '../../src/agent/live-agents.js';
import type { DailyCap } from '../../src/domain/daily-spending.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { DEFAULT_TIMINGS } from '../../src/domain/mission-timers.js';
import { taskId } from '../../src/domain/plan.js';
import type { VerifyRequest } from '../../src/domain/requests.js';
import type { AppendRequest } from '../../src/ports/log.js';
import type { Logger } from '../../src/ports/logger.js';
import { noMetrics } from '../../src/ports/metrics.js';
import { createAgentSettings } from '../../src/roles/orchestrator/agent-settings.js';
import { createCapWatch } from '../../src/roles/orchestrator/daily-cap.js';
import { createLiveWorkers } from '../../src/roles/orchestrator/live-workers.js';
import { openMissionPartition } from '../../src/roles/orchestrator/mission-partition.js';
import { createVoidRequests } from '../../src/roles/orchestrator/void-requests.js';
import { createSlots } from '../../src/roles/shared/slots.js';
import { createFakeClock } from '../cli/support/fake-clock.js';
import { eventOf, T0 } from '../domain/support/events.js';
import {
  accepted,
  budgetRequested,
  cancelRequested,
  completed,
  failed,
  PARTITION,
  pauseRequested,
  planOf,
  planTask,
  progress,
  requested,
  resumeRequested,
  retryRequested,
  started,
} from '../domain/support/mission-log.js';
import { propertyRuns } from '../support/quick.js';
import { agentSpec } from '../support/role-swarm.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const topics = createTopicNames('test');
const SERVED = 'cert_agent';
const OTHER = 'env_agent';
/** The larger one is smaller in a quick run. */
const SIZES = [100, propertyRuns(10_000)];
const timings = {
  ...DEFAULT_TIMINGS,
  ...{ commitMs: 500, heartbeatMs: 5_000, retentionMs: 3_600_000, silentMs: 15_000, stalledMs: 60_000 },
};

interface Options {
  readonly dailyCap?: DailyCap;
  readonly verifyRequest?: VerifyRequest;
}

/** A held partition on a log that hands on at once what was appended; only the given agents have files and workers. */
function createHolder(agents: readonly string[], { dailyCap, verifyRequest }: Options = {}) {
  const clock = createFakeClock(T0);
  const ids = { uuid: () => `id-${(uuids += 1)}`, traceId: () => 'trace', spanId: () => 'span' };
  let uuids = 0;
  const queue: AgentEvent[] = [];
  const worstCase = jest.fn(() => ({ tokens: 10, usd: 0.01 }));
  const roster = createLiveAgents(agents.map((name) => agentSpec(name)));
  const append = ({ topic, event }: AppendRequest) => {
    if (topic === topics.coordination) queue.push(event);
    return new Promise<never>(() => undefined);
  };
  const appender = { append, dropQueued() {}, close: () => Promise.resolve() };
  const createEvent = createEventFactory({ clock, ids });
  const deps = {
    ...{ clock, ids, roster, topics, processId: 'p', logger: silent, metrics: noMetrics, random: () => 0.5 },
    ...(verifyRequest === undefined ? {} : { verifyRequest }),
    appenders: { coordination: appender, tasks: appender },
    planner: { worstCase, propose: () => new Promise<never>(() => undefined) },
  };
  const cap = createCapWatch(clock, dailyCap ?? { usd: null, tokens: null });
  const live = createLiveWorkers(clock, timings.silentMs);
  const context = {
    ...{ timings, createEvent, live, cap, sending: createSlots(50) },
    deps: deps as unknown as Parameters<typeof openMissionPartition>[0]['deps'],
    agents: createAgentSettings(roster),
    presence: { start: () => Promise.resolve(), send() {}, heartbeatSoon() {}, stop: () => Promise.resolve() },
    blocked: { block() {}, unblock() {}, forget() {}, setApart() {}, list: () => [] },
    taskPartitions: { count: () => 6, onAgentsChanged() {}, onHeld() {} },
    voidRequests: createVoidRequests(deps),
    isAssigned: () => true,
    onHeldChanged() {},
    onFatal(error: Error) {
      throw error;
    },
  };
  const partition = openMissionPartition(context, {
    ...{ topic: topics.coordination, partition: PARTITION, committed: null, logStart: 0, logEnd: 0 },
  });
  cap.subscribe(() => partition.onCapChanged());
  let offset = 0;
  const told: AgentEvent[] = [];
  const read = (event: AgentEvent) => {
    told.push(event);
    const place = { topic: topics.coordination, partition: PARTITION, key: null, timestampMs: clock.now() };
    partition.onRecords([{ ...place, offset: (offset += 1) - 1, content: { kind: 'event', event } }]);
  };
  const settle = () => {
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) read(event);
  };
  settle();
  return {
    partition,
    roster,
    worstCase,
    told,
    read,
    settle,
    given(...events: readonly AgentEvent[]) {
      for (const event of events) {
        read(event);
        settle();
      }
    },
    passes(ms: number) {
      clock.advance(ms);
      settle();
    },
    /** A worker for these agents gives a sign of life. */
    lives(served: readonly string[]) {
      const sign = { worker_id: 'w', role: 'worker', agents: [...served], partitions: [], spent: [] };
      live.onSign(eventOf('heartbeat', sign as unknown as PayloadOf<'heartbeat'>));
      partition.onLiveChanged();
      settle();
    },
  };
}
type Holder = ReturnType<typeof createHolder>;

const OTHER_ID = createMissionId({ nowMs: T0, partition: PARTITION, random: () => 0.25 });
const idOf = (agent: string, index: number): string => taskId(agent, 1, index + 1);
const others = (size: number): readonly string[] => Array.from({ length: size }, (_, index) => idOf(OTHER, index));

/** One wave: four tasks of an agent that works, and so many of another one. */
function request(size: number, changes: Parameters<typeof requested>[0] = {}): AgentEvent {
  const tasksOf = (agent: string, count: number) =>
    Array.from({ length: count }, (_, index) => planTask(agent, 1, { task_id: idOf(agent, index) }));
  const [wave, ...rest] = planOf([[SERVED]]).waves;
  if (wave === undefined || rest.length > 0) throw new RangeError('one wave');
  const plan = { ...planOf([[SERVED]]), waves: [{ ...wave, tasks: [...tasksOf(SERVED, 4), ...tasksOf(OTHER, size)] }] };
  return requested({ plan, agents: [SERVED, OTHER], retries: 3, ...changes });
}

/** What iterates over maps and sets, and what looks something up in a map: whatever walks over tasks does it. */
function countWork(run: () => void): number {
  let work = 0;
  const counted = [
    [Object.getPrototypeOf(new Map().values()), 'next'],
    [Object.getPrototypeOf(new Set().values()), 'next'],
    [Map.prototype, 'get'],
    [Map.prototype, 'forEach'],
    [Set.prototype, 'forEach'],
  ] as const;
  const restore = counted.map(([prototype, name]) => {
    const before: unknown = prototype[name];
    if (typeof before !== 'function') throw new TypeError(`no ${name}`);
    prototype[name] = function (this: unknown, ...args: readonly unknown[]): unknown {
      work += 1;
      return Reflect.apply(before, this, args);
    };
    return () => void (prototype[name] = before);
  });
  try {
    run();
  } finally {
    for (const each of restore) each();
  }
  return work;
}

test('the count sees every walk over a map or a set', () => {
  const map = new Map(Array.from({ length: 50 }, (_, index) => [index, index]));
  expect(countWork(() => void [...map.values()])).toBeGreaterThan(49);
  expect(countWork(() => void Array.from(new Set(map.keys())))).toBeGreaterThan(99);
  expect(
    countWork(() => {
      for (const [key] of map) map.get(key);
    }),
  ).toBeGreaterThan(99);
});

const BOTH = [SERVED, OTHER];
const FIRST = idOf(SERVED, 0);
const spend = completed(idOf(SERVED, 3), 1, { cost_usd: 5 });
const CAP = { dailyCap: { usd: 5, tokens: null } };

function running(size: number, agents: readonly string[], options: Options = {}, changes = {}): Holder {
  const holder = createHolder(agents, options);
  holder.lives(agents);
  holder.given(request(size, changes), accepted(FIRST), started(FIRST));
  return holder;
}

const failAll = (size: number) => others(size).map((id) => failed(id, 1, { code: 'undeliverable' }));

/** Missions with so many tasks that wait for something, and how many do once it is there. */
const STATES: Readonly<Record<string, (size: number) => Holder>> = {
  'tasks of an agent without a file': (size) => running(size, [SERVED]),
  'tasks that the daily cap holds back'(size) {
    const holder = running(size, [SERVED], CAP);
    holder.given(spend);
    holder.roster.set(BOTH.map((name) => agentSpec(name)));
    holder.partition.onAgentsChanged();
    holder.settle();
    return holder;
  },
  'retries whose back-off is over, held back by the daily cap'(size) {
    const holder = running(size, BOTH, CAP);
    holder.given(spend, ...failAll(size));
    holder.passes(20_000);
    return holder;
  },
  'retries whose back-off is over, without the file of their agent'(size) {
    const holder = running(size, BOTH);
    holder.given(...failAll(size));
    holder.roster.set([agentSpec(SERVED)]);
    holder.partition.onAgentsChanged();
    holder.passes(20_000);
    return holder;
  },
  'retries whose back-off runs'(size) {
    const holder = running(size, BOTH);
    holder.given(...failAll(size));
    return holder;
  },
  'assignments that no worker takes'(size) {
    const holder = running(size, BOTH);
    holder.lives([SERVED]);
    holder.passes(60_000);
    holder.lives([SERVED]);
    return holder;
  },
  'attempts that wait for the end of a pause'(size) {
    const holder = running(size, BOTH);
    holder.given(pauseRequested());
    return holder;
  },
  'attempts that have waited for the end of a pause, and are over their time'(size) {
    const holder = running(size, BOTH);
    holder.given(...others(size).map((id) => started(id)));
    holder.passes(3_600_000 - 1);
    holder.given(pauseRequested(), resumeRequested());
    return holder;
  },
  'attempts whose cancels are under way'(size) {
    const holder = running(size, BOTH);
    holder.read(cancelRequested());
    return holder;
  },
};

describe.each(Object.entries(STATES))('beside many %s', (_, build) => {
  const events: Readonly<Record<string, () => AgentEvent>> = {
    'a step of another task': () => progress(FIRST, 2),
    'a changed budget': () => budgetRequested({ minutes: 500 }),
  };
  const holders = new Map(SIZES.map((size) => [size, build(size)]));

  test.each(Object.entries(events))('%s costs as much as beside few', (__, event) => {
    const [few, many] = SIZES.map((size) => {
      const holder = holders.get(size);
      if (holder === undefined) throw new RangeError(`none of ${size}`);
      return countWork(() => holder.read(event()));
    });
    expect(many).toBe(few);
    expect(few).toBeGreaterThan(0);
  });
});

describe('a mission whose requests must be signed', () => {
  const signed = { signed_by: 'ann', key_id: 'k', signature: 's', cluster: null };
  /** Ann has signed; what Eve writes is unsigned. */
  const verifyRequest: VerifyRequest = ({ payload }) => (payload.signed === null ? 'unsigned' : null);
  const asked = (id: string): AgentEvent => {
    const event = retryRequested(id, 1);
    return event.event_type === 'task_retry_requested' ? { ...event, payload: { ...event.payload, signed } } : event;
  };
  const guarded = (size: number) => running(size, BOTH, { verifyRequest }, { signed });
  const costs = (event: (holder: Holder, size: number) => void, prepare: (holder: Holder, size: number) => void) =>
    SIZES.map((size) => {
      const holder = guarded(size);
      prepare(holder, size);
      return countWork(() => event(holder, size));
    });

  test('hears of a task in as much work, however many it has', () => {
    const [few, many] = costs(
      (holder) => holder.given(asked(FIRST)),
      () => undefined,
    );
    expect(many).toBe(few);
  });

  test('hears of a task in as much work while many requests wait', () => {
    const [few, many] = costs(
      (holder) => holder.read(asked(FIRST)),
      (holder, size) => {
        // The first one is being decided about; the others wait for that.
        for (const id of others(size)) holder.read(asked(id));
      },
    );
    expect(many).toBe(few);
  });

  test('refuses what a stranger asks of it in as much work, however many tasks it has', () => {
    const [few, many] = costs(
      (holder) => holder.given(pauseRequested()),
      () => undefined,
    );
    expect(many).toBe(few);
  });
});

test('under the daily cap no planner call is made ready at an event', () => {
  const holder = createHolder(BOTH, CAP);
  holder.lives(BOTH);
  holder.given(request(10), accepted(FIRST), started(FIRST), spend);
  holder.given(requested({ mission_id: OTHER_ID, agents: BOTH }));
  expect(holder.told.at(-1)).toMatchObject({ event_type: 'mission_waits', payload: { mission_id: OTHER_ID } });
  for (const minutes of [500, 600]) holder.given(budgetRequested({ minutes, number: minutes / 100 - 4 }, OTHER_ID));
  expect(holder.worstCase).not.toHaveBeenCalled();
});
