/** How it goes with the group: joins, crashes of the client, and a wall clock that is set back. */
import { describeError } from '../../domain/describe-error.js';
import type { Draft } from './draft.js';
import type { Input } from './inputs.js';
import type { Session } from './state.js';

type Of<K extends Input['kind']> = Extract<Input, { kind: K }>;

/** Passing failures in a row without a join from which on a person should look: the group does without this member. */
const LASTING_INTERRUPTIONS = 5;
/** How far back the wall clock may go: kafkajs's heartbeats wait for so long. */
const CLOCK_TOLERANCE_MS = 1_000;

/** Whether this member still wants to be in the group. */
export function acceptedByGroup(draft: Draft, { memberId, wallMs }: Of<'joined'>): boolean {
  const { session } = draft.state();
  if (session.left) {
    // A restart was under way: its runner leaves at the end of its start (stopped-runner.ts).
    draft.act({ kind: 'leave_again' });
    return false;
  }
  if (session.memberId === null) draft.act({ kind: 'accepted' });
  else if (session.memberId !== memberId) doubtEverything(draft);
  change(draft, { memberId, running: true, interruptions: 0, heartbeatAtMs: session.heartbeatAtMs ?? wallMs });
  return true;
}

/**
 * A new id is a new member to the group. The group may have given the old one up (this process was paused) and its
 * partitions to others, who have committed further than we have read, and had deleted what we have not.
 */
function doubtEverything(draft: Draft): void {
  if (draft.state().kind === 'watch') return;
  for (const entry of draft.all()) draft.put({ ...entry, ownershipUnverified: true });
}

export function crashed(draft: Draft, { cause, passing, restarts }: Of<'crashed'>): void {
  const { session, groupId } = draft.state();
  const interruptions = session.interruptions + 1;
  change(draft, { interruptions });
  draft.act({
    kind: 'log',
    level: restarts && passing && interruptions < LASTING_INTERRUPTIONS ? 'info' : 'warn',
    event: 'kafka.member_interrupted',
    fields: { group: groupId, error: describeError(cause), restart: restarts, interruptions },
  });
  if (!restarts) draft.act({ kind: session.memberId === null ? 'refused' : 'client_lost', cause });
}

export function joinTimedOut(draft: Draft, { cause }: Of<'join_timed_out'>): void {
  if (draft.state().session.memberId === null) draft.act({ kind: 'refused', cause });
}

export function heartbeat(draft: Draft, { wallMs }: Of<'heartbeat'>): void {
  change(draft, { heartbeatAtMs: wallMs });
}

export function clientStopped(draft: Draft): void {
  change(draft, { running: false, heartbeatAtMs: null });
}

/**
 * kafkajs asks the wall clock when a heartbeat is due. One that was set back by hours silences the member for hours,
 * while it reads partitions that the group has long given to others. A client that is restarted counts from now.
 */
export function clockSeen(draft: Draft, { wallMs }: Of<'clock'>): void {
  const { session, groupId } = draft.state();
  if (!session.running || session.heartbeatAtMs === null || wallMs >= session.heartbeatAtMs - CLOCK_TOLERANCE_MS)
    return;
  draft.act(
    {
      kind: 'log',
      level: 'warn',
      event: 'kafka.clock_moved_backwards',
      fields: { group: groupId, back_ms: session.heartbeatAtMs - wallMs },
    },
    { kind: 'restart_client' },
  );
}

function change(draft: Draft, fields: Partial<Session>): void {
  draft.change({ session: { ...draft.state().session, ...fields } });
}
