/**
 * Holding a partition: claim it by appending, hold it once the claim was read back, never act under an owner id again
 * once another's claim was read after it. The same for tasks and coordination partitions.
 */
import type { PartitionId, Appender } from '../ports/log.js';
import { AppendDropped } from '../ports/log.js';
import type { Clock, Ids, Timer } from '../ports/clock.js';
import { asError } from './role.js';
import type { CreateEvent } from './event.js';

export interface HeldClaim {
  readonly owner: string;
  /** Offset of the claim's first read-back; orders the fence. */
  readonly claimOffset: number;
}

export interface ClaimDeps {
  readonly partition: PartitionId;
  readonly appender: Appender;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly createEvent: CreateEvent;
  readonly processId: string;
  /** Whether the group still says that the partition is ours. */
  isAssigned(): boolean;
  onHeld(claim: HeldClaim): void;
  onLost(): void;
  onFatal(error: Error): void;
}

export interface Claim {
  /** Non-null while this process is the holder. */
  held(): HeldClaim | null;
  /** Appends a claim under a new owner id. */
  start(): void;
  /** A claim was read, whoever's. */
  onRead(owner: string, offset: number): void;
  /** The partition was taken away. */
  close(): void;
}

/** Two members that both believe in a partition must not outbid each other at full speed. */
const RECLAIM_DELAY_MS = 300;

export function createClaim(deps: ClaimDeps): Claim {
  const { partition, appender, clock, ids, createEvent, processId } = deps;
  let owner: string | null = null;
  let held: HeldClaim | null = null;
  let closed = false;
  let reclaim: Timer | null = null;

  function start(): void {
    reclaim = null;
    if (closed) return;
    owner = `${processId}/${ids.uuid().slice(0, 8)}`;
    const event = createEvent({ type: 'partition_claimed', from: processId, payload: { owner, worker_id: processId, ...partition } });
    appender.append({ ...partition, key: `claim/${partition.partition}`, event }).catch((error: unknown) => {
      if (!closed && !(error instanceof AppendDropped)) deps.onFatal(asError(error));
    });
  }

  /** Once the group has taken the partition away, close() follows. */
  function startIfAssigned(): void {
    if (deps.isAssigned()) start();
    else reclaim = clock.setTimer(RECLAIM_DELAY_MS, startIfAssigned);
  }

  function lose(): void {
    const wasHeld = held !== null;
    owner = null;
    held = null;
    if (wasHeld) deps.onLost();
  }

  return {
    held: () => held,
    start,
    onRead(reader, offset) {
      if (reader === owner) {
        if (held !== null) return; // the same claim, appended twice
        held = { owner: reader, claimOffset: offset };
        deps.onHeld(held);
      } else if (held !== null) {
        lose();
        reclaim = clock.setTimer(RECLAIM_DELAY_MS, startIfAssigned);
      }
    },
    close() {
      closed = true;
      reclaim?.cancel();
      lose();
    },
  };
}
