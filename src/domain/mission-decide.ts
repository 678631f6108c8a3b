/**
 * What the holder of a coordination partition decides next for a mission. Pure: the same state gives the same
 * decisions.
 */
import type { Cost } from './budget.js';
import { decideBudgetUse } from './budget-use.js';
import type { CapReached } from './daily-spending.js';
import type { Check, EventType, PayloadOf, Plan } from './events.js';
import { shareOfBudget, usageOf } from './mission-budget.js';
import {
  asFailureCode,
  isOpen,
  joinedAnswers,
  type FailureCode,
  type Mission,
  type Question,
  type Wave,
  type Why,
} from './mission-state.js';
import { endedWell, hasOpenAttempt, onlyOf, waitsForAttempt, type MissionTask } from './mission-task-state.js';
import { inPlanOrder, type WaveTasks } from './mission-tasks.js';
import { UNKNOWN_AGENTS } from './mission-planning.js';
import { decideSuspensions, isPaused } from './mission-pause.js';
import { timerKeys, waitOf, type ExpiredWaits } from './mission-timers.js';
import { afterTheCap, heldBack } from './mission-waits.js';
import { decideAnswers } from './mission-approvals.js';
import { decideAdmission, decideRequests } from './request-decisions.js';
import type { VerifyRequest } from './requests.js';
import type { VerifyAnswer } from './waiting-call.js';
import { cutToBytes, SIZES } from './sizes.js';
import { INPUTS, SNAPSHOT_AT_END, SNAPSHOTS, WORKSPACE_OF } from './requirements.js';
import type { Reach } from './taint.js';
import { inputsWithin } from './task-inputs.js';
import { untrustedFor } from './untrusted.js';
import { taskRecordKey } from './partitioning.js';
import { atPlannerPrice, type PriceContext } from './planner-price.js';
import { writtenBeside, type PlaybookWrites } from './wave-writes.js';
import { lacksAgents, lacksWorkers } from './without-worker.js';

/** A decision, before it gets an envelope. */
export type Decision = { [T in EventType]: { readonly event_type: T; readonly payload: PayloadOf<T> } }[EventType];

/** What an attempt keeps of its agent; null where this build has no such agent. */
export interface AgentRevision {
  /** AgentSpec.digest */
  readonly digest: string | null;
  readonly playbookAcceptance: readonly Check[] | null;
  /** What its calls may read beyond the workspace; absent: nothing. */
  readonly reach?: readonly Reach[];
}

export interface DecideContext extends PriceContext {
  /** The holder's owner id. */
  readonly owner: string;
  /** Whether a timer (mission-timers.ts) has run out. */
  isExpired(timerKey: string): boolean;
  /** Waits of the mission's tasks that have run out, each kind and agent once; other tasks may be among them. */
  expiredWaits(missionId: string): Iterable<ExpiredWaits>;
  /** Whether a worker that serves the agent has given a sign of life lately. */
  hasWorker(agent: string): boolean;
  /** Partition of the agent's tasks topic for a record key; null when this build has no such agent. */
  partitionFor(agent: string, key: string): number | null;
  /** An agent's own execution deadline in seconds. */
  timeoutSeconds(agent: string): number;
  /** The revision of an agent that a new attempt keeps, with the checks of its playbook. */
  revisionOf(agent: string, playbook: string | null): AgentRevision;
  /** What the playbook of any revision of the agent writes: attempts of earlier ones may still run. */
  playbookWrites(agent: string, playbook: string): PlaybookWrites;
  /** What calls of any revision of the agent may read beyond the workspace; of an unknown agent: something. */
  mayReach(agent: string): readonly Reach[];
  /** Back-off before the attempt that follows so many failures, in milliseconds. */
  retryDelayMs(failures: number): number;
  /** Upper bound of a planner call for this mission. */
  planningWorstCase(mission: Mission): Cost;
  /** The swarm has reached its daily cap; null: it has not, or has none. */
  readonly cap: CapReached | null;
  readonly verifyAnswer: VerifyAnswer;
  /** null: this swarm has no operators, and what people ask needs no signature. */
  readonly verifyRequest: VerifyRequest | null;
  /** What people's answers about a plan are bound to. */
  planDigest(plan: Plan): string;
}

