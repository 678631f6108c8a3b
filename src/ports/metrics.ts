import type { ModelErrorCode } from './model.js';
import type { PolicyDecision } from './policy.js';

/** closed: calls are sent. open: no call is sent. half_open: one call at a time tests the endpoint. */
export type CircuitStateName = 'closed' | 'open' | 'half_open';

/** How one call of a model ended; aborted: the caller aborted it. */
export type ModelCallOutcome = 'ok' | 'aborted' | ModelErrorCode;

export interface ModelCallMeasured {
  readonly model: string;
  readonly outcome: ModelCallOutcome;
  readonly durationMs: number;
  /** As far as known. unknown: of a call that failed, which does not say which tokens were read and which written. */
  readonly used: {
    readonly tokens: Readonly<Record<'in' | 'out' | 'unknown', number>>;
    readonly usd: number;
  };
}

export interface AttemptMeasured {
  readonly agent: string;
  readonly status: 'completed' | 'failed' | 'cancelled';
  /** verified or unverified of a completed one, the code of a failed one, else cancelled. */
  readonly result: string;
  /** Of its last execution: from the slot to the result; null: not known. */
  readonly durationMs: number | null;
}

/** What was run in the sandbox. */
export type SandboxUse = 'command' | 'write' | 'checks' | 'baseline';
/**
 * Why a call was not run. call: its tool, its arguments or its paths. sandbox: that cannot be made. network, engine:
 * those of the call. disk: too little is free. permission: this worker cannot give what the agent's file names.
 */
export type SandboxRefusal = 'call' | 'sandbox' | 'network' | 'engine' | 'disk' | 'permission';

/** Of a call or a plan that a person must approve. not_run: no person approved in time, or it is not what was asked. */
export type ApprovalOutcome = 'asked' | 'approved' | 'rejected' | 'not_run';

/** The holder has read the end of a mission. */
export interface MissionEnd {
  readonly status: 'completed' | 'failed' | 'cancelled';
  /** Since it was requested, by the log's clock. */
  readonly durationMs: number;
  readonly costUsd: number;
  /** The estimate in the event that ended it; null: there is none. */
  readonly atPlannerPriceUsd: number | null;
}

/**
 * Metrics of the process. Reporting has no effect on the swarm, is never awaited and never throws. What a record says
 * is reported by the holder of its partition when it reads it: once in the swarm.
 */
export interface Metrics {
  /** An attempt has ended. */
  attemptEnded(attempt: AttemptMeasured): void;
  /** An attempt got a slot of its agent, for which it has waited for so long in this process. */
  slotTaken(agent: string, waitedMs: number): void;
  /** A step has ended; outcome is a word of step-outcome.ts. */
  stepEnded(agent: string, outcome: string, durationMs: number): void;
  /** A check of a finish has run. */
  checkEnded(agent: string, result: 'passed' | 'failed' | 'not_run'): void;
  missionRequested(): void;
  missionEnded(end: MissionEnd): void;
  /** Another attempt of a task follows one that failed. */
  retryScheduled(agent: string): void;
  approval(subject: 'call' | 'plan', outcome: ApprovalOutcome): void;
  /** A task or a planner in this process goes to the next model of its chain. */
  failedOver(switched: { readonly fromModel: string; readonly toModel: string; readonly cause: string }): void;
  /** The policy has judged a call. */
  policyDecided(decision: PolicyDecision): void;
  /** A person's request or answer does not count; type is its event's, code that of request_void or approval_void. */
  requestVoid(type: string, code: string): void;
  /** A role restarts after a failure. */
  roleRestarted(role: string): void;
  /** An append was acknowledged; durationMs counts from the request. */
  appended(appender: string, durationMs: number): void;
  /** An own record was read back; durationMs counts from the request of its append. */
  readBack(appender: 'coordination' | 'tasks', durationMs: number): void;
  /** Another process has claimed a partition that this one held. */
  claimLost(topic: string): void;
  /** A record that was skipped is a dead letter now, or the log refuses that. */
  deadLetter(topic: string, result: 'written' | 'rejected'): void;
  /** The current state of the circuit breaker of a model's endpoint. */
  circuitState(endpoint: string, state: CircuitStateName): void;
  /** One request to a model, each try by itself; durationMs is from the request to the reply's last token. */
  modelCall(call: ModelCallMeasured): void;
  /** A reply to a task or a planner's reply was read. fault: why it is of no use; null: used, after these repairs. */
  replyRead(reply: {
    readonly model: string;
    readonly fault: string | null;
    readonly repairs: readonly string[];
  }): void;
  /** A command, a write or checks have run, in the sandbox or, where it is off, without. */
  sandboxRan(use: SandboxUse, durationMs: number): void;
  /** A call or checks were not run. */
  sandboxRefused(reason: SandboxRefusal): void;
}

const nothing = (): void => undefined;

/** Metrics that are not collected. */
export const noMetrics: Metrics = {
  attemptEnded: nothing,
  slotTaken: nothing,
  stepEnded: nothing,
  checkEnded: nothing,
  missionRequested: nothing,
  missionEnded: nothing,
  retryScheduled: nothing,
  failedOver: nothing,
  approval: nothing,
  readBack: nothing,
  claimLost: nothing,
  deadLetter: nothing,
  policyDecided: nothing,
  requestVoid: nothing,
  roleRestarted: nothing,
  appended: nothing,
  circuitState: nothing,
  modelCall: nothing,
  replyRead: nothing,
  sandboxRan: nothing,
  sandboxRefused: nothing,
};

/** A word as a label's value: bounded, whatever a record says. */
export const wordOf = (word: string, known: readonly string[]): string => (known.includes(word) ? word : 'other');

/** Gauges whose values are read from the roles at each collection. */
export const STATE_GAUGES = [
  'missions',
  'missionsWaiting',
  'longestWait',
  'budgetUsedUsd',
  'budgetLimitUsd',
  'budgetUsedTokens',
  'budgetLimitTokens',
  'budgetUsedRatio',
  'spentTodayUsd',
  'spentTodayTokens',
  'tasksRunning',
  'tasksQueued',
  'heldPartitions',
  'blockedPartitions',
  'replayLag',
  'tasksWithoutWorker',
] as const;
export type StateGauge = (typeof STATE_GAUGES)[number];

/** One value of such a gauge. Of values with the same labels the sum counts, or the greatest (state-gauges.ts). */
export interface Reading {
  readonly gauge: StateGauge;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
