import { DEFAULT_LIMITS, LIMIT_KEYS, LIMIT_NAMES, LIMITS_BY_NAME, limitsOf } from '../../src/domain/limits.js';

describe('the limits of a call', () => {
  test('are the defaults where no file says anything', () => {
    expect(limitsOf(undefined, {})).toEqual(DEFAULT_LIMITS);
  });

  test("are the agent's, higher or lower than the defaults", () => {
    expect(limitsOf({ memory_mb: 8_192, processes: 16 }, {})).toEqual({
      ...DEFAULT_LIMITS,
      memory_mb: 8_192,
      processes: 16,
    });
  });

  test('are lowered by the mission, and never raised', () => {
    const agent = { memory_mb: 512 };
    expect(limitsOf(agent, { memory_mb: 256, cpu_seconds: 10 })).toMatchObject({ memory_mb: 256, cpu_seconds: 10 });
    expect(limitsOf(agent, { memory_mb: 100_000, cpu_seconds: 100_000 })).toMatchObject({
      memory_mb: 512,
      cpu_seconds: DEFAULT_LIMITS.cpu_seconds,
    });
  });

  test('leave out keys of newer builds', () => {
    expect(limitsOf(undefined, { sockets: 1 })).toEqual(DEFAULT_LIMITS);
  });

  test('have a key and a name each', () => {
    expect([...LIMIT_KEYS].toSorted()).toEqual(Object.keys(DEFAULT_LIMITS).toSorted());
    expect(LIMIT_NAMES).toEqual(Object.keys(LIMITS_BY_NAME));
    expect(Object.values(LIMITS_BY_NAME).toSorted()).toEqual([...LIMIT_KEYS].toSorted());
  });
});
