import { createMissionId, parseMissionId } from '../../src/domain/mission-id.js';

const NOW = Date.UTC(2026, 10, 23, 14, 15, 2, 417);

function sequence(...values: number[]): () => number {
  let next = 0;
  return () => values[next++ % values.length] ?? 0;
}

describe('mission ids', () => {
  test('an id carries its time and its coordination partition', () => {
    const id = createMissionId({ nowMs: NOW, partition: 5, random: sequence(0, 0.5, 0.999999, 0.25) });
    expect(id).toMatch(/^20261123-141502-417-p05-[2-9a-z]{4}$/);
    expect(parseMissionId(id)).toEqual({ partition: 5, timeMs: NOW });
  });

  test('ids sort by time, whatever their partition and suffix', () => {
    const ids = [0, 1, 999, 1000, 60_000, 86_400_000].map((later, index) =>
      createMissionId({ nowMs: NOW + later, partition: 11 - index, random: sequence(0.9 - index / 10) }),
    );
    expect([...ids].sort()).toEqual(ids);
  });

  test('two ids of the same millisecond differ by their suffix', () => {
    const first = createMissionId({ nowMs: NOW, partition: 0, random: sequence(0.1, 0.2, 0.3, 0.4) });
    const second = createMissionId({ nowMs: NOW, partition: 0, random: sequence(0.1, 0.2, 0.3, 0.5) });
    expect(first).not.toBe(second);
  });

  test('every id that can be made can be parsed', () => {
    for (const partition of [0, 9, 10, 99, 100, 123_456]) {
      for (const fraction of [0, 0.31, 0.62, 0.999999]) {
        const id = createMissionId({ nowMs: NOW, partition, random: () => fraction });
        expect(parseMissionId(id)).toEqual({ partition, timeMs: NOW });
        expect(id).toBe(id.toLowerCase());
      }
    }
  });

  test.each([
    ['', 'nothing'],
    ['20261123-141502-417-p05-x7k', 'a short suffix'],
    ['20261123-141502-417-p05-x7k2 ', 'a space at the end'],
    ['20261123-141502-417-p05-x7k2\n', 'a line break at the end'],
    ['20261123-141502-417-p05-X7K2', 'capitals'],
    ['20261123-141502-417-p05-x7k0', 'a character that is never used'],
    ['20260231-141502-417-p05-x7k2', 'a day that does not exist'],
    ['20261123-241502-417-p05-x7k2', 'an hour that does not exist'],
    ['20261123-141502-417-p5-x7k2', 'a partition of one digit'],
    ['20261123-141502-417-p005-x7k2', 'a partition with a zero too many'],
    ['../20261123-141502-417-p05-x7k2', 'a path'],
    ['19691123-141502-417-p05-x7k2', 'a time before the epoch'],
  ])('%j is no id: %s', (text) => {
    expect(parseMissionId(text)).toBeNull();
  });

  test.each([
    [{ nowMs: -1, partition: 0 }],
    [{ nowMs: 1.5, partition: 0 }],
    [{ nowMs: Number.NaN, partition: 0 }],
    [{ nowMs: NOW, partition: -1 }],
    [{ nowMs: NOW, partition: 0.5 }],
    [{ nowMs: NOW, partition: 1_000_000 }],
  ])('%j makes no id', (input) => {
    expect(() => createMissionId({ ...input, random: () => 0 })).toThrow(RangeError);
  });
});
