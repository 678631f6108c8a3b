/**
 * The reading side of the log as one state machine: what a member of a group and a watch do about each thing that can
 * happen. It knows no client, no clock and no promise; reader.ts brings the inputs and carries out the actions.
 */
import { answer, askAgain, joined, left, opened, openLost, unanswered } from './assignment.js';
import { createDraft, type Draft } from './draft.js';
import type { AssignmentInput, Input, RecordInput, Step } from './inputs.js';
import {
  bounds,
  boundsFailed,
  outOfRange,
  schemaFailed,
  schemaLoaded,
  transactionEnded,
  transactionOpen,
  waited,
} from './lookups.js';
import { committing, fetched, idle, own, passed, threw } from './records.js';
import { acceptedByGroup, clientStopped, clockSeen, crashed, heartbeat, joinTimedOut } from './session.js';
import type { Partition, ReaderState } from './state.js';

/** A handler may throw while it is closed, and a client that was restarting may join late. */
const AFTER_LEAVING: ReadonlySet<Input['kind']> = new Set(['joined', 'threw']);

/** The next state, and what to do now, in this order. */
export function step(state: ReaderState, input: Input): Step {
  if (state.session.left && !AFTER_LEAVING.has(input.kind)) return { state, actions: [] };
  const draft = createDraft(state);
  take(draft, input);
  tellCaughtUp(draft);
  return draft.done();
}

function take(draft: Draft, input: Input): void {
  switch (input.kind) {
    case 'joined':
      return acceptedByGroup(draft, input) ? joined(draft, input) : undefined;
    case 'crashed':
      return crashed(draft, input);
    case 'heartbeat':
      return heartbeat(draft, input);
    case 'client_stopped':
      return clientStopped(draft);
    case 'clock':
      return clockSeen(draft, input);
    case 'join_timed_out':
      return joinTimedOut(draft, input);
    case 'left':
      return left(draft);
    case 'started':
      return draft.change({ progress: 'behind' });
    case 'answered':
    case 'unanswered':
    case 'topic_waited':
    case 'opened':
    case 'open_lost':
      return takeAssignment(draft, input);
    default:
      return takeRecords(draft, input);
  }
}

function takeAssignment(draft: Draft, input: AssignmentInput): void {
  switch (input.kind) {
    case 'answered':
      return answer(draft, input);
    case 'unanswered':
      return unanswered(draft, input);
    case 'topic_waited':
      return askAgain(draft, input.topic, draft.state().questions.get(input.topic)?.failures);
    case 'opened':
      return opened(draft, input);
    case 'open_lost':
      return openLost(draft, input);
  }
}

function takeRecords(draft: Draft, input: RecordInput): void {
  switch (input.kind) {
    case 'threw':
      return threw(draft, input);
    case 'fetched':
      return fetched(draft, input);
    case 'passed':
      return passed(draft, input);
    case 'idle':
      return idle(draft, input);
    case 'own':
      return own(draft, input);
    case 'out_of_range':
      return outOfRange(draft, input);
    case 'transaction_open':
      return transactionOpen(draft, input);
    case 'transaction_ended':
      return transactionEnded(draft, input);
    case 'bounds':
      return bounds(draft, input);
    case 'bounds_failed':
      return boundsFailed(draft, input);
    case 'schema_loaded':
      return schemaLoaded(draft, input);
    case 'schema_failed':
      return schemaFailed(draft, input);
    case 'waited':
      return waited(draft, input);
    case 'committing':
      return committing(draft, input);
  }
}

function tellCaughtUp(draft: Draft): void {
  const { kind, progress } = draft.state();
  if (kind !== 'watch' || progress !== 'behind') return;
  if (draft.all().some(isBehind)) return;
  draft.change({ progress: 'caught_up' });
  draft.act({ kind: 'caught_up' });
}

/** Nothing more will be read of a partition that is set apart. */
function isBehind({ position, target, phase }: Partition): boolean {
  return position < target && phase.name !== 'set_apart';
}
