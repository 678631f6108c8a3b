import { readAttempts } from '../../src/client/attempts.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import type { Mission } from '../../src/domain/mission-state.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { Log, WatchOptions } from '../../src/ports/log.js';
import { assigned, called, completed, returned, source } from '../domain/support/task-log.js';

const TASKS = 400;
const MISSION = 'm';

/** The same event of another task. */
const of = (task: string, event: AgentEvent): AgentEvent =>
  Object.assign({}, event, { payload: { ...event.payload, mission_id: MISSION, task_id: task } });
const story = (task: string, offset: number): readonly AgentEvent[] =>
  [assigned(source(offset)), called('w', 1), returned('w', 1), completed('w')].map((event) => of(task, event));

/** A log of one partition that holds the attempts of all tasks, and says how far it was read. */
function createCountedLog(onEnded: (task: string) => void): Pick<Log, 'watch' | 'admin'> {
  const tasks = Array.from({ length: TASKS }, (_, index) => `t${index}`);
  const deliver = async ({ onRecord, onCaughtUp }: WatchOptions, isStopped: () => boolean) => {
    for (const [index, task] of tasks.entries()) {
      for (const [at, event] of story(task, index).entries()) {
        if (isStopped()) return;
        const offset = index * 4 + at;
        onRecord({
          topic: 'squad.tasks.a',
          partition: 0,
          offset,
          timestampMs: 1,
          key: null,
          headers: {},
          content: { kind: 'event', event },
        } as unknown as Parameters<typeof onRecord>[0]);
        if (event.event_type === 'task_completed') onEnded(task);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    onCaughtUp?.();
  };
  return {
    admin: { offsetAtTime: async () => [{ partition: 0, offset: 0 }] } as unknown as Log['admin'],
    async watch(options) {
      let isStopped = false;
      void deliver(options, () => isStopped);
      return { stop: async () => void (isStopped = true) };
    },
  };
}

test('the attempts of at most 50 tasks are in memory, however slow their reader is', async () => {
  const waiting = new Set<string>();
  const shown = new Set<string>();
  let most = 0;
  const log = createCountedLog((task) => {
    if (!shown.has(task)) waiting.add(task);
    most = Math.max(most, waiting.size);
  });
  const plan = { agent: 'a' } as PayloadOf<'plan_proposed'>['plan']['waves'][number]['tasks'][number];
  const tasks = Array.from({ length: TASKS }, (_, index) => ({
    id: `t${index}`,
    kind: 'task',
    attempt: 1,
    plan,
    targetPartition: 0,
    firstAssignedAtMs: index,
  }));
  const mission = {
    id: MISSION,
    request: { continues: null },
    tasks: new Map(tasks.map((task) => [task.id, task])),
  } as unknown as Mission;
  await readAttempts(
    { topics: createTopicNames('squad'), signal: new AbortController().signal },
    log,
    mission,
    { task: null, attempt: null },
    async ({ task_id, steps }) => {
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(steps).toHaveLength(1);
      waiting.delete(task_id);
      shown.add(task_id);
    },
  );
  expect([...shown]).toEqual(tasks.map(({ id }) => id));
  expect(most).toBeGreaterThan(10);
  // The watch is stopped a turn after the last of them.
  expect(most).toBeLessThanOrEqual(52);
});
