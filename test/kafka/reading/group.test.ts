import { isAssigned, kept, notOpen, setApart } from '../../../src/kafka/reading/state.js';
import { createMachine, found, P0, P1 } from './machine.js';

describe('the partitions of a member', () => {
  test('a gained partition is paused until its committed offset is known, and read from there', () => {
    const machine = createMachine().join([P0]);
    expect(machine.told()).toEqual(['accepted', 'pause 0', 'ask 0']);
    machine.deliver(P0, 2, 3);
    expect(machine.told()).toEqual([]);
    machine.answer(found(P0, 7, { logStart: 2 })).open();
    expect(machine.told()).toEqual(['open 0', 'seek 0 7', 'resume 0']);
    machine.deliver(P0, 7, 9);
    expect(machine.told()).toEqual(['resolve 8', 'records 0 7,8']);
  });

  test('a kept partition continues at its own position, whatever the group has committed', () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 3);
    machine.told();
    machine.join([P0, P1]);
    expect(machine.told()).toEqual(['seek 0 3', 'resume 0', 'pause 1', 'ask 1']);
    machine.deliver(P0, 3, 4);
    expect(machine.told()).toEqual(['resolve 3', 'records 0 3']);
  });

  test('a revoked partition is closed', () => {
    const machine = createMachine().reading(P0, 0).join([]);
    expect(machine.told()).toEqual(['close 0']);
    expect(isAssigned(machine.state(), P0)).toBe(false);
  });

  describe('being opened', () => {
    test('a partition that is lost meanwhile is never opened', () => {
      const machine = createMachine().join([P0]).join([]);
      machine.told();
      machine.answer(found(P0, 0));
      expect(machine.told()).toEqual([]);
    });

    test('a partition that is lost and regained meanwhile is opened once, with what the group says last', () => {
      const machine = createMachine().join([P0]).join([]).join([P0]);
      machine.told();
      machine.answer(found(P0, 1)); // to the question of before
      expect(machine.told()).toEqual(['ask 0']);
      machine.answer(found(P0, 5)).open();
      expect(machine.told()).toEqual(['open 0', 'seek 0 5', 'resume 0']);
    });

    test('however often the group joins, one question at a time is asked for a topic', () => {
      const machine = createMachine();
      for (let join = 0; join < 20; join += 1) machine.join([P0, P1]);
      expect(machine.count('ask')).toBe(1);
      machine.answer(found(P0, null), found(P1, null));
      expect(machine.count('ask')).toBe(2);
      machine.answer(found(P0, null), found(P1, null)).open();
      expect(machine.count('ask')).toBe(2);
      expect(notOpen(machine.state())).toEqual([]);
    });

    test('the question is asked again, later each time, while the cluster does not answer', () => {
      const machine = createMachine().join([P0]);
      machine.told();
      for (const attempt of [1, 2]) {
        machine.feed({ kind: 'unanswered', topic: 'tasks', error: 'coordinator is loading' });
        expect(machine.told()).toEqual([`wait ${attempt}`]);
        machine.feed({ kind: 'topic_waited', topic: 'tasks' });
        expect(machine.told()).toEqual(['ask 0']);
      }
      machine.answer(found(P0, null)).open();
      expect(machine.told()).toEqual(['open 0', 'seek 0 0', 'resume 0']);
    });

    test('a committed offset that the log does not hold reaches open as it is, and is never fetched', () => {
      const machine = createMachine().join([P0, P1]);
      const [below, above] = [found(P0, -2, { logStart: 4 }), found(P1, 50, { logStart: 4 })];
      machine.told();
      machine.answer(below, above);
      expect(machine.last('open').assignment).toEqual(above);
      machine.open();
      expect(machine.told().filter((line) => line.startsWith('seek'))).toEqual(['seek 0 4', 'seek 1 9']);
    });
  });

  test('what is not assigned gets no records, and what is closed is closed once', () => {
    const machine = createMachine().reading(P0, 0);
    machine.deliver(P1, 0, 1).feed({ kind: 'left' });
    machine.deliver(P0, 0, 1).feed({ kind: 'left' });
    expect(machine.told()).toEqual(['close 0']);
    expect(isAssigned(machine.state(), P0)).toBe(false);
  });

  test('a partition whose handler threw is paused and stays so at the next join; its owner learns why', () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 1);
    const { place } = machine.last('deliver');
    machine.told();
    machine.feed({ kind: 'threw', id: place.id, error: new Error('cannot fold this') });
    expect(machine.told()).toEqual(['pause 0', 'fail']);
    machine.join([P0]);
    expect(machine.told()).toEqual(['seek 0 1', 'pause 0']);
    expect(notOpen(machine.state())).toEqual([P0]);
    machine.deliver(P0, 1, 2);
    expect(machine.told()).toEqual([]);
  });
});

