import { createWatchMachine, found, P0, P1 } from './machine.js';

const start = (position: number, target: number, place = P0) => ({ ...place, position, target });

describe('a watch', () => {
  test('has caught up when all that was there at the start was delivered, and says so once it has started', () => {
    const machine = createWatchMachine(start(0, 2), start(0, 1, P1)).deliver(P0, 0, 2);
    machine.feed({ kind: 'started' }).told();
    machine.deliver(P1, 0, 1).deliver(P1, 1, 2);
    expect(machine.told().filter((line) => line === 'caught_up')).toEqual(['caught_up']);
  });

  test('of nothing has caught up as soon as it has started', () => {
    expect(createWatchMachine(start(3, 3)).feed({ kind: 'started' }).told()).toEqual(['caught_up']);
  });

  test.each([
    ['a committed transaction, whose batch ends with a marker', 0, 3],
    ['an aborted one, of which it sees nothing', 2, 5],
  ])('has caught up behind %s', (_, first, end) => {
    const machine = createWatchMachine(start(first, end)).feed({ kind: 'started' });
    machine.passed(P0, first, end - 1);
    expect(machine.told()).toEqual(['caught_up']);
  });

  test('reads an added partition from its beginning, and every other from its own position after a rebalance', () => {
    const machine = createWatchMachine(start(0, 2)).deliver(P0, 0, 2);
    machine.told();
    machine.join([P0, P1]);
    expect(machine.told()).toEqual(['seek 0 2', 'seek 1 0']);
  });

  test('passes a record whose schema the registry does not give, and hands it over as unreadable', () => {
    const record = { ...P0, offset: 1, timestampMs: 0, key: 'k' };
    const machine = createWatchMachine(start(0, 2)).feed({ kind: 'started' });
    machine.deliver(P0, 0, 1, { kind: 'schema_needed', schemaId: 7, record });
    expect(machine.told()).toEqual(['resolve 0', 'records 0 0', 'pause 0', 'load schema 7']);
    machine.feed({ kind: 'schema_failed', ticket: machine.last('load_schema').ticket, reason: 'unknown schema' });
    expect(machine.told()).toEqual(['records 0 1', 'seek 0 2', 'resume 0', 'caught_up']);
    expect(machine.last('deliver').records).toEqual([
      { ...record, content: { kind: 'unreadable', reason: 'unknown schema' } },
    ]);
  });

  test.each([
    ['ends before its position is a new one: it is read from its beginning', { logStart: 0, logEnd: 2 }, 0],
    ['begins after its position has lost records: they are passed', { logStart: 6, logEnd: 9 }, 6],
    ['holds its position is read on', { logStart: 0, logEnd: 9 }, 4],
  ])('of a log that %s', (_, bounds, position) => {
    const machine = createWatchMachine(start(4, 4))
      .outOfRange(P0)
      .bounds(found(P0, null, bounds))
      .waited();
    expect(machine.told()).toEqual(['pause 0', 'look up 0', 'wait 1', `seek 0 ${position}`, 'resume 0']);
  });

  test('keeps a partition paused over a rebalance while it waits', () => {
    const machine = createWatchMachine(start(4, 4)).outOfRange(P0);
    machine.told();
    machine.join([P0], 'member-2');
    expect(machine.told()).toEqual(['seek 0 4', 'pause 0']);
  });

  test('asks again, later, while the cluster does not answer', () => {
    const machine = createWatchMachine(start(4, 4)).outOfRange(P0);
    machine.told();
    machine.feed({ kind: 'bounds_failed', ticket: machine.last('ask_bounds').ticket, error: 'no leader' }).waited();
    expect(machine.told()).toEqual(['wait 1', 'look up 0']);
  });

  test('ends before what is corrupt, once it was read again, and has caught up with the others', () => {
    const machine = createWatchMachine(start(0, 5), start(0, 1, P1))
      .deliver(P1, 0, 1)
      .feed({ kind: 'started' });
    machine.told();
    const corrupt = { kind: 'corrupt' as const, reason: 'the checksum is wrong' };
    machine.deliver(P0, 0, 2, corrupt);
    for (const _ of ['twice', 'three times']) machine.waited().deliver(P0, 2, 2, corrupt);
    expect(machine.count('caught_up')).toBe(0);
    machine.waited().deliver(P0, 2, 2, corrupt);
    expect(machine.count('caught_up')).toBe(1);
    machine.told();
    machine.deliver(P0, 2, 5).join([P0, P1], 'member-2');
    expect(machine.told()).toEqual(['seek 0 2', 'pause 0', 'seek 1 1']);
  });

  test('names a transaction that holds it up', () => {
    const machine = createWatchMachine(start(3, 3)).feed({ kind: 'started' });
    machine.feed({ kind: 'transaction_open', place: P0, offset: 3, reason: 'open' });
    expect(machine.last('log')).toMatchObject({ level: 'warn', fields: { partition: 0, offset: 3, reason: 'open' } });
  });
});
