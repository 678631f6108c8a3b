/**
 * Watches what is said of used budgets: each share of a limit that is passed, once, and again only after the limit was
 * raised. Keeps its own account of what was said.
 */
import type { AgentEvent, EventOf, EventType } from '../../src/domain/events.js';
import { spentBy } from '../../src/domain/mission-budget.js';
import { missionIdOf, ownerOfDecision } from '../../src/domain/mission-evolve.js';
import type { CoordinationState, Mission } from '../../src/domain/mission-state.js';
import type { FoldRecord, Folded } from '../../src/domain/record.js';
import { Violation } from './violation.js';

export interface UseOracle {
  /** After the fold. @param holder before it @param isCopy whether the event was in the log before */
  onWritten(record: FoldRecord, folded: Folded, holder: string | null, isCopy: boolean): void;
}

const LIMITS = ['usd', 'tokens', 'minutes'] as const;
type Limit = (typeof LIMITS)[number];
type Percent = 0 | 75 | 95;

/** What is known of one limit of a mission. */
interface Account {
  limit: number | null;
  /** Where each share was said that holds. */
  readonly saidAt: Map<number, number>;
  /** Whether less than 95 % was used at some time while 75 % was. */
  wasBetween: boolean;
  /** Since when more is passed than was said; null: all that is passed was said. */
  silentSince: number | null;
}

/** What a holder may decide together with a mission's end. */
const WITH_THE_END: readonly EventType[] = [
  'budget_used',
  'wave_completed',
  'mission_waits',
  'request_accepted',
  'request_void',
  'approval_void',
  'call_decided',
  'mission_completed',
  'mission_failed',
  'mission_cancelled',
];

const passed = (used: number, limit: number): Percent =>
  limit <= 0 || used * 100 < limit * 75 ? 0 : used * 100 < limit * 95 ? 75 : 95;

export function createUseOracle(place: string, state: CoordinationState): UseOracle {
  const accounts = new Map<string, Record<Limit, Account>>();
  /** The last decision that its holder must have read before it could end the mission. */
  const decidedAt = new Map<string, number>();
  /** The first claim of each owner. */
  const claimedAt = new Map<string, number>();
  /** By offset. */
  const saidBy = new Map<number, string>();

  const accountsOf = (mission: Mission): Record<Limit, Account> => {
    const fresh = (name: Limit): Account => ({
      ...{ limit: mission.budget[name], saidAt: new Map(), wasBetween: false, silentSince: null },
    });
    const known = accounts.get(mission.id) ?? { usd: fresh('usd'), tokens: fresh('tokens'), minutes: fresh('minutes') };
    accounts.set(mission.id, known);
    return known;
  };

  /** null: time is measured by the holder, and not known here. */
  const passedOf = (mission: Mission, name: Limit): Percent | null => {
    const limit = mission.budget[name];
    if (name === 'minutes') return null;
    return limit === null ? 0 : passed(spentBy(mission)[name], limit);
  };

  function update(mission: Mission, offset: number): void {
    const known = accountsOf(mission);
    for (const name of LIMITS) {
      const account = known[name];
      const now = passedOf(mission, name);
      if (account.limit !== mission.budget[name]) {
        account.limit = mission.budget[name];
        account.wasBetween = false;
        account.silentSince = null;
        for (const percent of account.saidAt.keys()) if (percent > (now ?? 0)) account.saidAt.delete(percent);
      }
      if (now === 75) account.wasBetween = true;
      if (now !== null && now !== 0 && !account.saidAt.has(now)) account.silentSince ??= offset;
      else account.silentSince = null;
    }
  }

  function said(mission: Mission, { payload }: EventOf<'budget_used'>, offset: number): void {
    const { percent } = payload;
    const name = LIMITS.find((each) => each === payload.budget);
    const what = `${place}: ${percent} % of the ${payload.budget} of ${mission.id} is said`;
    if (name === undefined) throw new Violation('budget-said', what);
    const account = accountsOf(mission)[name];
    const now = passedOf(mission, name);
    if (account.saidAt.has(percent)) throw new Violation('budget-said', `${what} a second time`);
    if (now !== null && now < percent) throw new Violation('budget-said', `${what}, and ${now} % is used`);
    if (now !== null && percent === 75 && !account.wasBetween)
      throw new Violation('budget-said', `${what}, and 95 % was passed in the same step`);
    for (const share of [75, 95]) if (share <= percent && !account.saidAt.has(share)) account.saidAt.set(share, offset);
  }

  /** A holder that says again what it has said, or had read when it began. */
  function checkVoid(mission: Mission, { payload }: EventOf<'budget_used'>): void {
    const { percent, owner, limit } = payload;
    const name = LIMITS.find((each) => each === payload.budget);
    const account = name === undefined ? undefined : accountsOf(mission)[name];
    const before = account?.saidAt.get(percent);
    const began = claimedAt.get(owner);
    if (account?.limit !== limit || before === undefined || began === undefined) return;
    if (before < began || saidBy.get(before) === owner)
      throw new Violation('budget-said', `${place}: ${owner} says ${percent} % of ${mission.id} again (${before})`);
  }

  function checkEnd(
    mission: Mission,
    event: EventOf<'mission_completed' | 'mission_failed' | 'mission_cancelled'>,
  ): void {
    const known = accountsOf(mission);
    const decided = decidedAt.get(mission.id) ?? 0;
    for (const name of LIMITS) {
      const { silentSince } = known[name];
      if (silentSince !== null && silentSince < decided)
        throw new Violation(
          'budget-said',
          `${place}: ${mission.id} ends, and what was passed of its ${name} was not said`,
        );
    }
    const byTime = event.event_type === 'mission_failed' && event.payload.reason.startsWith('the budget of');
    if (byTime && mission.budgetChanges === 0 && !known.minutes.saidAt.has(95))
      throw new Violation('budget-said', `${place}: the minutes of ${mission.id} are used up, and 95 % was not said`);
  }

  function applied(mission: Mission, event: AgentEvent, offset: number): void {
    switch (event.event_type) {
      case 'budget_used':
        said(mission, event, offset);
        saidBy.set(offset, event.payload.owner);
        break;
      case 'mission_completed':
      case 'mission_failed':
      case 'mission_cancelled':
        return checkEnd(mission, event);
    }
    update(mission, offset);
    if (ownerOfDecision(event) !== null && !WITH_THE_END.includes(event.event_type)) decidedAt.set(mission.id, offset);
  }

  return {
    onWritten({ event, offset }, folded, holder, isCopy) {
      if (event.event_type === 'partition_claimed') {
        const { owner } = event.payload;
        if (!claimedAt.has(owner)) claimedAt.set(owner, offset);
        for (const mission of state.missions.values()) if (mission.endedAt === null) update(mission, offset);
        return;
      }
      const mission = state.missions.get(missionIdOf(event) ?? '');
      if (mission === undefined) return;
      if (folded.kind === 'applied') applied(mission, event, offset);
      else if (event.event_type === 'budget_used' && !isCopy && event.payload.owner === holder)
        checkVoid(mission, event);
    },
  };
}
