import Runner from 'ravenhelm-kafkajs/src/consumer/runner.js';
import { replaceMethod } from './replace-method.js';

/**
 * kafkajs 2.2.4 sends a commit that failed again, as whatever member it is by then: when partitions were reassigned in
 * between, the broker takes it for a partition that another member holds, and that one's replay point goes back (a
 * relative of tulios/kafkajs #1046). So a commit is sent once; who wants it asks again, for what is assigned then.
 */
export function commitOnlyOnce(): void {
  replaceMethod(
    Runner?.prototype,
    'commitOffsets',
    () =>
      async function (this: Runner, offsets) {
        if (this.running) await this.consumerGroup.commitOffsets(offsets);
      },
  );
}