describe('records that this process has appended', () => {
  const atTwo = () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 2);
    machine.told();
    return machine;
  };

  test('are delivered at once, and let the client skip them with its next batch', () => {
    const machine = atTwo().own(P0, 2, 4);
    expect(machine.told()).toEqual(['records 0 2,3']);
    machine.deliver(P0, 4, 4);
    expect(machine.told()).toEqual(['resolve 3']);
    machine.deliver(P0, 4, 5);
    expect(machine.told()).toEqual(['resolve 4', 'records 0 4']);
  });

  test('need not be fetched at all while nothing is', () => {
    const machine = atTwo().own(P0, 2, 4).idle(P0).idle(P0);
    expect(machine.told()).toEqual(['records 0 2,3', 'resolve 3']);
  });

  test('are fetched from where the client was sent to, until something has come from there', () => {
    const machine = atTwo().own(P0, 2, 4).join([P0]);
    machine.told();
    machine.own(P0, 4, 5).idle(P0);
    expect(machine.told()).toEqual(['records 0 4']);
    machine.deliver(P0, 5, 5);
    machine.own(P0, 5, 6).idle(P0);
    expect(machine.told()).toEqual(['resolve 4', 'records 0 5', 'resolve 5']);
  });

  test('reach no partition that is not open, or no longer assigned', () => {
    const machine = atTwo().join([P1]);
    machine.told();
    machine.own(P0, 2, 3).own(P1, 0, 1);
    expect(machine.told()).toEqual([]);
  });
});

describe('a record that cannot be read', () => {
  const stop = { kind: 'schema_needed', schemaId: 7, record: { ...P0, offset: 1, timestampMs: 0, key: null } } as const;

  test('for want of its schema is read as soon as the schema is there', () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 1, stop);
    expect(machine.told()).toEqual(['resolve 0', 'records 0 0', 'pause 0', 'load schema 7']);
    machine.feed({ kind: 'schema_loaded', ticket: machine.last('load_schema').ticket });
    expect(machine.told()).toEqual(['seek 0 1', 'resume 0']);
  });

  test('blocks its partition, once for each reason, and is asked for again later each time', () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 1, stop);
    const { ticket } = machine.last('load_schema');
    const fail = (reason: string) => machine.feed({ kind: 'schema_failed', ticket, reason });
    machine.told();
    fail('No schema registry');
    expect(machine.told()).toEqual(['block 0 1 No schema registry', 'wait 1']);
    machine.waited();
    expect(machine.told()).toEqual(['load schema 7']);
    fail('No schema registry');
    expect(machine.told()).toEqual(['wait 2']);
    machine.waited();
    fail('unknown');
    expect(machine.told()).toEqual(['load schema 7', 'block 0 1 unknown', 'wait 3']);
    machine.waited().feed({ kind: 'schema_loaded', ticket });
    machine.deliver(P0, 1, 2);
    expect(machine.told()).toEqual(['load schema 7', 'seek 0 1', 'resume 0', 'resolve 1', 'unblock 0', 'records 0 1']);
  });

  test('by this build blocks its partition without asking again; the others continue', () => {
    const machine = createMachine().join([P0, P1]).answer(found(P0, 0), found(P1, 0)).open();
    machine.told();
    machine.deliver(P0, 0, 0, { kind: 'unreadable', reason: 'this build does not know it' }).deliver(P1, 0, 1);
    expect(machine.told()).toEqual(['pause 0', 'block 0 0 this build does not know it', 'resolve 0', 'records 1 0']);
  });

  test('is no longer waited for once its partition is gone', () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 1, stop);
    const { ticket } = machine.last('load_schema');
    machine.join([]);
    machine.told();
    machine.feed({ kind: 'schema_loaded', ticket }).feed({ kind: 'schema_failed', ticket, reason: 'late' });
    expect(machine.told()).toEqual([]);
  });
});

