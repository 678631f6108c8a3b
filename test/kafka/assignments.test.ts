import type { Admin } from 'ravenhelm-kafkajs';
import type { AdminSession } from '../../src/kafka/admin-session.js';
import { assignmentsOf } from '../../src/kafka/kafka-admin.js';

const TOPIC = 'tasks';
const partition = 0;

/** A partition in use; its holder may do its work just after any answer of the cluster. */
class ClusterInUse {
  low = 20;
  high = 30;
  committed = 25;
  answers = 0;

  constructor(readonly holderActsAfter: number) {
    if (holderActsAfter === 0) this.holderActs();
  }

  /** All at once, what a holder and an orchestrator do in time: records are written, handled, committed and deleted. */
  holderActs(): void {
    this.high += 100;
    this.committed = this.high;
    this.low = this.committed;
  }

  readonly session: AdminSession = {
    run: (work) => work(this.admin()),
    close: async () => undefined,
  };

  private admin(): Admin {
    const scripted: unknown = {
      fetchTopicOffsets: () =>
        this.answer(() => [{ partition, low: String(this.low), high: String(this.high), offset: String(this.high) }]),
      fetchOffsets: () =>
        this.answer(() => [
          {
            topic: TOPIC,
            partitions: [{ partition, offset: String(this.committed), metadata: `fold before ${this.committed}` }],
          },
        ]),
    };
    return scripted as Admin;
  }

  private async answer<T>(read: () => T): Promise<T> {
    const answer = read();
    this.answers += 1;
    if (this.answers === this.holderActsAfter) this.holderActs();
    return answer;
  }
}

describe('what a group finds in a partition that it is given', () => {
  test('is a committed offset within the log, whenever its holder commits and records are deleted', async () => {
    const quiet = new ClusterInUse(-1);
    await assignmentsOf(quiet.session, 'group', TOPIC, [partition]);
    expect(quiet.answers).toBeGreaterThan(1);
    for (let moment = 0; moment <= quiet.answers; moment += 1) {
      const [found] = await assignmentsOf(new ClusterInUse(moment).session, 'group', TOPIC, [partition]);
      const offset = found?.committed?.offset ?? -1;
      expect({
        moment,
        outOfBounds: offset < (found?.logStart ?? Infinity) || offset > (found?.logEnd ?? -Infinity),
      }).toEqual({ moment, outOfBounds: false });
      expect(found?.committed?.metadata).toBe(`fold before ${offset}`);
    }
  });
});