/** A person may reject this many plans before the mission fails. */
export const MAX_REJECTIONS = 3;
/** Changed plans that failed tasks may lead to. */
export const MAX_REPLANS = 1;

export function decideMission(mission: Mission, context: DecideContext): readonly Decision[] {
  if (!isOpen(mission)) return [];
  const decide = () => [...decideBudgetUse(mission, context), ...decideCourse(mission, context)];
  const asked = decideWhatIsAsked(mission, context);
  // Refusals change nothing else: a writer that asks without end must not stop the mission.
  return asked === null ? decide() : withCourse(asked, decide);
}

const REFUSALS: readonly EventType[] = ['request_void', 'approval_void'];

/** What was decided about people's words, and where none of these counts what is decided without them. */
const withCourse = (asked: readonly Decision[], decide: () => readonly Decision[]): readonly Decision[] =>
  asked.every(({ event_type }) => REFUSALS.includes(event_type)) ? [...asked, ...decide()] : asked;

/** First of all whether the mission itself counts: nothing is done for one that does not. */
function decideWhatIsAsked(mission: Mission, context: DecideContext): readonly Decision[] | null {
  const admission = decideAdmission(mission, context);
  if (admission === null) return decideRequests(mission, context);
  if (admission.event_type === 'request_accepted') return [admission];
  const why = `the request does not count: ${admission.payload.reason}`;
  return [admission, ...failMission(mission, context, why, 'request_void')];
}

function decideCourse(mission: Mission, context: DecideContext): readonly Decision[] {
  const { course } = mission;
  switch (course.kind) {
    case 'completed':
    case 'failed':
    case 'cancelled':
      return [];
    case 'cancelling':
      return cancelMission(mission, context, course.reason);
    case 'failing':
      return failMission(mission, context, course.reason, course.code);
    case 'asking':
    case 'working':
      if (mustNotBegin(mission)) return failMission(mission, context, mission.workspaceTaken ?? '', 'workspace_taken');
      return isPaused(mission)
        ? withCourse(decideAnswers(mission, context), () => decideSuspensions(mission, context) ?? [])
        : (decideOvertime(mission, context) ?? decideAsOrdered(mission, context));
  }
}

/** Before anything is decided for it: a holder that has begun it has seen more of the log. */
const mustNotBegin = ({ workspaceTaken, planning, revision }: Mission): boolean =>
  workspaceTaken !== null && planning.kind === 'none' && revision === 0;

/** Whether this build has the agent, with its topic: without its file no attempt of it is decided. */
const isKnown = (agent: string, context: Pick<DecideContext, 'partitionFor'>): boolean =>
  context.partitionFor(agent, '') !== null;

/** Agents that the mission waits for, because this build does not have them. */
export function missingAgents(mission: Mission, context: Pick<DecideContext, 'partitionFor'>): readonly string[] {
  const agents = mission.planning.kind === 'approved' ? mission.index.waiting.keys() : mission.request.agents;
  return [...agents].filter((agent) => !isKnown(agent, context));
}

/** Agents of its open attempts that no live worker serves. */
function agentsWithoutWorker({ index }: Mission): readonly string[] {
  const waiting = [...index.open.values()].filter((task) => task.withoutWorkerSinceMs !== null);
  return [...new Set(waiting.map((task) => task.plan.agent))];
}

/** People's answers first, then what is to continue after a pause, then the question or the plan. */
function decideAsOrdered(mission: Mission, context: DecideContext): readonly Decision[] {
  const { course } = mission;
  return withCourse(
    decideAnswers(mission, context),
    () =>
      decideSuspensions(mission, context) ??
      (course.kind === 'asking'
        ? decideQuestion(mission, context, course.question)
        : [...afterTheCap(mission, context), ...decideByPlan(mission, context)]),
  );
}