describe('a batch that begins below what was asked for', () => {
  const rewound = () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 3);
    machine.told();
    return machine.deliver(P0, 3, 3, { kind: 'rewound' });
  };

  test('is not delivered again; reading continues where the log holds the position', () => {
    const machine = rewound();
    expect(machine.told()).toEqual(['pause 0', 'look up 0']);
    machine.bounds(found(P0, 0)).waited();
    expect(machine.told()).toEqual(['wait 1', 'seek 0 3', 'resume 0']);
  });

  test('sets the partition apart where the log ends before the position', () => {
    const machine = rewound().bounds(found(P0, 0, { logEnd: 2 }));
    expect(machine.told()).toEqual(['pause 0', 'look up 0', 'pause 0', 'close 0', 'set_apart_changed']);
    expect(setApart(machine.state())).toEqual([
      { ...P0, offset: 3, reason: expect.stringContaining('has read up to 3, and the log has 0 to 2') },
    ]);
  });
});

describe('a position that a broker calls out of range', () => {
  const atThree = () => {
    const machine = createMachine().reading(P0, 0, { logEnd: 3 }).deliver(P0, 0, 3);
    machine.told();
    return machine;
  };

  test('is kept where the log holds it, and asked about later each time: a replica does not have it all yet', () => {
    const machine = atThree();
    for (const times of [1, 2, 3]) {
      machine
        .outOfRange(P0)
        .bounds(found(P0, 0, { logEnd: 3 }))
        .waited();
      expect(machine.told()).toEqual(['pause 0', 'look up 0', `wait ${times}`, 'seek 0 3', 'resume 0']);
    }
    machine.deliver(P0, 3, 4);
    expect(machine.told()).toEqual(['resolve 3', 'records 0 3']);
    machine.outOfRange(P0).bounds(found(P0, 0, { logEnd: 4 }));
    expect(machine.told()).toEqual(['pause 0', 'look up 0', 'wait 1']);
  });

  test.each([
    ['ends before it', { logStart: 0, logEnd: 2 }, 'has read up to 3, and the log has 0 to 2'],
    ['begins after it', { logStart: 4, logEnd: 9 }, 'records 3 to 3 were deleted'],
  ])('sets the partition apart where the log %s', (_, bounds, reason) => {
    const machine = atThree()
      .outOfRange(P0)
      .bounds(found(P0, 0, bounds));
    expect(setApart(machine.state())).toEqual([{ ...P0, offset: 3, reason: expect.stringContaining(reason) }]);
    expect(setApart(machine.state())[0]?.reason).toContain('ravenhelm recover tasks 0 --accept-loss');
    machine.told();
    machine.deliver(P0, 3, 5);
    expect(machine.told()).toEqual([]);
  });

  test('changes nothing in a partition that is not being read', () => {
    const machine = atThree().outOfRange(P1);
    machine.feed({ kind: 'left' });
    machine.outOfRange(P0);
    expect(machine.told()).toEqual(['close 0']);
  });

  test('is asked about again while the cluster does not answer', () => {
    const machine = atThree().outOfRange(P0);
    machine.told();
    machine.feed({ kind: 'bounds_failed', ticket: machine.last('ask_bounds').ticket, error: 'no leader' });
    machine.waited();
    expect(machine.told()).toEqual(['wait 1', 'look up 0']);
  });
});

describe('a hole before the next record', () => {
  test('is passed where nothing was deleted', () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 1);
    machine.told();
    machine.deliver(P0, 1, 1, { kind: 'gap', nextOffset: 2 }).bounds(found(P0, 0));
    expect(machine.told()).toEqual(['pause 0', 'look up 0', 'seek 0 2', 'resume 0']);
  });

  test('sets the partition apart where records were deleted', () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 1);
    machine.deliver(P0, 1, 1, { kind: 'gap', nextOffset: 5 }).bounds(found(P0, -2, { logStart: 5 }));
    expect(setApart(machine.state())[0]?.reason).toContain('tasks[0]: records 1 to 4 were deleted');
  });

  test('is no loss where another member has handled what was deleted: the partition is opened again', () => {
    const machine = createMachine().reading(P0, 0);
    machine
      .deliver(P0, 0, 0, { kind: 'gap', nextOffset: 5 })
      .bounds(found(P0, 6, { logStart: 5 }))
      .open();
    expect(machine.told()).toEqual(['pause 0', 'look up 0', 'close 0', 'open 0', 'seek 0 6', 'resume 0']);
  });
});

