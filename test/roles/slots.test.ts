import { createDeferred, type Deferred } from '../../src/domain/deferred.js';
import { createSlots, type SlotUser } from '../../src/roles/shared/slots.js';

/** A user whose keys stay in their slots until they are ended; `idle` keys have nothing to do. */
function recordingUser(idle: readonly string[] = []) {
  const used: string[] = [];
  const ends = new Map<string, Deferred<void>>();
  const user: SlotUser = {
    use(key) {
      if (idle.includes(key)) return null;
      used.push(key);
      const end = createDeferred<void>();
      ends.set(key, end);
      return end.promise;
    },
  };
  return {
    user,
    used,
    async end(key: string): Promise<void> {
      ends.get(key)?.resolve();
      await Promise.resolve(); // waiters learn of the end after it
      await Promise.resolve();
    },
  };
}

describe('slots', () => {
  test('are given in the order of the requests, and no more than there are', async () => {
    const slots = createSlots(2);
    const { user, used, end } = recordingUser();
    for (const key of ['a', 'b', 'c', 'd']) slots.request(key, user);
    expect(used).toEqual(['a', 'b']);
    await end('b');
    expect(used).toEqual(['a', 'b', 'c']);
    await end('a');
    expect(used).toEqual(['a', 'b', 'c', 'd']);
  });

  test('skip a key that has nothing to do any more', async () => {
    const slots = createSlots(1);
    const { user, used, end } = recordingUser(['b', 'c']);
    for (const key of ['a', 'b', 'c', 'd']) slots.request(key, user);
    await end('a');
    expect(used).toEqual(['a', 'd']);
  });

  test('keep the place of a key that is requested again while it waits', async () => {
    const slots = createSlots(1);
    const { user, used, end } = recordingUser();
    for (const key of ['a', 'b', 'c', 'b']) slots.request(key, user);
    await end('a');
    await end('b');
    await end('c');
    expect(used).toEqual(['a', 'b', 'c']);
  });

  test('are not given to a user that has withdrawn; others keep their places', async () => {
    const slots = createSlots(1);
    const first = recordingUser();
    const second = recordingUser();
    slots.request('a', first.user);
    slots.request('b', first.user);
    slots.request('c', second.user);
    slots.withdraw(first.user);
    await first.end('a');
    expect([first.used, second.used]).toEqual([['a'], ['c']]);
  });

  test('a user that asks again while it gives one back does not get more than there are', async () => {
    const slots = createSlots(1);
    const { user, used, end } = recordingUser();
    const chain: SlotUser = {
      use(key) {
        slots.request('inner', user);
        return key === 'nothing' ? null : user.use(key);
      },
    };
    slots.request('outer', chain);
    expect(used).toEqual(['outer']);
    await end('outer');
    expect(used).toEqual(['outer', 'inner']);
  });
});
