import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { PayloadOf } from '../../src/domain/events.js';
import { createSharedText } from '../../src/roles/worker/shared-text.js';
import { longTest } from '../support/quick.js';
import { assignment } from './assignment.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const MB = 1_000_000;
const MISSIONS = 100;

/** MB of memory that are kept after the work, beyond what was before it. */
function keptAfter(work: () => unknown): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const kept = work();
  collectGarbage();
  const after = process.memoryUsage().heapUsed;
  expect(kept).toBeDefined(); // alive until here
  return (after - before) / MB;
}

/** With a brief of a megabyte, created again each time, as for a record that is read. */
const withBrief = (mission: number): PayloadOf<'task_assigned'> => ({
  ...assignment(mission),
  mission_id: `mission-${mission}`,
  brief: Buffer.alloc(MB, `${mission} `).toString('latin1'),
});

describe('texts that attempts share', () => {
  longTest('are kept once, and the assignment stays what it was', () => {
    const share = createSharedText();
    expect(share(withBrief(1))).toEqual(withBrief(1));
    const kept = keptAfter(() => Array.from({ length: MISSIONS }, () => share(withBrief(1))));
    expect(kept).toBeLessThan(5);
  });

  longTest('are forgotten before they fill the memory, however large the briefs are', () => {
    const share = createSharedText();
    const kept = keptAfter(() => {
      for (let mission = 0; mission < MISSIONS; mission += 1) share(withBrief(mission));
      return share;
    });
    expect(kept).toBeLessThan(20);
  });
});