describe('control records and aborted transactions, which no reader sees', () => {
  test('are passed at the end of a partition', () => {
    const machine = createMachine().reading(P0, 0).deliver(P0, 0, 2).passed(P0, 2, 4);
    machine.told();
    machine.join([P0]);
    expect(machine.told()).toEqual(['seek 0 5', 'resume 0']);
  });

  test('are no progress where they lie behind something else, or were passed before', () => {
    const machine = createMachine().reading(P0, 3).passed(P0, 0, 2);
    expect(machine.told()).toEqual([]);
    machine.passed(P0, 5, 6);
    expect(machine.told()).toEqual(['pause 0', 'look up 0']);
    machine.bounds(found(P0, 3));
    expect(machine.told()).toEqual(['seek 0 7', 'resume 0']);
  });

  test('may be brought again, and are no rewind then', () => {
    const machine = createMachine().reading(P0, 0).passed(P0, 0, 2);
    expect(machine.state().partitions.get('tasks[0]')).toMatchObject({ position: 3, expected: 0 });
  });
});

describe('a partition whose records were lost', () => {
  const both = () => {
    const machine = createMachine().join([P0, P1]).answer(found(P0, 4), found(P1, 0));
    machine.told();
    return machine;
  };
  const lose = () => {
    const machine = both();
    const [first, second] = [...machine.state().partitions.values()];
    machine.feed({ kind: 'open_lost', id: first?.id ?? 0, reason: 'no usable commit' });
    machine.feed({ kind: 'opened', id: second?.id ?? 0 });
    return machine;
  };

  test('is set apart and named, while the others continue', () => {
    const machine = lose();
    expect(machine.told()).toEqual(['pause 0', 'close 0', 'set_apart_changed', 'seek 1 0', 'resume 1']);
    expect(setApart(machine.state())).toEqual([{ ...P0, offset: 4, reason: 'no usable commit' }]);
    expect(notOpen(machine.state())).toEqual([]);
    machine.deliver(P0, 4, 5).deliver(P1, 0, 1);
    expect(machine.told()).toEqual(['resolve 0', 'records 1 0']);
    expect(machine.commit(P0, 5)).toBe(false);
    expect(machine.commit(P1, 1)).toBe(true);
  });

  test('is not kept at the next rebalance, so that it can be given to the member that recovers it', () => {
    expect(kept(lose().state())).toEqual([P1]);
  });

  test('is opened again when a rebalance gives it again', () => {
    const machine = lose();
    machine.told();
    machine.join([P0, P1]);
    expect(machine.told()).toEqual(['pause 0', 'seek 1 0', 'resume 1', 'ask 0', 'set_apart_changed']);
    machine.answer(found(P0, 6)).open();
    expect(machine.told()).toEqual(['open 0', 'seek 0 6', 'resume 0']);
    expect(setApart(machine.state())).toEqual([]);
  });

  test('stays set apart and named when its consumer throws while it is closed', () => {
    const machine = lose();
    machine.told();
    machine.feed({ kind: 'threw', id: [...machine.state().partitions.values()][0]?.id ?? 0, error: new Error('late') });
    expect(machine.told()).toEqual(['fail']);
    expect(setApart(machine.state())).toEqual([{ ...P0, offset: 4, reason: 'no usable commit' }]);
  });

  test('is reported once, not with each record or commit of the others', () => {
    const machine = lose();
    expect(machine.count('set_apart_changed')).toBe(1);
    machine.deliver(P1, 0, 1);
    machine.commit(P1, 1);
    expect(machine.count('set_apart_changed')).toBe(1);
  });

  test('is no longer named once the member has left', () => {
    const machine = lose();
    machine.told();
    machine.feed({ kind: 'left' });
    expect(machine.told()).toEqual(['close 0', 'close 1', 'set_apart_changed']);
  });

  test('is no longer named once it is revoked', () => {
    const machine = lose();
    machine.told();
    machine.join([P1]);
    expect(machine.told()).toEqual(['close 0', 'seek 1 0', 'resume 1', 'set_apart_changed']);
    expect(setApart(machine.state())).toEqual([]);
  });
});