/** null while its minutes are not used up. */
function decideOvertime(mission: Mission, context: DecideContext): readonly Decision[] | null {
  const { minutes } = mission.budget;
  if (minutes === null || !context.isExpired(timerKeys.minutes(mission.id))) return null;
  const why = `the budget of ${minutes} minutes is used up`;
  const { planning, plannerWait } = mission;
  const missing = missingAgents(mission, context);
  if (missing.length > 0) return failMission(mission, context, `${why}; ${lacksAgents(missing)}`, 'unknown_agents');
  const unserved = agentsWithoutWorker(mission);
  if (unserved.length > 0) return failMission(mission, context, `${why}; ${lacksWorkers(unserved)}`, 'no_worker');
  if (plannerWait === null) return failMission(mission, context, why);
  const waited =
    planning.kind === 'postponed'
      ? planningFailure(planning)
      : `no plan: no planner could be reached, calls so far: ${plannerWait.calls}`;
  return failMission(mission, context, `${why}; ${waited}`, 'planner_unreachable');
}

function decideByPlan(mission: Mission, context: DecideContext): readonly Decision[] {
  const { planning, request } = mission;
  switch (planning.kind) {
    case 'none':
      return request.plan === null
        ? requestPlan(mission, context, NO_WHY)
        : [proposeOwnPlan(mission, request.plan, context.owner)];
    case 'requested':
      return [];
    case 'failed':
      return decideWithoutPlan(mission, context, planning);
    case 'postponed':
      return decidePostponed(mission, context, planning);
    case 'answered':
      return requestPlan(mission, context, planning);
    case 'rejected':
      return decideAfterRejection(mission, context, planning);
    case 'proposed':
      return decideApproval(mission, context);
    case 'approved':
      return decideWaves(mission, context);
  }
}

const NO_WHY: Why = { reason: null, answer: null };

const requestPlan = (mission: Mission, context: DecideContext, why: Why): readonly Decision[] =>
  heldBack(mission, context) ?? [planRequest(mission, context, why)];

function planRequest(mission: Mission, context: DecideContext, { reason, answer }: Why): Decision {
  const reserved = context.planningWorstCase(mission);
  return {
    event_type: 'plan_requested',
    payload: {
      mission_id: mission.id,
      owner: context.owner,
      revision: mission.revision + 1,
      reason,
      answer: answer === null ? null : cutToBytes(answer, SIZES.feedback),
      reserved_tokens: reserved.tokens,
      reserved_usd: reserved.usd,
    },
  };
}

type WithoutPlan = Extract<Mission['planning'], { error: string }>;

function decideWithoutPlan(
  mission: Mission,
  context: DecideContext,
  planning: Extract<Mission['planning'], { kind: 'failed' }>,
): readonly Decision[] {
  const failure = planningFailure(planning);
  // An own plan that was refused stays refused, whatever a person says.
  if (mission.request.plan !== null) return failMission(mission, context, failure);
  // Nothing that a person answers gives the mission its first plan.
  if (planning.code === 'no_planner' && planning.reason === null && planning.answer === null)
    return failMission(mission, context, failure, 'no_planner');
  return askOrFail(mission, context, failure, null, asFailureCode(planning.code));
}

/** A planner that could not be reached is asked again after a pause; a mission that has waited long enough is not. */
function decidePostponed(
  mission: Mission,
  context: DecideContext,
  planning: Extract<Mission['planning'], { kind: 'postponed' }>,
): readonly Decision[] {
  const { id, plannerWait, revision } = mission;
  if (planning.code === UNKNOWN_AGENTS)
    return missingAgents(mission, context).length > 0 ? [] : requestPlan(mission, context, planning);
  if (plannerWait !== null && context.isExpired(timerKeys.plannerWait(id, plannerWait.sinceRevision)))
    return askOrFail(mission, context, planningFailure(planning), null, 'planner_unreachable');
  return context.isExpired(timerKeys.planner(id, revision)) ? requestPlan(mission, context, planning) : [];
}

function planningFailure({ reason, answer, error }: WithoutPlan): string {
  const why = [reason, answer].filter((part) => part !== null).join('; ');
  return why === '' ? `no plan: ${error}` : `${why}; no changed plan: ${error}`;
}

function proposeOwnPlan(mission: Mission, plan: Plan, owner: string): Decision {
  return {
    event_type: 'plan_proposed',
    payload: {
      mission_id: mission.id,
      revision: 1,
      planner: 'mission',
      model: '',
      refusals: [],
      plan,
      tokens_in: 0,
      tokens_out: 0,
      cost_usd: 0,
      owner,
    },
  };
}

