import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { withStackLock } from '../../src/local/start-lock.js';
import { temporaryPlace, world } from './stack-fixture.js';

let place: Awaited<ReturnType<typeof temporaryPlace>>;
beforeEach(async () => {
  place = await temporaryPlace();
});
afterEach(() => place.remove());

const never = () => {
  throw new Error('no other process has the lock');
};

describe('the start lock', () => {
  test('admits one process at a time; the other one reports that it waits, and is admitted afterwards', async () => {
    const order: string[] = [];
    let letFirstEnd = () => {};
    let firstIsIn = () => {};
    const entered = new Promise<void>((resolve) => (firstIsIn = resolve));
    const first = withStackLock(place, world, { onWait: never }, async () => {
      order.push('first in');
      firstIsIn();
      await new Promise<void>((resolve) => (letFirstEnd = resolve));
      order.push('first out');
    });
    await entered;
    const onWait = () => {
      order.push('second waits');
      letFirstEnd();
    };
    await withStackLock(place, world, { onWait }, async () => order.push('second in'));
    await first;
    expect(order).toEqual(['first in', 'second waits', 'first out', 'second in']);
  });

  test('is released if the work fails', async () => {
    await expect(
      withStackLock(place, world, { onWait: never }, () => Promise.reject(new Error('broken'))),
    ).rejects.toThrow('broken');
    await expect(withStackLock(place, world, { onWait: never }, async () => 'in')).resolves.toBe('in');
  });

  test('of a killed process is taken over', async () => {
    const lock = join(place.dataDir, 'start.lock');
    await mkdir(lock);
    const aMinuteAgo = new Date(Date.now() - 60_000);
    await utimes(lock, aMinuteAgo, aMinuteAgo);
    await expect(withStackLock(place, world, { onWait: never }, async () => 'in')).resolves.toBe('in');
  });

  test('an interruption ends the waiting for it', async () => {
    const interruption = new AbortController();
    await withStackLock(place, world, { onWait: never }, async () => {
      const waiting = withStackLock(
        place,
        world,
        { onWait: () => interruption.abort(), signal: interruption.signal },
        async () => 'in',
      );
      await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    });
  });
});
