import type { PartitionId } from '../../ports/log.js';

/** What a role says of itself to the supervisor of its process. */
export interface RoleHealth {
  /** What is still missing before it does all of its work, one sentence each; empty: ready. */
  readonly missing: readonly string[];
  /** What has come to a standstill and does not move by itself, one sentence each; empty: alive. */
  readonly stalled: readonly string[];
  /** Partitions whose claim was read back. */
  readonly held: readonly PartitionId[];
}

/** Longer than a member may take to join again after its broker moved. */
export const DEFAULT_STALLED_MS = 60_000;
