/** Drives partition-life.ts: appends the claims, waits between them, and reports when it is held and lost. */
import type { PartitionId, Appender } from '../../ports/log.js';
import { AppendDropped } from '../../ports/log.js';
import type { Clock, Ids, Timer } from '../../ports/clock.js';
import { asError } from '../../domain/as-error.js';
import type { CreateEvent } from '../../domain/event-factory.js';
import { newOwnerId } from './owner-id.js';
import { OPEN, stepPartitionLife, type HeldClaim, type LifeAction, type LifeInput } from './partition-life.js';

export interface ClaimDeps {
  readonly partition: PartitionId;
  readonly appender: Appender;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly createEvent: CreateEvent;
  readonly processId: string;
  /** Whether the group still says that the partition is ours. */
  isAssigned(): boolean;
  onFatal(error: Error): void;
}

export interface ClaimListener {
  onHeld(claim: HeldClaim): void;
  /** released: the group has revoked the partition. lost: another process has claimed it. */
  onLost(how: 'released' | 'lost'): void;
}

export interface Claim {
  /** Non-null while this process is the holder. */
  held(): HeldClaim | null;
  /** Appends the first claim; from then on the listener hears when the partition is held and lost. */
  start(listener: ClaimListener): void;
  /** A claim was read: the process's own, or that of another one. */
  onRead(owner: string, offset: number): void;
  /** The partition was revoked. */
  close(): void;
}

/** How often a process that no longer has the partition looks whether the group has given it back. */
const LOOK_MS = 300;

export function createClaim(deps: ClaimDeps): Claim {
  const { clock, ids, processId } = deps;
  let life = OPEN;
  let listener: ClaimListener = { onHeld() {}, onLost() {} };
  let timer: Timer | null = null;

  function take(input: LifeInput): void {
    const step = stepPartitionLife(life, input);
    life = step.life;
    for (const action of step.actions) perform(action);
  }

  function perform(action: LifeAction): void {
    switch (action.kind) {
      case 'append_claim':
        return appendClaim(deps, action.owner, () => life.phase !== 'closed');
      case 'hold':
        return listener.onHeld(action.held);
      case 'lose':
        return listener.onLost(action.how);
      case 'claim_again':
        timer = clock.setTimer(action.limitMs * fractionOf(ids.uuid()), claimIfAssigned);
    }
  }

  function claim(): void {
    const owner = newOwnerId(processId, ids);
    take({ kind: 'claim', owner });
  }

  /** Once the group has revoked the partition, close() follows. */
  function claimIfAssigned(): void {
    if (deps.isAssigned()) claim();
    else timer = clock.setTimer(LOOK_MS, claimIfAssigned);
  }

  return {
    held: () => (life.phase === 'held' ? life.held : null),
    start(toTell) {
      listener = toTell;
      claim();
    },
    onRead: (owner, offset) => take({ kind: 'claim_read', owner, offset, nowMs: clock.monotonicMs() }),
    close() {
      timer?.cancel();
      take({ kind: 'revoked' });
    },
  };
}

function appendClaim(deps: ClaimDeps, owner: string, isOpen: () => boolean): void {
  const { partition, appender, createEvent, processId } = deps;
  const event = createEvent({
    type: 'partition_claimed',
    from: processId,
    payload: { owner, worker_id: processId, ...partition },
  });
  appender.append({ ...partition, key: `claim/${partition.partition}`, event }).catch((error: unknown) => {
    if (isOpen() && !(error instanceof AppendDropped)) deps.onFatal(asError(error));
  });
}

/** At least 0 and below 1: a (random) UUID begins with 32 random bits. */
function fractionOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8), 16) / 2 ** 32;
}