function decideAfterRejection(
  mission: Mission,
  context: DecideContext,
  { reason, answer, error }: WithoutPlan,
): readonly Decision[] {
  const final = mission.request.plan !== null || mission.rejections >= MAX_REJECTIONS;
  // The planner hears everything that the next plan must take into account, not only the last word.
  return final
    ? failMission(mission, context, error)
    : requestPlan(mission, context, { reason, answer: joinedAnswers(answer, error) });
}

function decideApproval(mission: Mission, context: DecideContext): readonly Decision[] {
  if (mission.request.approval !== 'approval') {
    return [
      {
        event_type: 'plan_approved',
        payload: {
          mission_id: mission.id,
          revision: mission.revision,
          approved_by: 'policy',
          signed: null,
          plan_digest: null,
        },
      },
    ];
  }
  const expired = context.isExpired(timerKeys.approval(mission.id, mission.revision));
  return expired ? failMission(mission, context, 'the plan was not approved in time') : [];
}

/** The first wave that is not completed is worked on; a completed one makes way for the next at once. */
function decideWaves(mission: Mission, context: DecideContext): readonly Decision[] {
  if (mission.index.fences.size > 0) return decideFences(mission, context);
  const decisions: Decision[] = [];
  const { owner } = context;
  for (let place = mission.nextWave; place < mission.waves.length; place += 1) {
    const wave = mission.waves[place];
    const tasks = wave === undefined ? undefined : mission.index.waves.get(wave.number);
    if (wave === undefined || tasks === undefined) break;
    if (wave.status === 'started' && tasks.done === tasks.total) {
      decisions.push({
        event_type: 'wave_completed',
        payload: { mission_id: mission.id, owner, wave_number: wave.number },
      });
      continue;
    }
    if (wave.status === 'waiting') {
      decisions.push({
        event_type: 'wave_started',
        payload: { mission_id: mission.id, owner, wave_number: wave.number, task_ids: [...wave.taskIds] },
      });
    }
    return [...decisions, ...decideTasks(mission, wave, tasks, context)];
  }
  return [...decisions, completeMission(mission, context)];
}

/**
 * Before anything else: what attempts of earlier missions, or of tasks that a changed plan has replaced, may have left
 * running in the workspace must have ended.
 */
function decideFences(mission: Mission, context: DecideContext): readonly Decision[] {
  const { fences } = mission.index;
  const decisions = mission.waves.flatMap((wave) => {
    const tasks = mission.index.waves.get(wave.number);
    if (tasks === undefined) return [];
    const now = [
      ...tasks.due.values(),
      ...overdueTasks(mission, wave, context),
      ...tasksToAssign(mission, wave, tasks, context),
    ];
    return inPlanOrder(new Set(now.filter(({ fence }) => fence))).flatMap((task) =>
      decideTask(mission, wave, task, context),
    );
  });
  const isUnderWay = [...fences.values()].some((task) => waitsForAttempt(task) || hasOpenAttempt(task));
  const [failed] = inPlanOrder(fences.values());
  return decisions.length > 0 || isUnderWay || failed === undefined
    ? decisions
    : decideAfterFailure(mission, failed, context);
}

function completeMission(mission: Mission, context: DecideContext): Decision {
  const { owner } = context;
  const usage = usageOf(mission);
  return {
    event_type: 'mission_completed',
    payload: {
      mission_id: mission.id,
      owner,
      tasks_verified: mission.index.verified,
      tasks_unverified: mission.index.unverified,
      tokens: usage.tokens,
      cost_usd: usage.usd,
      at_planner_price: atPlannerPrice(mission, context),
    },
  };
}

