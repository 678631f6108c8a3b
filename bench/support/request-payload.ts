import type { PayloadOf } from '../../src/domain/events.js';
import type { BenchLog } from './bench-log.js';

type Request = PayloadOf<'mission_requested'>;

/** The request of a mission that its author plans and trusts, without limits and checks, in a workspace to itself. */
export function requestPayload(
  { workspaceMarker }: Pick<BenchLog, 'workspaceMarker'>,
  own: Pick<Request, 'mission_id' | 'agents' | 'plan'> & Partial<Request>,
): Request {
  return {
    name: 'bench',
    brief: 'Do nothing.',
    approval: 'none',
    retries: 0,
    on_failure: 'fail',
    budget: { usd: null, tokens: null, minutes: null },
    success: [],
    workspace: null,
    workspace_marker: workspaceMarker,
    requested_by: 'bench',
    requires: [],
    workspace_of: null,
    continues: null,
    planner: null,
    limits: {},
    signed: null,
    brief_trusted: true,
    workspace_trusted: false,
    inputs: [],
    ...own,
  };
}

/** A plan of one wave. */
export const waveOf = (
  tasks: NonNullable<Request['plan']>['waves'][number]['tasks'],
): NonNullable<Request['plan']> => ({
  strategy: 'All at once.',
  waves: [{ wave_number: 1, rationale: 'Nothing depends on anything.', tasks }],
  risks: [],
  success_criteria: [],
  notes: [],
});
