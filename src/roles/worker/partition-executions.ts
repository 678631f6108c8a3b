/** The executions of one tasks partition: open attempts wait for a slot of the agent, and what has one runs. */
import { workspaceOf } from '../../domain/continuation.js';
import type { AgentSpec } from '../../domain/agent-spec.js';
import type { TaskAttempt } from '../../domain/task-partition.js';
import type { PartitionId } from '../../ports/log.js';
import type { HeldClaim } from '../shared/partition-life.js';
import type { ReadBack } from './read-back.js';
import type { SlotUser } from '../shared/slots.js';
import { startExecution, type Execution } from './task-execution.js';
import type { WorkerContext } from './worker-context.js';

export interface PartitionExecutions {
  /** An open attempt under the held claim: it is run when its turn comes. */
  enqueue(attemptKey: string): void;
  /** What is being executed now. */
  running(): readonly Execution[];
  isRunning(attemptKey: string): boolean;
  /** Calls back when nothing of an attempt's execution is alive any more. */
  subscribe(listener: (attemptKey: string) => void): void;
  abort(attemptKey: string, reason: Error): void;
  /** The claim is lost: nothing waits any more, and what runs is stopped. */
  abortAll(reason: Error): void;
  /** Starts nothing new; resolves when what runs has ended, or was stopped after graceMs. */
  drain(reason: Error, graceMs: number): Promise<void>;
}

export interface PartitionExecutionsDeps extends PartitionId {
  readonly agent: string;
  readonly readBack: ReadBack;
  held(): HeldClaim | null;
  /** As folded now; undefined once the fold has forgotten it. */
  attempt(attemptKey: string): TaskAttempt | undefined;
  /** An attempt gets its slot; gives it with everything that its execution needs. */
  onSlot(attempt: TaskAttempt): TaskAttempt;
  /** An attempt has ended its step, and waits because its mission is paused. */
  onSuspended(attemptKey: string, remainingMs: number): void;
  /** Whether an attempt has waited for too long for its mission to be resumed. */
  isSuspensionOver(attemptKey: string): boolean;
  /** False while a call of the attempt waits for a person, or its mission is paused: then it gets no slot. */
  isDue(attempt: TaskAttempt): boolean;
}

export function createPartitionExecutions(context: WorkerContext, deps: PartitionExecutionsDeps): PartitionExecutions {
  const slots = context.slotsOf(deps.agent);
  const executions = new Map<string, Execution>();
  let draining = false;
  let onEnded: (attemptKey: string) => void = () => undefined;
  const user: SlotUser = { use };

  function enqueue(key: string): void {
    if (!draining && deps.held() !== null) slots.request(key, user);
  }

  /** An execution is made only now: of 100,000 open attempts most wait. */
  function use(key: string): Promise<void> | null {
    const held = deps.held();
    const attempt = deps.attempt(key);
    if (draining || held === null || attempt?.status !== 'open' || !deps.isDue(attempt)) return null;
    const before = executionOfTask(executions.values(), attempt);
    if (before !== undefined) {
      // A new attempt, or the same one under a new claim, waits for the processes of the one before.
      // Meanwhile others use the slot.
      void before.settled.then(() => enqueue(key));
      return null;
    }
    const spec = context.revisions.specFor(attempt, () => enqueue(key));
    return spec === null ? null : run(deps.onSlot(attempt), held, spec);
  }

  function run(attempt: TaskAttempt, held: HeldClaim, spec: AgentSpec): Promise<void> {
    const { key } = attempt;
    const execution = execute(context, { ...deps, spec }, attempt, held);
    executions.set(key, execution);
    return execution.settled.then(() => {
      executions.delete(key);
      onEnded(key);
    });
  }

  return {
    enqueue,
    running: () => [...executions.values()],
    isRunning: (key) => executions.has(key),
    subscribe(listener) {
      onEnded = listener;
    },
    abort: (key, reason) => executions.get(key)?.abort(reason),
    abortAll(reason) {
      slots.withdraw(user);
      for (const execution of executions.values()) execution.abort(reason);
    },
    async drain(reason, graceMs) {
      draining = true;
      slots.withdraw(user);
      await Promise.all([...executions.values()].map((execution) => execution.drain(reason, graceMs)));
    },
  };
}

function execute(
  context: WorkerContext,
  deps: PartitionExecutionsDeps & { readonly spec: AgentSpec },
  attempt: TaskAttempt,
  held: HeldClaim,
): Execution {
  const current = () => deps.attempt(attempt.key);
  return startExecution(context, {
    ...deps,
    attempt,
    held,
    onSuspended: (remainingMs) => deps.onSuspended(attempt.key, remainingMs),
    isSuspensionOver: () => deps.isSuspensionOver(attempt.key),
    current: () => current() ?? attempt,
    isOurs: () => deps.held()?.owner === held.owner && current()?.status === 'open',
  });
}

/**
 * What is still alive of the attempt's task: of an earlier attempt, also in a mission that its own continues, or of the
 * same one under an earlier claim.
 */
function executionOfTask(executions: Iterable<Execution>, { assignment: wanted }: TaskAttempt): Execution | undefined {
  return [...executions].find(
    ({ attempt: { assignment } }) =>
      assignment.task_id === wanted.task_id && workspaceOf(assignment) === workspaceOf(wanted),
  );
}