function decideTasks(mission: Mission, wave: Wave, tasks: WaveTasks, context: DecideContext): readonly Decision[] {
  // Checks cost nothing.
  const held = tasks.kind === 'verify' || tasks.unchecked > 0 ? null : heldBack(mission, context);
  const waiting = tasksToAssign(mission, wave, tasks, context);
  // Beside others, a check could see a file that is half written.
  const toAssign = tasks.unchecked === 0 ? waiting : uncheckedOf(waiting);
  const chosen = [...tasks.due.values(), ...overdueTasks(mission, wave, context), ...(held === null ? toAssign : [])];
  const decisions = inPlanOrder(new Set(chosen)).flatMap((task) => decideTask(mission, wave, task, context));
  if (held !== null && toAssign.next().done !== true) return [...decisions, ...held];
  if (decisions.length > 0 || tasks.unfinished > 0 || tasks.failed.size === 0) return decisions;
  const [failed] = inPlanOrder(tasks.failed.values());
  return failed === undefined ? [] : decideAfterFailure(mission, failed, context);
}

function* uncheckedOf(tasks: Iterable<MissionTask>): Generator<MissionTask, void> {
  for (const task of tasks) if (task.carried === 'unchecked') yield task;
}

/**
 * Of agents that this build has: another holder may have the others, and an attempt keeps the revision, the checks and
 * the deadline that the agent's file says. The other agents' tasks are not looked at: there can be many, at each event.
 */
function* tasksToAssign(
  mission: Mission,
  wave: Wave,
  { toAssign }: WaveTasks,
  context: DecideContext,
): Generator<MissionTask, void> {
  for (const [agent, tasks] of toAssign) if (isKnown(agent, context)) yield* tasks.values();
  for (const waits of context.expiredWaits(mission.id))
    if (waits.kind === 'retry' && isKnown(waits.agent, context)) yield* whoseWaitIsOver(mission, wave, waits, context);
}

/** Open attempts whose time is over. Without a live worker another one would only wait in the same place. */
function* overdueTasks(mission: Mission, wave: Wave, context: DecideContext): Generator<MissionTask, void> {
  for (const waits of context.expiredWaits(mission.id))
    if (waits.kind === 'deadline' || (waits.kind === 'accept' && context.hasWorker(waits.agent)))
      yield* whoseWaitIsOver(mission, wave, waits, context);
}

function* whoseWaitIsOver(
  mission: Mission,
  wave: Wave,
  { kind, taskIds }: ExpiredWaits,
  context: DecideContext,
): Generator<MissionTask, void> {
  for (const id of taskIds) {
    const task = mission.tasks.get(id);
    if (task?.wave !== wave.number) continue;
    const wait = waitOf(mission, task);
    if (wait?.kind === kind && context.isExpired(wait.key)) yield task;
  }
}

/** About a task of which something is to be decided now. */
function decideTask(mission: Mission, wave: Wave, task: MissionTask, context: DecideContext): readonly Decision[] {
  const { owner } = context;
  if (hasOpenAttempt(task) && task.retryRequest !== null)
    return [cancelTask(mission, task, owner, 'retry_requested', task.retryRequest)];
  switch (task.status) {
    case 'waiting':
      return assignTask(mission, wave, task, context);
    case 'retrying':
      return task.retryDelayMs === null
        ? [scheduleRetry(mission, task, context)]
        : assignTask(mission, wave, task, context);
    case 'assigned':
      return [cancelTask(mission, task, owner, 'not_accepted', 'no worker accepted the assignment in time')];
    case 'running':
      return task.suspended === 'no'
        ? [cancelTask(mission, task, owner, 'deadline', 'the execution deadline has passed without a result')]
        : [];
    default:
      return [];
  }
}

/** A verify task runs the mission's checks only: no revision of the agent makes a difference. */
const NO_REVISION: AgentRevision = { digest: null, playbookAcceptance: [] };

function assignTask(mission: Mission, wave: Wave, task: MissionTask, context: DecideContext): readonly Decision[] {
  const partition = task.targetPartition ?? context.partitionFor(task.plan.agent, taskRecordKey(mission.id, task.id));
  return partition === null ? [] : [assignment(mission, wave, task, partition, context)];
}

