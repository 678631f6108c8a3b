import { DataLoss } from './record.js';

export interface ReplaySituation {
  readonly topic: string;
  readonly partition: number;
  readonly committed: { readonly offset: number; readonly metadata: string } | null;
  readonly logStart: number;
  readonly logEnd: number;
}

/** Of a partition, from its bounds and what a group has committed for its topic. */
export function situationOf(
  topic: string,
  { partition, low, high }: { readonly partition: number; readonly low: number; readonly high: number },
  commits: readonly { readonly partition: number; readonly offset: number | null; readonly metadata: string }[],
): ReplaySituation {
  const { offset = null, metadata = '' } = commits.find((each) => each.partition === partition) ?? {};
  return { topic, partition, committed: offset === null ? null : { offset, metadata }, logStart: low, logEnd: high };
}

export interface ReplayStart {
  readonly offset: number;
  /** null: fold from the beginning of a whole log. */
  readonly metadata: string | null;
}

/**
 * Where a fold starts. Never "from the earliest that is left": a hole between the replay point and the log means
 * that open work may be gone, and only a person can decide what to do about it.
 * @throws DataLoss
 */
export function replayStart({ topic, partition, committed, logStart, logEnd }: ReplaySituation): ReplayStart {
  const place = `${topic}/${partition}`;
  const recover = `To continue without what is lost, run: ravenhelm recover ${topic} ${partition} --accept-loss`;
  if (logStart === 0 && (committed === null || isForeignStart(committed))) return { offset: 0, metadata: null };
  if (committed === null) {
    throw new DataLoss(
      `${place}: nothing is committed, but the log starts at offset ${logStart}: records below it were never folded. ` +
        `Restore the group's committed offsets. ${recover}`,
    );
  }
  if (committed.offset < 0 || committed.metadata === '') {
    throw new DataLoss(
      `${place}: the committed offset ${committed.offset} has no fold state with it; ` +
        `something other than the swarm committed it. ` +
        `Restore it. ${recover}`,
    );
  }
  if (committed.offset < logStart || committed.offset > logEnd) {
    throw new DataLoss(
      `${place}: the replay point ${committed.offset} lies outside the log (${logStart} to ${logEnd}): ` +
        `records were deleted or the topic was recreated. ` +
        `Open tasks below ${logStart} are lost; resubmit their missions. ${recover}`,
    );
  }
  return { offset: committed.offset, metadata: committed.metadata };
}

/**
 * Another program's commit at the beginning of a whole log (a consumer that was reset, or an empty partition) says as
 * much as none. Where the log was cut, the state that was overwritten is what said whether the records below were done.
 */
function isForeignStart({ offset, metadata }: { readonly offset: number; readonly metadata: string }): boolean {
  return offset === 0 && metadata === '';
}
