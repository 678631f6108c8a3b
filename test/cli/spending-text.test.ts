import { spendingLines } from '../../src/cli/spending-text.js';

const NOON = Date.parse('2026-11-30T12:00:00Z');
const spent = (partition: number, usd: number, day = '2026-11-30') => ({ partition, day, tokens: 10, usd });

test('status --live sums what is spent today, each partition once, and names the cap that is reached', () => {
  const reports = [
    { worker_id: 'o-1', spent: [spent(0, 1), spent(1, 2.5)], cap_reached: 'the daily cap of the swarm is reached' },
    { worker_id: 'o-2', spent: [spent(1, 2.5), spent(2, 9, '2026-11-29')], cap_reached: null },
    { worker_id: 'w-1', spent: [], cap_reached: null },
  ];
  expect(spendingLines(reports, NOON)).toEqual([
    'spent  $3.50, 20 tokens on 2026-11-30 (UTC)',
    'CAP  o-1: the daily cap of the swarm is reached; missions wait until the next day',
  ]);
});

test('a swarm that has spent nothing today has no such line', () => {
  expect(spendingLines([{ worker_id: 'o-1', spent: [spent(0, 1, '2026-11-29')], cap_reached: null }], NOON)).toEqual(
    [],
  );
});
