import { createWaitingInstructions } from '../../src/roles/worker/waiting-instructions.js';
import { createSystemPacker } from '../../src/telemetry/system-packer.js';
import { assignment } from './assignment.js';

describe('instructions that wait', () => {
  test('come back as they were, whether or not they were packed meanwhile, in any order', () => {
    const { packer, packed } = countingPacker();
    const waiting = createWaitingInstructions(packer);
    const numbers = Array.from({ length: 1_000 }, (_, number) => number);
    const compressed = new Map(
      numbers.map((number) => [number, waiting.compress(`key-${number}`, assignment(number))]),
    );
    expect(compressed.get(7)).toMatchObject({
      task_id: 'task-7',
      brief: 'Do it.',
      description: '',
      acceptance: [],
      inputs: [],
      feedback: null,
      answer: null,
    });
    expect(packed()).toBeGreaterThan(1);
    for (const number of numbers.toReversed())
      expect(waiting.restore(`key-${number}`, compressed.get(number) ?? assignment(-1))).toEqual(assignment(number));
  });

  test('are taken once: an assignment that is whole stays as it is', () => {
    const waiting = createWaitingInstructions(createSystemPacker());
    const whole = waiting.restore('key', waiting.compress('key', assignment(1)));
    expect(waiting.restore('key', whole)).toBe(whole);
  });

  test('are packed by what they take: small ones when hundreds wait, large ones when a few do', () => {
    const packsOf = (count: number, description: string): number => {
      const { packer, packed } = countingPacker();
      const waiting = createWaitingInstructions(packer);
      for (let number = 0; number < count; number += 1)
        waiting.compress(`key-${number}`, { ...assignment(number), description });
      return packed();
    };
    expect(packsOf(139, 'small')).toBe(0);
    expect(packsOf(600, 'small')).toBe(1);
    expect(packsOf(7, 'x'.repeat(10_000))).toBe(1);
  });

  test('that were dropped or taken back are not packed', () => {
    const { packer, packed } = countingPacker();
    const waiting = createWaitingInstructions(packer);
    for (let number = 0; number < 2_000; number += 1) {
      const compressed = waiting.compress(`key-${number}`, assignment(number));
      if (number % 2 === 0) waiting.drop(`key-${number}`);
      else expect(waiting.restore(`key-${number}`, compressed)).toEqual(assignment(number));
    }
    expect(packed()).toBe(0);
  });

  test('are unpacked once for all attempts of a chunk that get their slots in order', () => {
    const { packer, packed, unpacked } = countingPacker();
    const waiting = createWaitingInstructions(packer);
    const numbers = Array.from({ length: 2_000 }, (_, number) => number);
    const compressed = numbers.map((number) => waiting.compress(`key-${number}`, assignment(number)));
    numbers.forEach((number) => waiting.drop(`key-${number % 3 === 0 ? number : -1}`));
    for (const number of numbers)
      if (number % 3 !== 0)
        expect(waiting.restore(`key-${number}`, compressed[number] ?? assignment(-1))).toEqual(assignment(number));
    expect(packed()).toBeGreaterThan(1);
    expect(unpacked()).toBe(packed());
  });
});

function countingPacker() {
  const real = createSystemPacker();
  let [packed, unpacked] = [0, 0];
  return {
    packer: {
      pack: (text: string) => ((packed += 1), real.pack(text)),
      unpack: (bytes: Uint8Array) => ((unpacked += 1), real.unpack(bytes)),
    },
    packed: () => packed,
    unpacked: () => unpacked,
  };
}
