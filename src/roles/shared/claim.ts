/**
 * Holding a partition: claim it by appending, hold it once the claim was read back, never act under an owner id again
 * once another's claim was read after it. The same for tasks and coordination partitions.
 */
import type { PartitionId, Appender } from '../../ports/log.js';
import { AppendDropped } from '../../ports/log.js';
import type { Clock, Ids, Timer } from '../../ports/clock.js';
import { asError } from '../../domain/as-error.js';
import type { CreateEvent } from '../../domain/event-factory.js';

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

/**
 * Two members that both believe in a partition must not outbid each other at full speed. The wait after a lost claim is
 * drawn from below a limit (full jitter: two that lost at once do not come back at once) that doubles with every loss,
 * until a claim was held undisturbed for QUIET_MS.
 */
const FIRST_RECLAIM_MS = 600;
const LONGEST_RECLAIM_MS = 10_000;
const QUIET_MS = 30_000;
/** How often a process that no longer has the partition looks whether the group has given it back. */
const LOOK_MS = 300;

export function createClaim(deps: ClaimDeps): Claim {
  const { partition, appender, clock, ids, createEvent, processId } = deps;
  let owner: string | null = null;
  let held: HeldClaim | null = null;
  let closed = false;
  let reclaim: Timer | null = null;
  let losses = 0;
  let heldSinceMs = 0;

  function start(): void {
    reclaim = null;
    if (closed) return;
    owner = `${processId}/${ids.uuid().slice(0, 8)}`;
    const event = createEvent({
      type: 'partition_claimed',
      from: processId,
      payload: { owner, worker_id: processId, ...partition },
    });
    appender.append({ ...partition, key: `claim/${partition.partition}`, event }).catch((error: unknown) => {
      if (!closed && !(error instanceof AppendDropped)) deps.onFatal(asError(error));
    });
  }

  /** Once the group has taken the partition away, close() follows. */
  function startIfAssigned(): void {
    if (deps.isAssigned()) start();
    else reclaim = clock.setTimer(LOOK_MS, startIfAssigned);
  }

  function reclaimLater(): void {
    losses = clock.monotonicMs() - heldSinceMs < QUIET_MS ? losses + 1 : 1;
    const limitMs = Math.min(LONGEST_RECLAIM_MS, FIRST_RECLAIM_MS * 2 ** (losses - 1));
    reclaim = clock.setTimer(limitMs * fractionOf(ids.uuid()), startIfAssigned);
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
        heldSinceMs = clock.monotonicMs();
        deps.onHeld(held);
      } else if (held !== null) {
        lose();
        reclaimLater();
      }
    },
    close() {
      closed = true;
      reclaim?.cancel();
      lose();
    },
  };
}

/** At least 0 and below 1: a (random) UUID begins with 32 random bits. */
function fractionOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8), 16) / 2 ** 32;
}
