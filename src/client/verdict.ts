/** Whether a person's request counts, as an orchestrator decides it. */
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import type { AgentEvent } from '../domain/events.js';
import type { Mission } from '../domain/mission-state.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import type { MissionFeed } from './mission-feed.js';

/** decided: it counts. pending: no orchestrator has decided in time; it stays in the log. */
export type Verdict = 'decided' | 'pending';

export interface VerdictWait {
  /** Rejects with ClientError when it does not count, or its mission ends before. */
  readonly reached: Promise<Verdict>;
  stop(): void;
}

/** How long an orchestrator may take to decide whether a request counts. */
export const DECIDED_WITHIN_MS = 10_000;

const ENDS: ReadonlySet<string> = new Set(['mission_completed', 'mission_failed', 'mission_cancelled']);

/** @param judge what an event says about it: decided, why it does not count, or nothing (null) */
export function awaitVerdict(
  { clock, signal }: Pick<ClientContext, 'clock' | 'signal'>,
  feed: MissionFeed,
  missionId: string,
  judge: (event: AgentEvent) => 'decided' | ClientError | null,
): VerdictWait {
  const verdict = createHandledDeferred<Verdict>();
  const unsubscribe = feed.subscribe(({ event }) => {
    const said = judge(event);
    if (said === 'decided') verdict.resolve(said);
    else if (said !== null) verdict.reject(said);
    if (ENDS.has(event.event_type) && event.correlation_id === missionId)
      verdict.reject(
        new ClientError('mission_ended', `mission ${missionId} has ended before this could take effect`, null),
      );
  });
  const timer = clock.setTimer(DECIDED_WITHIN_MS, () => verdict.resolve('pending'));
  const reached = orAborted(Promise.race([verdict.promise, feed.failure]), signal);
  reached.catch(() => undefined); // seen by who awaits it, unless the append has failed
  return {
    reached,
    stop() {
      unsubscribe();
      timer.cancel();
    },
  };
}

/** Appends a request and, where the mission's requests have to be accepted, waits for that. Rejects as its parts do. */
export async function withVerdict<T>(
  context: Pick<ClientContext, 'clock' | 'signal'>,
  feed: MissionFeed,
  { mission, requestId }: { readonly mission: Mission; readonly requestId: string },
  append: () => Promise<T>,
): Promise<{ readonly appended: T; readonly verdict: Verdict }> {
  const wait = mission.guarded ? awaitVerdict(context, feed, mission.id, judgeRequest(requestId)) : null;
  try {
    const appended = await append();
    return { appended, verdict: (await wait?.reached) ?? 'decided' };
  } finally {
    wait?.stop();
  }
}

/** What an event says about the request with this id. */
function judgeRequest(requestId: string): (event: AgentEvent) => 'decided' | ClientError | null {
  return (event) => {
    if (event.event_type === 'request_accepted' && event.payload.request_id === requestId) return 'decided';
    if (event.event_type !== 'request_void' || event.payload.request_id !== requestId) return null;
    const { code, reason } = event.payload;
    return requestVoid(code, `the request does not count: ${reason}`);
  };
}

/** What an event says about its mission's own request: the first decision for it says that the request counts. */
export function judgeMission(event: AgentEvent): 'decided' | ClientError | null {
  switch (event.event_type) {
    case 'request_void': {
      const { request_type, code, reason } = event.payload;
      if (request_type !== 'mission_requested') return null;
      return requestVoid(code, `the mission does not run: ${reason}`);
    }
    case 'plan_requested':
    case 'plan_proposed':
    case 'mission_failed':
    case 'mission_cancelled':
      return 'decided';
    case 'request_accepted':
      return event.payload.request_type === 'mission_requested' ? 'decided' : null;
    default:
      return null;
  }
}

/** @param code of request_void */
export const requestVoid = (code: string, message: string): ClientError =>
  new ClientError('request_void', message, nextStepOf(code));

function nextStepOf(code: string): string | null {
  switch (code) {
    case 'unsigned':
      return 'Sign it: OPERATOR_KEY (--key FILE) names your private key, OPERATOR_NAME (--as NAME) you.';
    case 'unknown_key':
      return 'Ask who keeps the operators file of the swarm to add your key, or give another one with --key FILE.';
    case 'late':
      return "Try again; if it happens again, set this computer's clock.";
    case 'other_cluster':
      return 'Ask the brokers of that swarm, or restart this client: its brokers have another id now.';
    case 'own_mission':
      return 'Ask another operator of the swarm to approve it.';
    case 'key_expired':
    case 'not_allowed':
      return 'Ask who keeps the operators file of the swarm.';
    default:
      return null;
  }
}
