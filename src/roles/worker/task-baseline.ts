/** The baseline of an attempt: taken beside the first model call, and journaled with the first step. */
import { BASELINE_LIMIT_MS, NOTHING_KNOWN, type Baseline, type CheckBaseline } from '../../domain/baseline.js';
import type { Check } from '../../domain/events.js';
import type { Verdict } from '../../ports/policy.js';
import type { TaskPlace, ToolExecutor } from '../../ports/tools.js';
import type { ExecutionDeps } from './execution-deps.js';
import type { NetworkOfStep } from './task-network.js';
import { acceptanceOf, limitsOfTask, protectionOf } from './task-result.js';

export interface TaskBaseline {
  /** Starts to take it, unless the journal has a step or there is nothing to compare. */
  start(): void;
  /** For an attempt's first step; null: there is nothing to compare. Rejects as ToolExecutor.takeBaseline does. */
  forFirstStep(): Promise<Baseline | null>;
  /** Stops what is running of it; resolves when nothing is left. */
  stop(): Promise<void>;
}

export interface TaskBaselineDeps extends Pick<ExecutionDeps, 'attempt' | 'spec' | 'held' | 'current'> {
  readonly tools: ToolExecutor;
  readonly place: TaskPlace;
  readonly network: NetworkOfStep;
  /** What the policy says of a check; only what it allows runs here. null: there is no policy. */
  judge(check: Check): Verdict | null;
  /** Aborted when running tools must stop. */
  readonly acting: AbortSignal;
}

export function createTaskBaseline(deps: TaskBaselineDeps): TaskBaseline {
  const { attempt, spec, held, tools, place, network, acting } = deps;
  const stopping = new AbortController();
  let begun: Promise<Baseline | null> | null = null;

  async function take(): Promise<Baseline | null> {
    const { assignment } = attempt;
    const acceptance = acceptanceOf(assignment, spec);
    // The success checks of a mission run at its end only, and their form says what they prove.
    if (assignment.kind === 'verify' || (acceptance.length === 0 && assignment.protected.length === 0)) return null;
    // What a check names is protected, also where the policy lets the check run only later, or never.
    const judged = acceptance.map((check) => ({ check, verdict: deps.judge(check) }));
    const checks = judged.flatMap(({ check, verdict }) => ((verdict?.decision ?? 'allow') === 'allow' ? [check] : []));
    const onAbort = () => stopping.abort(acting.reason);
    if (acting.aborted) onAbort();
    else acting.addEventListener('abort', onAbort, { once: true });
    try {
      const taken = await tools.takeBaseline(
        {
          task: place,
          claimOffset: held.claimOffset,
          checks,
          timeLimitMs: BASELINE_LIMIT_MS,
          limits: limitsOfTask(assignment, spec),
          ...network(0),
          protection: protectionOf(assignment, spec),
        },
        stopping.signal,
      );
      const found = new Map(checks.map((check, at) => [check, taken.checks[at]]));
      const ofCheck = ({ check, verdict }: (typeof judged)[number]): CheckBaseline => ({
        ...(found.get(check) ?? NOTHING_KNOWN),
        ...(verdict === null ? {} : { decision: verdict.decision, rule: verdict.rule }),
      });
      return { ...taken, checks: judged.map(ofCheck) };
    } finally {
      acting.removeEventListener('abort', onAbort);
    }
  }

  function start(): Promise<Baseline | null> {
    begun ??= take();
    begun.catch(() => undefined); // The first step fails with it; without one it is not needed.
    return begun;
  }

  return {
    start: () => void (deps.current().steps.length === 0 && start()),
    forFirstStep: start,
    async stop() {
      if (begun === null) return;
      stopping.abort(new Error('the attempt has ended'));
      await begun.catch(() => undefined);
    },
  };
}
