/** How a person steers an open mission: pauses and resumes it, and changes its budget. Each throws ClientError. */
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import { createEventFactory } from '../domain/event-factory.js';
import { isUnderWay, type Mission } from '../domain/mission-state.js';
import { isInRange, RANGES, rangeText } from '../domain/ranges.js';
import type { Log } from '../ports/log.js';
import type { BudgetLimits } from './mission-definition.js';
import { ClientError } from './client-error.js';
import type { ClientContext } from './context.js';
import type { Verdict } from './verdict.js';
import { addressed, decideFor, requireOpen, requireShort, type Decide } from './decisions.js';

/** Lets an open mission begin nothing new until it is resumed. */
export function pause(reason: string): Decide {
  requireShort(reason);
  return (context, mission) => {
    requireSteerable(mission);
    if (mission.pause !== null) {
      const { by, atMs } = mission.pause;
      const since = new Date(atMs).toISOString();
      throw new ClientError(
        'already_paused',
        `mission ${mission.id} is paused already, by ${by} since ${since}`,
        `ravenhelm resume ${mission.id} continues it.`,
      );
    }
    return createEventFactory(context)({
      type: 'mission_pause_requested',
      ...addressed(context, mission),
      payload: {
        mission_id: mission.id,
        number: mission.pauses + 1,
        requested_by: context.requester,
        reason,
        signed: null,
      },
    });
  };
}

/** Lets a paused mission continue. */
export const resume: Decide = (context, mission) => {
  requireSteerable(mission);
  if (mission.pause === null)
    throw new ClientError(
      'not_paused',
      `mission ${mission.id} is not paused`,
      `ravenhelm status ${mission.id} shows it.`,
    );
  return createEventFactory(context)({
    type: 'mission_resume_requested',
    ...addressed(context, mission),
    payload: { mission_id: mission.id, number: mission.pauses, requested_by: context.requester, signed: null },
  });
};

type Limit = keyof Mission['budget'];
const LIMITS: readonly Limit[] = ['usd', 'tokens', 'minutes'];

/** A new limit, or how much more there is to be than now. */
export interface LimitChange {
  readonly kind: 'set' | 'add';
  readonly value: number;
}

/** Sets limits of an open mission's budget; those that are not named stay. */
export function changeBudget(changes: Readonly<Partial<Record<Limit, LimitChange>>>): Decide {
  return (context, mission) => {
    requireSteerable(mission);
    const [usd, tokens, minutes] = LIMITS.map((limit) => newLimit(mission, limit, changes[limit]));
    if ([usd, tokens, minutes].every((limit) => limit === null))
      throw new ClientError(
        'budget_invalid',
        `the budget of mission ${mission.id} is so already`,
        'Name another value: --usd, --tokens or --minutes.',
      );
    return createEventFactory(context)({
      type: 'mission_budget_requested',
      ...addressed(context, mission),
      payload: {
        mission_id: mission.id,
        number: mission.budgetChanges + 1,
        requested_by: context.requester,
        usd: usd ?? null,
        tokens: tokens ?? null,
        minutes: minutes ?? null,
        signed: null,
      },
    });
  };
}

export const setBudget = (limits: BudgetLimits): Decide =>
  changeBudget(
    Object.fromEntries(
      LIMITS.flatMap((limit) => {
        const value = limits[limit];
        return value === undefined ? [] : [[limit, { kind: 'set', value }]];
      }),
    ),
  );

/** null: it stays. */
function newLimit({ id, budget }: Mission, limit: Limit, change: LimitChange | undefined): number | null {
  if (change === undefined) return null;
  const now = budget[limit];
  if (change.kind === 'add' && now === null)
    throw new ClientError(
      'budget_invalid',
      `mission ${id} has no limit of ${limit} that could be raised`,
      `To give it one: ravenhelm budget ${id} --${limit} =${change.value}`,
    );
  const wanted = change.kind === 'add' ? (now ?? 0) + change.value : change.value;
  const range = RANGES[`mission budget.${limit}`];
  if (!isInRange(range, wanted))
    throw new ClientError(
      'budget_invalid',
      `the budget of ${limit} would be ${wanted}; it must be ${rangeText(range)}`,
      null,
    );
  return wanted === now ? null : wanted;
}

/** Neither ended nor about to end. */
function requireSteerable(mission: Mission): void {
  requireOpen(mission);
  const { course } = mission;
  if (course.kind === 'cancelling' || course.kind === 'failing')
    throw new ClientError('mission_ended', `mission ${mission.id} is about to end: ${course.reason}`, null);
}

/**
 * Appends what a person asks of an open mission; resolves when the feed has read it, so that the next request and
 * report build on it, or with pending when no orchestrator has accepted it in time. Rejects as decideFor does, and with
 * ClientError (mission_ended) where the mission ended first.
 */
export async function steer(
  context: ClientContext,
  log: Log,
  { feed, mission, decision }: Parameters<typeof decideFor>[2],
  onUnknown?: () => void,
): Promise<Verdict> {
  const now = () => feed.view.mission(mission.id) ?? mission;
  const before = steeringOf(mission);
  const read = createHandledDeferred<void>();
  // What is void for its number was asked by another person at the same time: then that is read.
  const look = () => {
    if (steeringOf(now()) !== before || !isUnderWay(now())) read.resolve();
  };
  const unsubscribe = feed.subscribe(look);
  try {
    const verdict = await decideFor(context, log, { feed, mission, decision }, onUnknown);
    if (verdict === 'pending') return verdict;
    look();
    await orAborted(Promise.race([read.promise, feed.failure]), context.signal);
    if (steeringOf(now()) !== before) return verdict;
    throw new ClientError('mission_ended', `mission ${mission.id} ended before it was asked`, null);
  } finally {
    unsubscribe();
  }
}

/** Changes with each pause, resume and change of the budget. */
const steeringOf = ({ pauses, pause: now, budgetChanges }: Mission): string =>
  `${pauses} ${now !== null} ${budgetChanges}`;
