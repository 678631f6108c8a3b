/** What may go wrong in a run. Each seed takes some of them, so that rare ones meet undisturbed. */
import type { Random } from './random.js';

export const FAULTS = {
  crash: 'processes die at any moment, and new ones start',
  drain: 'processes are shut down cleanly in the middle of their work',
  stall: 'processes are paused for seconds to minutes, then continue with their old state',
  zombie: 'processes are paused for hours, then continue with their old state',
  move: 'partitions move; for a while two members believe in the same one',
  delay: 'appends and deliveries take seconds to minutes',
  duplicate: 'requests reach the log again, at once or hours later',
  fail: 'appends end without an answer: written, not written, or written later',
  large: 'records that are too large are refused for good',
  poison: 'unreadable records arrive, or records that belong elsewhere',
  retention: 'old records are deleted behind the replay points',
  commit: 'commits of replay points are refused, or written without an answer',
  tools: 'tools are slow, fail, hang, answer nonsense, or have no workspace',
  models: 'models are slow, fail, hang, answer nonsense',
  planner: 'planners are slow and fail',
  cancel: 'missions are cancelled',
  approval: 'plans and failed missions wait for a person, who approves, rejects, answers, or never comes',
  grow: 'tasks topics get more partitions',
  recreate: 'the coordination topic is lost with the missions in it, and recreated',
  clock: 'wall clocks jump by hours',
  retry: 'people ask for new attempts of tasks',
  overwrite: 'a foreign tool commits over the replay points; a person restores them later',
  ask: 'the policy asks people about calls, who approve, reject, come late or never, and answer twice or wrongly',
  steer: 'people pause missions, resume them and raise their budgets, some requests twice or late',
  again: 'people continue missions that have ended, in their workspaces; some ask twice, or late',
  sign: 'people sign what they ask; rogues ask without a key, write again what others have signed, forge decisions',
  revise: "agents' files are changed: processes start with another revision than others have",
  unknown: 'processes do not have an agent for a while: its file comes late, or goes and comes back',
  cap: 'the swarm has a daily cap, which people lift when the other faults end',
  export: 'spans are sent late, and those that a process has not sent are lost with it',
  freeze: 'computers are paused whole: a worker, its launchers and their commands, for seconds to minutes',
} as const;

export type Fault = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[];

export interface Faults {
  /** Whether this fault may happen now. */
  on(fault: Fault): boolean;
  readonly chosen: readonly Fault[];
  /** From now on nothing goes wrong any more. */
  stop(): void;
  stopped(): boolean;
}

/**
 * Of the seeds. Such a fault has its own stream, and the same share in all seeds, so that choosing it takes nothing
 * from the stream of the others.
 */
const SHARES = {
  retry: 0.25,
  revise: 0.15,
  overwrite: 0.5,
  ask: 0.2,
  sign: 0.1,
  steer: 0.1,
  unknown: 0.1,
  again: 0.1,
  cap: 0.1,
  export: 0.15,
  freeze: 0.1,
} as const;
export type StreamedFault = keyof typeof SHARES;

const isStreamed = (fault: Fault): fault is StreamedFault => Object.hasOwn(SHARES, fault);

/**
 * @param streams of the faults that have their own
 * @param allowed the faults to choose from
 */
export function chooseFaults(
  random: Random,
  streams: Readonly<Record<StreamedFault, Random>>,
  allowed: readonly Fault[],
): Faults {
  const share = random.pick([0.3, 0.6, 1]);
  const chosen = new Set(
    allowed.filter((fault) => (isStreamed(fault) ? streams[fault].chance(SHARES[fault]) : random.chance(share))),
  );
  let over = false;
  return {
    chosen: [...chosen],
    on: (fault) => !over && chosen.has(fault),
    stop() {
      over = true;
    },
    stopped: () => over,
  };
}