function assignment(
  mission: Mission,
  wave: Wave,
  task: MissionTask,
  partition: number,
  context: DecideContext,
): Decision {
  const { request, answer } = mission;
  const { plan } = task;
  const revision = task.kind === 'verify' ? NO_REVISION : context.revisionOf(plan.agent, plan.playbook);
  const only = onlyOf(task);
  const isModels = task.kind !== 'verify' && only === null;
  const share = isModels ? shareOfBudget(mission) : { tokens: null, usd: null };
  return {
    event_type: 'task_assigned',
    payload: {
      task_id: task.id,
      description: plan.description,
      dependencies: [...plan.dependencies],
      timeout_seconds: plan.timeout_seconds ?? context.timeoutSeconds(plan.agent),
      retry_count: task.failures,
      parameters: {},
      mission_id: mission.id,
      attempt: task.attempt + 1,
      wave_number: wave.number,
      agent: plan.agent,
      kind: task.kind,
      owner: context.owner,
      target_partition: partition,
      source: null,
      playbook: plan.playbook,
      acceptance: [...plan.acceptance],
      brief: request.brief,
      inputs: inputsOf(mission, task),
      share_tokens: share.tokens,
      share_usd: share.usd,
      workspace: request.workspace,
      workspace_marker: request.workspace_marker,
      feedback: feedbackFor(mission, task),
      answer: answer === null ? null : cutToBytes(answer.text, SIZES.feedback),
      requires: requirementsOf(mission, wave, task, only),
      workspace_of: request.workspace_of,
      only,
      agent_digest: revision.digest,
      playbook_acceptance: revision.playbookAcceptance === null ? null : [...revision.playbookAcceptance],
      protected: [...plan.protected],
      changes: [...plan.changes],
      used_up_by: task.usedUpBy,
      beside: !isModels ? null : besideOf(mission, wave, task, revision, context),
      limits: { ...request.limits },
      untrusted: untrustedFor(mission, task, revision.reach ?? [], context.mayReach),
      mission_inputs: only === 'fence' ? [] : [...request.inputs],
      artifacts: only === 'fence' ? [] : [...plan.artifacts],
    },
  };
}

/** An attempt that only ends what another one left running changes no file, and runs no command. */
function requirementsOf(
  mission: Mission,
  wave: Wave,
  task: MissionTask,
  only: PayloadOf<'task_assigned'>['only'],
): string[] {
  const continues = mission.request.workspace_of !== null || only !== null;
  if (only === 'fence') return [WORKSPACE_OF];
  return [
    ...(continues ? [WORKSPACE_OF] : []),
    ...snapshotsOf(mission, wave, task),
    ...(mission.request.inputs.length > 0 ? [INPUTS] : []),
  ];
}

/** A verify task changes nothing: the snapshot before it is that of the last wave. */
function snapshotsOf({ request, waves }: Mission, wave: Wave, { kind }: MissionTask): readonly string[] {
  if (!request.requires.includes(SNAPSHOTS)) return [];
  return wave === waves.at(-1) && kind !== 'verify' ? [SNAPSHOTS, SNAPSHOT_AT_END] : [SNAPSHOTS];
}

/** What the tasks write that may run at the same time. */
function besideOf(
  { tasks }: Mission,
  { taskIds }: Wave,
  { plan }: MissionTask,
  revision: AgentRevision,
  context: DecideContext,
): PayloadOf<'task_assigned'>['beside'] {
  const checks = [...plan.acceptance, ...(revision.playbookAcceptance ?? [])];
  const own = { listed: plan.protected, checks };
  return writtenBeside(taskIds, (id) => tasks.get(id), own, context.playbookWrites);
}

/** What the attempt should know of what came before it: the last failure, and what a person was asked about. */
function feedbackFor({ answer }: Mission, task: MissionTask): string | null {
  const failure = task.failures === 0 ? task.earlier : task.detail;
  const parts = [cutToBytes(failure, SIZES.feedback), answer === null ? '' : cutToBytes(answer.reason, SIZES.feedback)];
  return parts.filter((part) => part !== '').join('\n') || null;
}

function scheduleRetry(mission: Mission, task: MissionTask, context: DecideContext): Decision {
  return {
    event_type: 'task_retry_scheduled',
    payload: {
      task_id: task.id,
      mission_id: mission.id,
      attempt: task.attempt + 1,
      agent: task.plan.agent,
      owner: context.owner,
      failures: task.failures,
      delay_ms: context.retryDelayMs(task.failures),
      reason: task.detail,
    },
  };
}

