/** Foreign writers: they write unreadable records, or records that belong elsewhere. */
import type { AgentEvent } from '../../src/domain/events.js';
import type { Ids } from '../../src/ports/clock.js';
import type { RecordContent } from '../../src/ports/log.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import type { Faults } from './faults.js';
import type { Scenario } from './scenario.js';
import type { SimLog } from './sim-log.js';
import { EPOCH_MS, type World } from './world.js';

export interface StrangersOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly scenario: Scenario;
  readonly ids: Ids;
  readonly log: SimLog;
  /** Topics that they write to. */
  readonly topics: readonly string[];
}

export function createStrangers({ world, faults, scenario, ids, log, topics }: StrangersOptions): { begin(): void } {
  const { random } = world;
  const createEvent = createEventFactory({ clock: { now: () => Math.round(EPOCH_MS + world.now()) }, ids });
  let written = 0;

  /** News belongs in no partition that is folded. */
  function misplaced(): AgentEvent {
    const from = `stranger ${written}`;
    return random.chance(0.5)
      ? createEvent({ type: 'request_status', from, payload: { request_id: from, requested_by: from } })
      : createEvent({
          type: 'dependency_required',
          from,
          payload: {
            requesting_agent: from,
            dependency_type: 'service',
            dependency_name: 'postgres',
            required_by: '',
            metadata: {},
          },
        });
  }

  function write(): void {
    written += 1;
    const partition = random.pick(log.partitions(random.pick(topics)));
    const content: RecordContent = random.chance(0.6)
      ? {
          kind: 'poison',
          reason: `bytes ${written} are no event`,
          value: random.chance(0.2) ? null : Uint8Array.of(written),
        }
      : { kind: 'event', event: misplaced() };
    log.writeForeign(partition, content);
  }

  function again(): void {
    world.at(random.delayMs(2 * scenario.faultEveryMs), () => {
      if (!faults.on('poison')) return;
      write();
      again();
    });
  }

  return { begin: again };
}
