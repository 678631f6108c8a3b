import { createWaitingInstructions } from '../../src/roles/worker/waiting-instructions.js';
import { createSystemPacker } from '../../src/telemetry/system-packer.js';
import { assignment } from './assignment.js';

describe('instructions that wait', () => {
  test('come back as they were, whether or not they were packed meanwhile, in any order', () => {
    const waiting = createWaitingInstructions(createSystemPacker());
    const numbers = Array.from({ length: 200 }, (_, number) => number);
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
    });
    for (const number of numbers.toReversed())
      expect(waiting.restore(`key-${number}`, compressed.get(number) ?? assignment(-1))).toEqual(assignment(number));
  });

  test('are taken once: an assignment that is whole stays as it is', () => {
    const waiting = createWaitingInstructions(createSystemPacker());
    const whole = waiting.restore('key', waiting.compress('key', assignment(1)));
    expect(waiting.restore('key', whole)).toBe(whole);
  });

  test('are packed only when many wait, and what was dropped before is not', () => {
    const packed: string[] = [];
    const waiting = createWaitingInstructions({
      pack: (text) => (packed.push(text), new Uint8Array()),
      unpack: () => '[]',
    });
    for (let number = 0; number < 1_000; number += 1) {
      waiting.compress(`key-${number}`, assignment(number));
      waiting.drop(`key-${number}`);
    }
    expect(packed).toEqual([]);
    for (let number = 0; number < 64; number += 1) waiting.compress(`key-${number}`, assignment(number));
    expect(packed).toHaveLength(1);
  });
});