/** Results of the tasks that this one depends on; the mission's checks need none. */
function inputsOf(mission: Mission, task: MissionTask): PayloadOf<'task_assigned'>['inputs'] {
  if (task.kind === 'verify') return [];
  const done = task.plan.dependencies.flatMap((id) => {
    const dependency = mission.tasks.get(id);
    return dependency !== undefined && endedWell(dependency) ? [dependency] : [];
  });
  return inputsWithin(done, SIZES.inputs);
}

function cancelTask(
  mission: Mission,
  task: MissionTask,
  owner: string,
  code: string,
  reason: string,
  missionCode: FailureCode | null = null,
): Decision {
  return {
    event_type: 'task_cancelled',
    payload: {
      task_id: task.id,
      mission_id: mission.id,
      attempt: task.attempt,
      agent: task.plan.agent,
      owner,
      code,
      reason,
      target_partition: task.targetPartition ?? 0,
      source: null,
      mission_code: missionCode,
    },
  };
}

function decideAfterFailure(mission: Mission, failed: MissionTask, context: DecideContext): readonly Decision[] {
  const attempts = `${failed.attempt} ${failed.attempt === 1 ? 'attempt' : 'attempts'}`;
  const reason = `${failed.id} failed after ${attempts}: ${failed.detail}`;
  // What judges the work was changed: a changed plan would take it for granted.
  const isTampered = failed.changedPaths.length > 0;
  const mayReplan = mission.request.plan === null && mission.replans < MAX_REPLANS && !isTampered;
  return mayReplan
    ? requestPlan(mission, context, { reason, answer: null })
    : askOrFail(mission, context, reason, failed);
}

/** The last rung: a person, where the mission says so. */
function askOrFail(
  mission: Mission,
  context: DecideContext,
  reason: string,
  failed: MissionTask | null,
  code: FailureCode | null = null,
): readonly Decision[] {
  if (mission.request.on_failure !== 'ask') return failMission(mission, context, reason, code);
  return [
    {
      event_type: 'attention_requested',
      payload: {
        mission_id: mission.id,
        owner: context.owner,
        number: mission.questions + 1,
        task_id: failed?.id ?? null,
        reason,
        question: code === 'planner_unreachable' ? ASK_THE_PLANNER_AGAIN : questionAbout(failed),
      },
    },
  ];
}

const ASK_THE_PLANNER_AGAIN = 'Can the planner be reached again? It is asked again, with your answer.';

function questionAbout(failed: MissionTask | null): string {
  if (failed === null) return 'How should the mission be planned?';
  return failed.kind === 'verify'
    ? 'What is to be done before its success checks run again?'
    : `What should ${failed.plan.agent} do differently?`;
}

function decideQuestion(mission: Mission, context: DecideContext, { number, reason }: Question): readonly Decision[] {
  return context.isExpired(timerKeys.attention(mission.id, number))
    ? failMission(mission, context, `no answer in time: ${reason}`)
    : [];
}

/** Open attempts are cancelled first, each by its own decision; the mission ends when these have been read back. */
export function failMission(
  mission: Mission,
  context: Pick<DecideContext, 'owner' | 'plannerPrice'>,
  reason: string,
  code: FailureCode | null = null,
): readonly Decision[] {
  const open = inPlanOrder(mission.index.open.values());
  if (open.length > 0)
    return open.map((task) => cancelTask(mission, task, context.owner, 'mission_ended', reason, code));
  return [{ event_type: 'mission_failed', payload: { ...endOf(mission, context, reason), code } }];
}

const endOf = (mission: Mission, context: Pick<DecideContext, 'owner' | 'plannerPrice'>, reason: string) => ({
  mission_id: mission.id,
  owner: context.owner,
  reason,
  at_planner_price: atPlannerPrice(mission, context),
});

function cancelMission(mission: Mission, context: DecideContext, reason: string): readonly Decision[] {
  const open = inPlanOrder(mission.index.open.values());
  if (open.length > 0) return open.map((task) => cancelTask(mission, task, context.owner, 'cancelled', reason));
  return [{ event_type: 'mission_cancelled', payload: endOf(mission, context, reason) }];
}
