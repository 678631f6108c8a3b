import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { DEFAULT_TIMINGS } from '../../src/domain/mission-timers.js';
import { SNAPSHOTS } from '../../src/domain/requirements.js';
import { eventOf } from './support/events.js';
import { CERT, ENV, ID, started, timersOf, underWay } from './support/mission-log.js';

const whose = { mission_id: ID, attempt: 1, agent: 'cert_agent', worker_id: 'worker-1' };

const taken = (digest: string, changes: Partial<PayloadOf<'snapshot_taken'>> = {}): AgentEvent =>
  eventOf('snapshot_taken', {
    ...{ ...whose, task_id: CERT, wave_number: 1, settled: false, digest, files: 2, bytes: 10, left_out: 0 },
    ...{ duration_ms: 5, begun_ns: '1000', ...changes },
  });
const missed = (reason: string): AgentEvent =>
  eventOf('snapshot_missed', { ...whose, task_id: ENV, wave_number: 1, reason, duration_ms: 5 });

/** What the report says when these have been read, in this order. */
function after(...events: readonly AgentEvent[]) {
  const log = underWay();
  for (const event of events) log.when(event);
  const { snapshots, missed_snapshots } = reportMission(log.mission());
  return { digests: snapshots.map(({ digest }) => digest), missed: missed_snapshots.map(({ reason }) => reason) };
}

describe('snapshots of a wave', () => {
  test('of those at the end of tasks the one that began last counts, in whatever order the log has them', () => {
    const [first, second] = [taken('first', { begun_ns: '999' }), taken('second', { begun_ns: '1000' })];
    expect(after(first, second).digests).toEqual(['second']);
    expect(after(second, first).digests).toEqual(['second']);
  });

  test('the settled one counts, also where a late event of another one follows', () => {
    const settled = taken('settled', { settled: true, begun_ns: '5' });
    expect(after(taken('end'), settled).digests).toEqual(['settled']);
    expect(after(settled, taken('end', { begun_ns: '9999' })).digests).toEqual(['settled']);
  });

  test.each([null, 'no number', '', '9'.repeat(40)])('a time that says nothing (%p) is the earliest', (begun_ns) => {
    expect(after(taken('good', { begun_ns: '7' }), taken('other', { begun_ns })).digests).toEqual(['good']);
  });

  test('one that could not be taken is in the report until a later one is', () => {
    expect(after(taken('first'), missed('the disk is full'))).toEqual({
      digests: ['first'],
      missed: ['the disk is full'],
    });
    expect(after(missed('the disk is full'), taken('later'))).toEqual({ digests: ['later'], missed: [] });
  });
});

test("the orchestrator's deadline of a task leaves time for the snapshot before it", () => {
  const deadlineOf = (requires: string[]) => {
    const log = underWay({ requires });
    log.settle();
    log.when(started(CERT));
    return timersOf(log.mission()).find(({ wait }) => wait?.kind === 'deadline')?.delayMs ?? 0;
  };
  expect(deadlineOf([])).toBeGreaterThan(0);
  expect(deadlineOf([SNAPSHOTS]) - deadlineOf([])).toBe(DEFAULT_TIMINGS.snapshotMs);
});
