import { createOutbox } from '../../src/roles/shared/outbox.js';
import { createSlots } from '../../src/roles/shared/slots.js';

describe('an outbox', () => {
  /** What has started, and how each is ended. */
  function setUp(limit: number) {
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const slots = createSlots(limit);
    const createOne = () =>
      createOutbox<string>(slots, (item) => {
        begun.push(item);
        return new Promise((resolve) => ends.push(resolve));
      });
    const endNext = async () => {
      ends.shift()?.();
      await new Promise(setImmediate);
    };
    return { begun, createOne, endNext };
  }

  test('sends in order, so many side by side as there are slots', async () => {
    const { begun, createOne, endNext } = setUp(2);
    const outbox = createOne();
    for (const item of ['a', 'b', 'c']) outbox.send(item, item);
    expect(begun).toEqual(['a', 'b']);
    await endNext();
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  test('sends nothing twice that waits or is under way, and again what has ended', async () => {
    const { begun, createOne, endNext } = setUp(1);
    const outbox = createOne();
    for (const item of ['a', 'a', 'b', 'b']) outbox.send(item, item);
    await endNext();
    await endNext();
    expect(begun).toEqual(['a', 'b']);
    outbox.send('a', 'a');
    expect(begun).toEqual(['a', 'b', 'a']);
  });

  test('after a reset the same keys are sent again, and what waited in other outboxes stays', async () => {
    const { begun, createOne, endNext } = setUp(1);
    const [outbox, other] = [createOne(), createOne()];
    outbox.send('a', 'a1');
    outbox.send('b', 'b1');
    other.send('c', 'c');
    outbox.reset();
    outbox.send('a', 'a2');
    await endNext(); // a1, begun before the reset: its end must not count as that of a2
    outbox.send('a', 'a2 again');
    await endNext();
    expect(begun).toEqual(['a1', 'c', 'a2']);
    await endNext();
    expect(begun).toEqual(['a1', 'c', 'a2']);
  });

  test('is settled when nothing waits or is under way, and after a reset', async () => {
    const { createOne, endNext } = setUp(1);
    const outbox = createOne();
    await outbox.settled();
    const settled: string[] = [];
    outbox.send('a', 'a');
    outbox.send('b', 'b');
    void outbox.settled().then(() => settled.push('ended'));
    await endNext();
    expect(settled).toEqual([]);
    await endNext();
    expect(settled).toEqual(['ended']);
    outbox.send('c', 'c');
    void outbox.settled().then(() => settled.push('reset'));
    outbox.reset();
    await new Promise(setImmediate);
    expect(settled).toEqual(['ended', 'reset']);
  });
});
