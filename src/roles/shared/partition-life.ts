/**
 * The life of a partition in a process to which the group assigned it: open → claimed → held → lost, and claimed again
 * after a while, until the group revokes it. The same for tasks and coordination partitions. Pure; claim.ts drives it.
 */

export interface HeldClaim {
  readonly owner: string;
  /** Offset of the claim's first read-back; orders the fence. */
  readonly claimOffset: number;
}

/** losses: claims that were lost in a row, none of them held undisturbed for QUIET_MS. */
export type PartitionLife =
  | { readonly phase: 'open'; readonly losses: number }
  | { readonly phase: 'claimed'; readonly losses: number; readonly owner: string }
  | { readonly phase: 'held'; readonly losses: number; readonly held: HeldClaim; readonly sinceMs: number }
  | { readonly phase: 'lost'; readonly losses: number }
  | { readonly phase: 'closed' };

export type LifeInput =
  /** The process wants the partition, under an owner id that was never used before. */
  | { readonly kind: 'claim'; readonly owner: string }
  /** A claim was read from the partition: the process's own, or that of another one. */
  | { readonly kind: 'claim_read'; readonly owner: string; readonly offset: number; readonly nowMs: number }
  /** The group has revoked the partition. */
  | { readonly kind: 'revoked' };

export type LifeAction =
  | { readonly kind: 'append_claim'; readonly owner: string }
  /** From now on this process acts for the partition. */
  | { readonly kind: 'hold'; readonly held: HeldClaim }
  /** From now on another process does, or none: the group has revoked it, or another process has claimed it. */
  | { readonly kind: 'lose'; readonly how: 'released' | 'lost' }
  /** Claim again after a time drawn from below the limit. */
  | { readonly kind: 'claim_again'; readonly limitMs: number };

export interface LifeStep {
  readonly life: PartitionLife;
  readonly actions: readonly LifeAction[];
}

export const OPEN: PartitionLife = { phase: 'open', losses: 0 };

/**
 * Two members that both believe in a partition must not outbid each other at full speed. The wait after a lost claim is
 * drawn from below a limit (full jitter: two that lost at once do not come back at once) that doubles with every loss,
 * until a claim was held undisturbed for QUIET_MS.
 */
const FIRST_RECLAIM_MS = 600;
const LONGEST_RECLAIM_MS = 10_000;
const QUIET_MS = 30_000;

/** What happens to the partition, and what is to be done about it. */
export function stepPartitionLife(life: PartitionLife, input: LifeInput): LifeStep {
  const unchanged = { life, actions: [] };

  // It ends in any phase, and for good.
  if (life.phase === 'closed') return unchanged;
  if (input.kind === 'revoked')
    return { life: { phase: 'closed' }, actions: life.phase === 'held' ? [{ kind: 'lose', how: 'released' }] : [] };

  switch (life.phase) {
    // Open, or lost and open again: it is claimed by an append.
    case 'open':
    case 'lost': {
      if (input.kind !== 'claim') return unchanged;
      const { owner } = input;
      return { life: { phase: 'claimed', losses: life.losses, owner }, actions: [{ kind: 'append_claim', owner }] };
    }

    // Claimed: when the own claim is read back, everything before it is folded. Claims of others before it say nothing.
    case 'claimed': {
      if (input.kind !== 'claim_read' || input.owner !== life.owner) return unchanged;
      const held = { owner: input.owner, claimOffset: input.offset };
      return {
        life: { phase: 'held', losses: life.losses, held, sinceMs: input.nowMs },
        actions: [{ kind: 'hold', held }],
      };
    }

    // Held, until another claim is read. The own one a second time is a duplicate append.
    case 'held': {
      if (input.kind !== 'claim_read' || input.owner === life.held.owner) return unchanged;
      const losses = input.nowMs - life.sinceMs < QUIET_MS ? life.losses + 1 : 1;
      const limitMs = Math.min(LONGEST_RECLAIM_MS, FIRST_RECLAIM_MS * 2 ** (losses - 1));
      return {
        life: { phase: 'lost', losses },
        actions: [
          { kind: 'lose', how: 'lost' },
          { kind: 'claim_again', limitMs },
        ],
      };
    }
  }
}
