/**
 * The order of test files. A file that mostly waits for a broker has others beside it, and does not come last. In a
 * fresh clone, where no earlier run tells how long a file takes, jest orders files by their size, and the small files
 * of the long contracts would run alone at the end.
 */
import { statSync } from 'node:fs';
import { relative, sep } from 'node:path';
import Sequencer from '@jest/test-sequencer';

/** Seconds on a quiet computer with two cores, of the files that wait for most of their time. */
export const WAITING = {
  'test/kafka/recompressed.contract.test.ts': 200,
  'test/kafka/failing-broker.test.ts': 150,
  'test/roles/on-kafka.test.ts': 65,
  'test/kafka/older-kafka.contract.test.ts': 60,
  'test/kafka/kafka-log.contract.test.ts': 55,
  'test/policy/long-commands.test.ts': 50,
  'test/kafka/killed-broker.test.ts': 45,
};

/** Of a file without a known time: seconds for a byte, of all others together. */
const SECONDS_A_BYTE = 0.0013;

export default class Interleave extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const waiting = sorted
      .filter((test) => secondsOf(test) > 0)
      .toSorted((one, other) => secondsOf(other) - secondsOf(one));
    return interleaved(
      waiting.map((test) => ({ test, seconds: secondsOf(test) })),
      sorted
        .filter((test) => secondsOf(test) === 0)
        .map((test) => ({ test, seconds: statSync(test.path).size * SECONDS_A_BYTE })),
    ).map(({ test }) => test);
  }
}

const secondsOf = ({ path, context }) => WAITING[relative(context.config.rootDir, path).split(sep).join('/')] ?? 0;

/** Each that waits, and behind it others that take as long; what is left of the others comes last. */
export function interleaved(waiting, others) {
  const left = [...others];
  const order = waiting.flatMap((one) => {
    const beside = [];
    for (let seconds = 0; seconds < one.seconds && left.length > 0; seconds += beside.at(-1).seconds)
      beside.push(left.shift());
    return [one, ...beside];
  });
  return [...order, ...left];
}
