import { createInterruption } from '../../src/cli/interruption.js';
import { createCleanup } from '../../src/ports/cleanup.js';
import { describeFailure } from '../../src/cli/failure.js';
import { createSupervisedRole } from '../../src/swarm/supervised-role.js';
import { DataLoss } from '../../src/domain/record.js';
import { BrokerFailed } from '../../src/kafka/errors.js';
import type { Logger } from '../../src/ports/logger.js';
import type { Role } from '../../src/roles/shared/role.js';
import { createFakeClock } from '../cli/support/fake-clock.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Roles that a test makes fail; counts what happens to them. */
function createRoles() {
  const made: { fail(error: Error): void; starts: number; stops: number[] }[] = [];
  const create = (): Role => {
    let fail: (error: Error) => void = () => undefined;
    const failed = new Promise<Error>((resolve) => {
      fail = resolve;
    });
    const record = { fail, starts: 0, stops: new Array<number>() };
    made.push(record);
    return {
      failed,
      health: () => ({ missing: [], stalled: [], held: [] }),
      readings: () => [],
      start: async () => void record.starts++,
      stop: async (graceMs) => void record.stops.push(graceMs),
    };
  };
  return { made, create };
}

describe('a supervised role', () => {
  test('starts again after a failure, with a growing pause', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const role = createSupervisedRole({ name: 'worker', create, clock, random: () => 1, logger: silent });
    await role.start();
    for (const pauseMs of [1_000, 2_000, 4_000]) {
      const before = made.length;
      made.at(-1)?.fail(new Error('the broker went away'));
      await settled();
      expect(made.at(-1)?.stops).toEqual([0]);
      clock.advance(pauseMs - 1);
      expect(made).toHaveLength(before);
      clock.advance(1);
      await settled();
      expect(made).toHaveLength(before + 1);
      expect(made.at(-1)?.starts).toBe(1);
    }
    await role.stop(10);
    expect(made.at(-1)?.stops).toEqual([10]);
  });

  test('that is stopped while it starts stops when its start has ended: all that it opened is closed', async () => {
    const { made, create } = createRoles();
    let endStart = () => {};
    const starting = () => ({ ...create(), start: () => new Promise<void>((resolve) => void (endStart = resolve)) });
    const clock = createFakeClock();
    const role = createSupervisedRole({ name: 'worker', create: starting, clock, random: () => 1, logger: silent });
    const started = role.start();
    const stopped = role.stop(10);
    await settled();
    expect(made[0]?.stops).toEqual([]);
    endStart();
    await Promise.all([started, stopped]);
    expect(made[0]?.stops).toEqual([10]);
  });

  test('is given up after six failures in a row', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const role = createSupervisedRole({ name: 'worker', create, clock, random: () => 1, logger: silent });
    await role.start();
    for (let i = 1; i <= 6; i++) {
      made.at(-1)?.fail(new Error(`failure ${i}`));
      await settled();
      clock.advance(20_000);
      await settled();
    }
    const failure = await role.failed;
    expect(failure.message).toBe('the worker failed 6 times in a row, the last time with: failure 6');
    expect(describeFailure(failure)).toMatchObject({
      exitCode: 4,
      nextStep: expect.stringContaining('Look at the log'),
    });
    expect(made).toHaveLength(6);
  });

  test('a minute without failure counts as recovered', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const role = createSupervisedRole({ name: 'worker', create, clock, random: () => 1, logger: silent });
    await role.start();
    for (let i = 1; i <= 10; i++) {
      clock.advance(61_000);
      made.at(-1)?.fail(new Error(`failure ${i}`));
      await settled();
      clock.advance(1_000);
      await settled();
    }
    expect(made).toHaveLength(11);
  });

  test('an error that no retry can fix is given up at once', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const role = createSupervisedRole({ name: 'worker', create, clock, random: () => 1, logger: silent });
    await role.start();
    made.at(-1)?.fail(Object.assign(new Error('records are gone'), { retriable: false }));
    const failure = await role.failed;
    expect(failure.message).toBe('the worker failed with a non-retryable error: records are gone');
    expect(describeFailure(failure).exitCode).toBe(4);
    expect(clock.pendingTimers()).toBe(0);
  });

  test('lost data is given up at once, with the commands that look at it and recover', async () => {
    const { made, create } = createRoles();
    const role = createSupervisedRole({
      name: 'worker',
      create,
      clock: createFakeClock(),
      random: () => 1,
      logger: silent,
    });
    await role.start();
    made[0]?.fail(new DataLoss('tasks/0: nothing is committed, but the log starts at offset 7'));
    expect(describeFailure(await role.failed)).toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('tasks/0'),
      nextStep: expect.stringContaining('a person must decide'),
    });
  });

  test('a first start is repeated after a retriable error of the broker; another error is reported', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    let starts = 0;
    const failing = (error: Error) =>
      createSupervisedRole({
        name: 'worker',
        clock,
        random: () => 1,
        logger: silent,
        create: () => ({
          ...create(),
          start: async () => {
            if (++starts === 1) throw error;
          },
        }),
      });
    const passing = failing(new BrokerFailed('Joining group g', { cause: new Error('cut') }));
    const started = passing.start();
    await settled();
    clock.advance(1_000);
    await started;
    expect(made).toHaveLength(2);
    starts = 0;
    await expect(failing(new Error('no such file')).start()).rejects.toThrow('no such file');
  });

  test('the time that a start takes is no time of health', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const slow = (): Role => {
      const role = create();
      return { ...role, start: () => new Promise((resolve) => clock.setTimer(90_000, resolve)) };
    };
    const role = createSupervisedRole({ name: 'worker', create: slow, clock, random: () => 1, logger: silent });
    void role.start();
    for (let i = 1; i <= 6; i++) {
      clock.advance(90_000);
      await settled();
      made.at(-1)?.fail(new Error(`failure ${i}`));
      await settled();
      clock.advance(15_000);
      await settled();
    }
    expect((await role.failed).message).toContain('6 times');
    expect(made).toHaveLength(6);
  });

  test('pauses differ by chance, so that many processes do not come back at once', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const role = createSupervisedRole({ name: 'worker', create, clock, random: () => 0.25, logger: silent });
    await role.start();
    made[0]?.fail(new Error('the broker went away'));
    await settled();
    clock.advance(249);
    expect(made).toHaveLength(1);
    clock.advance(1);
    expect(made).toHaveLength(2);
  });

  test('one that cannot be closed is left behind, and the next one begins', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const stuck = (): Role => ({ ...create(), stop: () => new Promise<void>(() => undefined) });
    const role = createSupervisedRole({ name: 'worker', create: stuck, clock, random: () => 1, logger: silent });
    await role.start();
    made[0]?.fail(new Error('the broker went away'));
    await settled();
    clock.advance(15_000);
    await settled();
    clock.advance(1_000);
    expect(made).toHaveLength(2);
  });

  test('one that cannot even be made counts as a failure', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const role = createSupervisedRole({
      name: 'worker',
      clock,
      random: () => 1,
      logger: silent,
      create() {
        if (made.length > 0) throw new Error('no file descriptor is left');
        return create();
      },
    });
    await role.start();
    made[0]?.fail(new Error('the broker went away'));
    for (let i = 1; i <= 6; i++) {
      await settled();
      clock.advance(15_000);
    }
    expect((await role.failed).message).toContain('no file descriptor is left');
  });

  test('a start and a role that fail at once are one failure, and one role starts again', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const starts: { reject(reason: Error): void }[] = [];
    const role = createSupervisedRole({
      name: 'worker',
      clock,
      random: () => 1,
      logger: silent,
      create: () => ({
        ...create(),
        start: () =>
          made.length === 1 ? Promise.resolve() : new Promise<void>((_, reject) => starts.push({ reject })),
      }),
    });
    await role.start();
    made[0]?.fail(new Error('the broker went away'));
    await settled();
    clock.advance(1_000);
    made[1]?.fail(new Error('the watch broke'));
    starts[0]?.reject(new Error('joining failed'));
    await settled();
    expect(made[1]?.stops).toEqual([0]);
    expect(clock.pendingTimers()).toBe(1);
    clock.advance(60_000);
    expect(made).toHaveLength(3);
  });

  test('a role that fails while it starts is stopped after its start; the start of the next one counts', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const starts: { resolve(): void }[] = [];
    const role = createSupervisedRole({
      name: 'worker',
      clock,
      random: () => 1,
      logger: silent,
      create: () => ({ ...create(), start: () => new Promise<void>((resolve) => starts.push({ resolve })) }),
    });
    let started = false;
    void role.start().then(() => {
      started = true;
    });
    made[0]?.fail(new Error('the watch broke'));
    await settled();
    expect(made[0]?.stops).toEqual([]);
    starts[0]?.resolve();
    await settled();
    expect(made[0]?.stops).toEqual([0]);
    expect(started).toBe(false);
    clock.advance(1_000);
    starts[1]?.resolve();
    await settled();
    expect(started).toBe(true);
  });

  test('one whose start outlasts the patience is stopped all the same, when that has ended', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const starts: { resolve(): void }[] = [];
    const role = createSupervisedRole({
      name: 'worker',
      clock,
      random: () => 1,
      logger: silent,
      create: () => ({ ...create(), start: () => new Promise<void>((resolve) => starts.push({ resolve })) }),
    });
    void role.start();
    made[0]?.fail(new Error('the watch broke'));
    await settled();
    clock.advance(15_000);
    await settled();
    clock.advance(1_000);
    expect(made).toHaveLength(2);
    starts[0]?.resolve();
    await settled();
    expect(made[0]?.stops).toEqual([0]);
    expect(made[1]?.stops).toEqual([]);
  });

  test('a stop waits for a role that has just failed, whose commands are being ended', async () => {
    const { made, create } = createRoles();
    const stops: { resolve(): void }[] = [];
    const role = createSupervisedRole({
      name: 'worker',
      clock: createFakeClock(),
      random: () => 1,
      logger: silent,
      create: () => ({ ...create(), stop: () => new Promise<void>((resolve) => stops.push({ resolve })) }),
    });
    await role.start();
    made[0]?.fail(new Error('the broker went away'));
    await settled();
    let stopped = false;
    void role.stop(10).then(() => {
      stopped = true;
    });
    await settled();
    expect(stopped).toBe(false);
    stops[0]?.resolve();
    await settled();
    expect(stopped).toBe(true);
    expect(made).toHaveLength(1);
  });

  test('a stopped role does not start again', async () => {
    const clock = createFakeClock();
    const { made, create } = createRoles();
    const role = createSupervisedRole({ name: 'worker', create, clock, random: () => 1, logger: silent });
    await role.start();
    made[0]?.fail(new Error('the broker went away'));
    await settled();
    await role.stop(10);
    clock.advance(60_000);
    await settled();
    expect(made).toHaveLength(1);
  });
});

