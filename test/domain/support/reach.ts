import type { DecideContext } from '../../../src/domain/mission-decide.js';
import type { Reach } from '../../../src/domain/taint.js';

/** A build in which this agent, and no other one, reaches something beyond the workspace. */
export const outsideReach = (agent: string, reach: Reach): Pick<DecideContext, 'revisionOf'> => ({
  revisionOf: (name) => ({
    digest: null,
    playbookAcceptance: null,
    playbookChanges: [],
    reach: name === agent ? [reach] : [],
  }),
});