describe('a member that the group had given up and that comes back with the partition', () => {
  const atFour = () => {
    const machine = createMachine().reading(P0, 2).deliver(P0, 2, 4);
    expect(machine.commit(P0, 4)).toBe(true);
    machine.told();
    return machine;
  };

  test('neither reads nor commits until it knows that no other member has committed, and then continues', () => {
    const machine = atFour().join([P0], 'member-2').deliver(P0, 4, 5);
    expect(machine.told()).toEqual(['seek 0 4', 'pause 0', 'ask 0']);
    expect(machine.commit(P0, 4)).toBe(false);
    machine.answer(found(P0, 4)).deliver(P0, 4, 5);
    expect(machine.told()).toEqual(['seek 0 4', 'resume 0', 'resolve 4', 'records 0 4']);
    expect(machine.commit(P0, 5)).toBe(true);
  });

  test('waits for an answer that was asked for after it had lost the partition again', () => {
    const machine = atFour().join([P0], 'member-2');
    machine.join([P0], 'member-3');
    machine.told();
    machine.answer(found(P0, 4)); // asked before another member had committed 8
    expect(machine.told()).toEqual(['ask 0']);
    machine.answer(found(P0, 8, { logStart: 8 })).open();
    expect(machine.told()).toEqual(['close 0', 'open 0', 'seek 0 8', 'resume 0']);
  });

  test('opens the partition again where another committed further, so that the replay point never goes back', () => {
    const machine = atFour().join([P0], 'member-2');
    machine.answer(found(P0, 8, { logStart: 8 })).open();
    expect(machine.told()).toEqual(['seek 0 4', 'pause 0', 'ask 0', 'close 0', 'open 0', 'seek 0 8', 'resume 0']);
  });
});

describe('what is corrupt', () => {
  const corrupt = { kind: 'corrupt' as const, reason: 'the checksum is wrong' };
  const damaged = (machine: ReturnType<typeof createMachine>, position: number) =>
    machine.deliver(P0, position, position, corrupt);

  test('is read again, later each time, for an answer may be damaged on its way', () => {
    const machine = createMachine().reading(P0, 3);
    damaged(machine, 3);
    expect(machine.told()).toEqual(['pause 0', 'wait 1']);
    machine.waited();
    expect(machine.told()).toEqual(['seek 0 3', 'resume 0']);
    damaged(machine, 3);
    expect(machine.told()).toEqual(['pause 0', 'wait 2']);
    machine.waited().deliver(P0, 3, 4);
    expect(machine.told()).toEqual(['seek 0 3', 'resume 0', 'resolve 3', 'records 0 3']);
    damaged(machine, 4);
    expect(machine.told()).toEqual(['pause 0', 'wait 1']);
  });

  test('sets its partition apart when it stays so, and is never passed; the others continue', () => {
    const machine = createMachine().reading(P0, 3).join([P0, P1]).answer(found(P1, 0)).open();
    for (const _ of ['once', 'twice', 'three times']) {
      damaged(machine, 3);
      machine.waited();
    }
    machine.told();
    damaged(machine, 3);
    expect(machine.told()).toEqual(['pause 0', 'close 0', 'set_apart_changed']);
    expect(setApart(machine.state())).toEqual([
      { ...P0, offset: 3, reason: expect.stringMatching(/^tasks\[0\] at offset 3: the checksum is wrong\. .*restart/) },
    ]);
    expect([machine.commit(P0, 4), kept(machine.state())]).toEqual([false, [P1]]);
    machine.deliver(P0, 3, 9).deliver(P1, 0, 1);
    expect(machine.told()).toEqual(['resolve 0', 'records 1 0']);
  });

  test('is read again when the partition is given again', () => {
    const machine = createMachine().reading(P0, 3);
    for (const _ of ['once', 'twice', 'three times', 'at last']) {
      damaged(machine, 3);
      if (machine.count('close') === 0) machine.waited();
    }
    machine.join([P0]).answer(found(P0, 3)).open().told();
    machine.deliver(P0, 3, 5);
    expect(machine.told()).toEqual(['resolve 4', 'records 0 3,4']);
  });
});

describe('a transaction that is open for long', () => {
  const open = (offset: number, reason = 'open') => ({ kind: 'transaction_open' as const, place: P0, offset, reason });
  const ended = { kind: 'transaction_ended' as const, place: P0 };

  test('is named once for each reason, when all before it was read', () => {
    const machine = createMachine().reading(P0, 3);
    machine.feed(open(5));
    expect(machine.told()).toEqual([]);
    machine.deliver(P0, 3, 5).told();
    machine.feed(open(5)).feed(open(5)).feed(open(5, 'of another program'));
    expect(machine.told()).toEqual(['block 0 5 open', 'block 0 5 of another program']);
  });

  test.each([
    ['what follows it is read', (machine: ReturnType<typeof createMachine>) => machine.deliver(P0, 5, 6)],
    ['it has ended, and nothing follows it', (machine: ReturnType<typeof createMachine>) => machine.feed(ended)],
  ])('is no longer in the way when %s', (_, end) => {
    const machine = createMachine().reading(P0, 5).feed(open(5));
    machine.told();
    end(machine).feed(ended);
    expect(machine.told().filter((line) => line === 'unblock 0')).toEqual(['unblock 0']);
  });
});
