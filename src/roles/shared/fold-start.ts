/** Where a role starts to fold a partition that it was given. */
import { replayStart, type ReplaySituation, type ReplayStart } from '../../domain/replay-start.js';
import type { Logger } from '../../ports/logger.js';

/** Throws DataLoss. A commit of another program that loses nothing is logged. */
export function foldStart(situation: ReplaySituation, logger: Logger): ReplayStart {
  const start = replayStart(situation);
  if (situation.committed !== null && start.metadata === null)
    logger.warn(
      { offset: situation.committed.offset, hint: 'another program commits in the group of this role' },
      'partition.foreign_commit',
    );
  return start;
}
