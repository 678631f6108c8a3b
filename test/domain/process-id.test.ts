import { processIdOf, processNameOf, runsIn, runsOn } from '../../src/domain/process-id.js';

const UUID = 'ab12cd34-0000-4000-8000-000000000000';
const ID = processIdOf('worker', processNameOf('host-a', 17), UUID);

test('an id says the role, the computer and the process', () => expect(ID).toBe('worker-host-a-17-ab12'));

test.each([
  ['worker', 'host-a-17', true],
  ['worker', 'host-a-1', false],
  ['worker', 'host-b-17', false],
  ['orchestrator', 'host-a-17', false],
])('whether it is a %s of %s: %p', (role, processName, runs) => expect(runsIn(ID, role, processName)).toBe(runs));

test.each([
  ['worker', 'host-a', true],
  ['worker', 'host', false], // whose name only begins as this one does
  ['worker', 'host-a-17', false],
  ['orchestrator', 'host-a', false],
])('whether it is a %s on %s: %p', (role, host, runs) => expect(runsOn(ID, role, host)).toBe(runs));

test('a computer whose name goes further is another one, also where a number follows', () => {
  const other = processIdOf('worker', processNameOf('host-a-17', 4), UUID);
  expect([runsOn(other, 'worker', 'host-a'), runsOn(other, 'worker', 'host-a-17')]).toEqual([false, true]);
});
