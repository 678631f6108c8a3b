/**
 * Watches that the trace of each mission becomes whole: whatever processes die, each span that the log implies was
 * sent, under one parent, and its parent was too. It has its own account of the spans; src/domain/spans.ts has the ids.
 */
import { PLAYBOOK_MODEL } from '../../src/domain/agent-spec.js';
import type { Span } from '../../src/domain/spans.js';
import { isOpen } from '../../src/domain/mission-state.js';
import type { TaskAttempt } from '../../src/domain/task-partition.js';
import type { MissionOracle } from './mission-oracle.js';
import type { TaskOracle } from './task-oracle.js';
import { Violation } from './violation.js';

export interface SpanOracle {
  /** @throws Violation */
  onReceived(span: Span): void;
  /** null: every trace is whole. */
  unfinished(standing: SpanStanding): Violation | null;
}

export interface SpanStanding {
  readonly missions: readonly MissionOracle[];
  /** Of coordination topics that were lost: what they told was not sent, where they were lost before. */
  readonly lost: readonly MissionOracle[];
  readonly tasks: readonly TaskOracle[];
}

interface Expected {
  readonly seed: string;
  /** null: the mission's own span. */
  readonly parent: string | null;
  readonly what: string;
}

export function createSpanOracle(): SpanOracle {
  const parents = new Map<string, string | null>();
  return {
    onReceived({ seed, parent, name }) {
      const before = parents.get(seed);
      if (before !== undefined && before !== parent)
        throw new Violation('trace-is-whole', `${name} (${seed}) is sent below ${parent}, and was below ${before}`);
      parents.set(seed, parent);
    },
    unfinished({ missions, lost, tasks }) {
      const withoutTrace = new Set(lost.flatMap((oracle) => spansOfMissions(oracle).map(({ seed }) => seed)));
      const expected = [...missions.flatMap(spansOfMissions), ...tasks.flatMap(spansOfTasks)];
      for (const { seed, parent, what } of expected) {
        const found = parents.get(seed);
        if (found === undefined) return new Violation('trace-is-whole', `${what} was never sent`);
        if (found !== parent)
          return new Violation('trace-is-whole', `${what} was sent below ${found}, and belongs below ${parent}`);
        if (parent !== null && !parents.has(parent) && !withoutTrace.has(parent))
          return new Violation('trace-is-whole', `${what} was sent, and ${parent}, to which it belongs, never was`);
      }
      return null;
    },
  };
}

function spansOfMissions({ state, effects, plannerChats }: MissionOracle): Expected[] {
  const ended = [...state.missions.values()].filter((mission) => !isOpen(mission));
  const requestOf = (id: string) => state.missions.get(id)?.requestId ?? null;
  return [
    ...ended.map(({ id, requestId }) => ({ seed: requestId, parent: null, what: `mission ${id}` })),
    ...[...effects.values()].flatMap(({ event }) =>
      event.event_type === 'task_assigned'
        ? [spanBelow(requestOf(event.payload.mission_id), event.event_id, `attempt ${event.payload.task_id}`)]
        : [],
    ),
    ...[...plannerChats].map(([seed, id]) => spanBelow(requestOf(id), seed, `a chat of the planner of ${id}`)),
  ];
}

const spanBelow = (parent: string | null, seed: string, what: string): Expected => ({ seed, parent, what });

const spansOfTasks = ({ state, answered }: TaskOracle): Expected[] =>
  [...state.attempts.values()].flatMap((attempt) => spansOfAttempt(attempt, answered));

/** A call whose outcome comes after its attempt has ended has ended with it: its checks are in no trace. */
function spansOfAttempt({ key, assignmentId, status, steps }: TaskAttempt, answered: ReadonlySet<string>): Expected[] {
  return steps.flatMap(({ callId, call, outcome }) => {
    const hasChat = call.started_at !== null && call.model_ms !== null && call.model !== PLAYBOOK_MODEL;
    const checks = answered.has(callId) ? (outcome?.checks ?? []) : [];
    const seeds = [
      ...(hasChat ? [`${call.approval_id ?? callId} chat`] : []),
      ...(answered.has(callId) || status !== 'open' ? [callId] : []),
      ...checks.map((_, index) => `${callId} check ${index}`),
    ];
    return seeds.map((seed) => spanBelow(assignmentId, seed, `${seed} of ${key}`));
  });
}