describe('signals', () => {
  test('the first asks to drain, one that comes with it is the same key press, a later one ends at once', () => {
    const clock = createFakeClock();
    let ended = 0;
    const interruption = createInterruption({ clock, atOnce: () => ended++ });
    const reason = new Error('Ctrl-C');
    interruption.signal(reason);
    expect(interruption.aborted.reason).toBe(reason);
    clock.advance(50);
    interruption.signal(reason);
    expect(ended).toBe(0);
    clock.advance(400);
    interruption.signal(reason);
    expect(ended).toBe(1);
  });
});

describe('what was acquired', () => {
  test('is released in reverse order, also when releasing something fails', async () => {
    const released: string[] = [];
    const releases = createCleanup({ logger: silent, clock: createFakeClock() });
    for (const name of ['log', 'feed', 'roles']) {
      releases.add(name, async () => {
        released.push(name);
        if (name === 'feed') throw new Error('already gone');
      });
    }
    await releases.all(1_000);
    expect(released).toEqual(['roles', 'feed', 'log']);
  });

  test('is waited for no longer than the limit', async () => {
    const clock = createFakeClock();
    const releases = createCleanup({ logger: silent, clock });
    releases.add('the broker', () => new Promise(() => undefined));
    const released = releases.all(1_000);
    clock.advance(1_000);
    await released;
    expect(clock.pendingTimers()).toBe(0);
  });
});
