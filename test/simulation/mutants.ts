import type { Fault } from './faults.js';

/** The safety rules, each switched off by changing the sources; and a seed that then breaks a promise. */
export interface Mutant {
  readonly name: string;
  /** The rule that is off. */
  readonly rule: string;
  /** Which text replaces which; each text occurs in its file (below src) exactly once. */
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  /** A seed that fails with it. */
  readonly seed: number;
  /** With only these faults, where all of them together hide it; default all. */
  readonly faults?: readonly Fault[];
  /** The bug, where the rule is one that the simulation has found; its seed stays in the tests. */
  readonly found?: string;
}

const PUT_APART =
  'if (entry !== null) putApart(draft, { ...entry, position: Math.max(0, entry.committedOffset) }, reason);';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'read-back',
    rule: 'a tool starts only when its call was read back',
    seed: 3,
    changes: [
      {
        file: 'roles/worker/task-journal.ts',
        from: 'return appendAndReadBack(event);',
        to: 'appendAndReadBack(event).catch(() => undefined);\n      return event;',
      },
    ],
  },
  {
    name: 'holder-check-calls',
    rule: 'calls of any owner but the holder are void',
    seed: 195,
    changes: [
      {
        file: 'domain/task-partition.ts',
        from: 'const found = heldAttempt(state, call);',
        to: 'const found = heldAttempt(state, { ...call, owner: state.holder?.owner ?? "" });',
      },
    ],
  },
  {
    name: 'holder-check-results',
    rule: 'results of any owner but the holder are void',
    seed: 246,
    changes: [
      {
        file: 'domain/task-partition.ts',
        from: 'const found = heldAttempt(state, by);',
        to: 'const found = heldAttempt(state, { ...by, owner: state.holder?.owner ?? "" });',
      },
    ],
  },
  {
    name: 'holder-check-decisions',
    rule: 'decisions of any owner but the holder are void',
    seed: 741,
    changes: [
      {
        file: 'domain/mission-evolve.ts',
        from: 'if (owner !== null && owner !== state.holder?.owner)',
        to: 'if (owner === "")',
      },
    ],
  },
  {
    name: 'fence',
    rule: 'a new holder takes the fence before it settles a doubt',
    seed: 1208,
    changes: [
      {
        file: 'roles/worker/task-steps.ts',
        from: 'await tools.takeFence(place, deps.held.claimOffset, deps.acting);',
        to: '',
      },
    ],
  },
  {
    name: 'fresh-owner-ids',
    rule: 'no claim reuses an owner id',
    seed: 503,
    changes: [
      {
        file: 'roles/shared/claim.ts',
        from: 'const owner = newOwnerId(processId, ids);',
        to: 'ids.uuid();\n    const owner = processId;',
      },
    ],
  },
  {
    name: 'lost-claim',
    rule: 'a process that reads another claim stops acting',
    seed: 14,
    changes: [
      {
        file: 'roles/shared/partition-life.ts',
        from: "if (input.kind !== 'claim_read' || input.owner === life.held.owner) return unchanged;",
        to: "if (input.kind !== 'claim_read' || input.owner !== '') return unchanged;",
      },
    ],
  },
  {
    name: 'source-marks',
    rule: 'an assignment or a cancel at or below the mark is ignored',
    seed: 25,
    changes: [
      {
        file: 'domain/task-partition.ts',
        from: 'if (source.offset <= (state.marks[place] ?? -1))',
        to: 'if (source.offset < 0)',
      },
    ],
  },
  {
    name: 'taint-files',
    rule: 'a task is tainted after its first call where a tainted task shares its workspace',
    seed: 160,
    changes: [
      {
        file: 'domain/untrusted.ts',
        from: "...(writers.length === 0 ? [] : [inCalls('files', shortList(writers))]),",
        to: '',
      },
    ],
  },
  {
    name: 'taint-beside',
    rule: 'a task that may become tainted counts for those beside it before it is known to be',
    seed: 160,
    changes: [
      {
        file: 'domain/untrusted.ts',
        from: 'return others > 0 && reachOfAgent(agent).length > 0 ? [agent] : [];',
        to: 'return others > 1e9 && reachOfAgent(agent).length > 0 ? [agent] : [];',
      },
    ],
  },
  {
    name: 'taint-results',
    rule: 'a task is tainted from its start by the results of tainted tasks',
    seed: 17,
    changes: [
      {
        file: 'domain/untrusted.ts',
        from: "...(inputs.length === 0 ? [] : [inPrompt('tasks', shortList(inputs))]),",
        to: '',
      },
    ],
  },
  {
    name: 'taint-lost',
    rule: 'an attempt whose last events may be lost is tainted by all that it could read',
    seed: 188,
    changes: [{ file: 'domain/mission-task.ts', from: 'return 1;', to: 'return 0;' }],
  },
  {
    name: 'ask-first',
    rule: 'a call that the policy asks about runs only after a person has approved it',
    seed: 68,
    changes: [
      {
        file: 'roles/worker/asked-call.ts',
        from: "if (decision === null) return refused('no person approved it in time');",
        to: "if (decision === null) return { approved_by: 'no person', refused_because: null };",
      },
      {
        file: 'domain/waiting-call.ts',
        from: "return isApproved ? null : 'not approved';",
        to: 'return isApproved ? null : null;',
      },
    ],
  },
  {
    name: 'ask-digest',
    rule: 'an approval is bound to the digest of the exact call',
    seed: 17,
    changes: [
      {
        file: 'domain/waiting-call.ts',
        from: "if (answer.digest !== call.digest) return 'changed';",
        to: "if (answer.digest === '') return 'changed';",
      },
    ],
  },
  {
    name: 'ask-once',
    rule: 'an approval is used once',
    seed: 17,
    changes: [
      {
        file: 'domain/task-partition.ts',
        from: '    waiting: null,\n    reservation: { owner: call.owner',
        to: '    reservation: { owner: call.owner',
      },
    ],
  },
  {
    name: 'ask-source',
    rule: 'a decision about a call counts only with the source of a decision record',
    seed: 25,
    changes: [
      {
        file: 'domain/task-partition.ts',
        from: 'const taken = takeSource(state, decision.source);',
        to: 'const taken = decision.source === null ? APPLIED : takeSource(state, decision.source);',
      },
    ],
  },
  {
    name: 'ask-expires',
    rule: 'an approval that comes too late does not count',
    seed: 68,
    changes: [
      {
        file: 'domain/waiting-call.ts',
        from: "return atMs > call.expiresAtMs ? 'expired' : null;",
        to: "return atMs < 0 ? 'expired' : null;",
      },
    ],
  },
  {
    name: 'pause-log-order',
    rule: 'a wave, an attempt or a plan that was decided before the pause was read does not count',
    seed: 720,
    changes: [
      {
        file: 'domain/mission-pause.ts',
        from: "    case 'task_assigned':\n      return 'the mission is paused';",
        to: "    case 'task_assigned':\n      return null;",
      },
    ],
  },
  {
    name: 'pause-attempts',
    rule: 'an attempt whose mission is paused begins no step',
    seed: 240,
    changes: [
      {
        file: 'roles/worker/attempt-suspended.ts',
        from: 'if (current().suspendedSinceMs !== null) throw',
        to: 'if (current().status === "cancelled") throw',
      },
    ],
  },
  {
    name: 'pause-slots',
    rule: 'and no execution, also under a new holder',
    seed: 240,
    changes: [
      {
        file: 'roles/worker/worker-partition.ts',
        from: '(attempt.suspendedSinceMs === null && waiting.isDue(attempt)) ||',
        to: 'waiting.isDue(attempt) ||',
      },
      {
        file: 'roles/worker/attempt-suspended.ts',
        from: 'if (current().suspendedSinceMs !== null) throw',
        to: 'if (current().suspendedSinceMs !== null && current().steps.length > 1) throw',
      },
    ],
  },
  {
    name: 'pause-reserved',
    rule: 'a turn that was reserved while the pause was read asks no model',
    seed: 571,
    changes: [
      {
        file: 'agent/turn.ts',
        from: 'loop.effects.beforeStep?.(); // read while',
        to: '// read while',
      },
    ],
  },
  {
    name: 'pause-ends',
    rule: 'an attempt whose mission is never resumed ends',
    seed: 564,
    changes: [{ file: 'roles/worker/suspensions.ts', from: 'over.add(key);', to: '' }],
  },
  {
    name: 'pause-effect',
    rule: 'the word that an attempt must wait, or may continue, reaches its partition',
    seed: 868,
    changes: [
      {
        file: 'domain/mission-evolve.ts',
        from: 'if (isEffect(event)) mission',
        to: "if (isEffect(event) && event.event_type !== 'task_suspended') mission",
      },
    ],
  },
  {
    name: 'pause-time',
    rule: 'no deadline runs while a mission is paused',
    seed: 215,
    changes: [
      {
        file: 'domain/mission-pause.ts',
        from: "return payload.code === 'deadline' || payload.code === 'not_accepted' ? 'the mission is paused' : null;",
        to: 'return null;',
      },
      {
        file: 'domain/mission-decide.ts',
        from: 'return isPaused(mission)',
        to: 'return isPaused(mission) && mission.index.suspended.size < mission.index.open.size',
      },
      {
        file: 'domain/mission-decide.ts',
        from: "return task.suspended === 'no'",
        to: 'return task.suspended !== null',
      },
      {
        file: 'domain/mission-timers.ts',
        from: 'frozen ? timers.map(',
        to: 'frozen && timers.length > 99 ? timers.map(',
      },
    ],
  },
  {
    name: 'pause-numbers',
    rule: 'a late copy of a pause does not pause the mission again',
    seed: 461,
    changes: [
      {
        file: 'domain/mission-pause.ts',
        from: "if (number !== mission.pauses + 1) return voidBecause('another pause');",
        to: '',
      },
    ],
  },
  {
    name: 'daily-sum',
    rule: 'what was spent in a day travels with the replay point',
    seed: 4,
    changes: [
      {
        file: 'domain/mission-replay.ts',
        from: 'epoch: e },\n    decodeSpending(d),',
        to: 'epoch: e },\n    decodeSpending(d === undefined ? d : null),',
      },
    ],
  },
  {
    name: 'ask-pauses',
    rule: 'no deadline runs while a call of the task waits for a person',
    seed: 55,
    changes: [
      {
        file: 'domain/mission-timers.ts',
        from: "    case 'running':\n      return {",
        to: "    case 'running':\n    case 'paused':\n      return {",
      },
      {
        file: 'domain/mission-decide.ts',
        from: "    case 'running':\n",
        to: "    case 'running':\n    case 'paused':\n",
      },
      {
        file: 'domain/mission-task.ts',
        from: "if (task.status === 'paused' && event.payload.code === 'deadline') return voidBecause('a call waits');",
        to: '',
      },
    ],
  },
  {
    name: 'ask-rest',
    rule: 'the deadline of a task that waited runs on with what it had left',
    seed: 17,
    changes: [
      {
        file: 'roles/worker/attempt-run.ts',
        from: 'deps.attempt.remainingMs ?? assignment.timeout_seconds',
        to: 'assignment.timeout_seconds',
      },
    ],
  },
  {
    name: 'ask-taken-over',
    rule: 'a new holder lets a call that waits wait on, and expire',
    seed: 159,
    changes: [
      {
        file: 'roles/worker/worker-partition.ts',
        from: 'if (state.attempts.get(key)?.waiting) return waiting.begin(key);',
        to: '',
      },
    ],
  },
  {
    name: 'ask-effect',
    rule: 'a decision about a call reaches its partition, whichever orchestrator sends it',
    seed: 149,
    changes: [
      {
        file: 'domain/mission-approvals.ts',
        from: 'mission.effects.set(offset, { offset, event });',
        to: 'if (offset < 0) mission.effects.set(offset, { offset, event });',
      },
    ],
  },
  {
    name: 'log-epoch',
    rule: 'marks are kept for each epoch of the log',
    seed: 7,
    changes: [{ file: 'domain/mission-evolve.ts', from: '`${name}-${timestampMs.toString(36)}`', to: "'always'" }],
  },
  {
    name: 'own-source',
    rule: 'every effect has its own decision record as its source',
    seed: 1,
    changes: [
      {
        file: 'roles/orchestrator/mission-partition.ts',
        from: 'effects.send(effect, epoch);',
        to:
          'effects.send({ ...effect, offset: state.missions.get(effect.event.payload.mission_id)?.firstOffset ?? ' +
          'effect.offset }, epoch);',
      },
    ],
  },
  {
    name: 'attempts-cancelled-first',
    rule: 'a mission ends only after the cancels of its open attempts',
    seed: 1,
    changes: [
      {
        file: 'domain/mission-decide.ts',
        from:
          "if (open.length > 0) return open.map((task) => cancelTask(mission, task, context.owner, 'cancelled', " +
          'reason));',
        to: 'void open;',
      },
    ],
  },
  {
    name: 'plan-has-a-reader',
    rule: 'the declared order is never a fallback: a mission whose planner fails is not planned by it',
    seed: 7,
    changes: [
      {
        file: 'agent/planner.ts',
        from: 'throw failureOf(turn, passed);',
        to: "return answerOf(turn, ORDER, '', planByOrder(scope, request, turn));",
      },
    ],
  },
  {
    name: 'decide-after-read-back',
    rule: 'the holder decides again only when its own appends were read back',
    seed: 5,
    changes: [
      {
        file: 'roles/orchestrator/decision-writer.ts',
        from: 'isWaiting: pending.isWaiting,',
        to: 'isWaiting: () => false,',
      },
    ],
  },
  {
    name: 'assigned-once',
    rule: 'an assignment counts only for a task that waits for that attempt',
    seed: 263,
    changes: [
      {
        file: 'domain/mission-task.ts',
        from:
          "if (task.status !== 'waiting' && task.status !== 'retrying') return voidBecause('not waiting for an " +
          "attempt');\n  if (decision.attempt !== task.attempt + 1) return voidBecause('another attempt');",
        to: '',
      },
    ],
  },
  {
    name: 'offset-metadata',
    rule: 'a replay starts with the fold’s state just before the committed offset',
    seed: 4,
    changes: [
      {
        file: 'roles/worker/worker-partition.ts',
        from: '    start.metadata === null ? undefined : decodeTaskSnapshot(start.metadata),',
        to: '    start.metadata === null ? undefined : (decodeTaskSnapshot(start.metadata), undefined),',
      },
    ],
  },
  {
    name: 'offset-metadata-missions',
    rule: 'the same for a coordination partition',
    seed: 2,
    changes: [
      {
        file: 'domain/mission-replay.ts',
        from: '{ holder: decodeHolder(h, metadata), epoch: e }',
        to: '{ holder: (decodeHolder(h, metadata), null), epoch: null }',
      },
    ],
  },
  {
    name: 'requested-ids',
    rule: 'the metadata holds the ids of recently requested missions',
    seed: 119,
    changes: [{ file: 'domain/mission-replay.ts', from: 'state.requestedIds.set(String(id), timeMs);', to: '' }],
  },
  {
    name: 'open-task-replay-point',
    rule: 'the replay point stays before the oldest open attempt',
    seed: 3,
    changes: [
      {
        file: 'domain/task-replay.ts',
        from: "if (attempt.status === 'open') return false;",
        to: "if (attempt.status === 'open') return true;",
      },
    ],
  },
  {
    name: 'result-acknowledged',
    rule: 'the replay point stays before an attempt whose result was not acknowledged',
    seed: 15,
    changes: [
      {
        file: 'domain/task-replay.ts',
        from: "return attempt.status === 'cancelled' || isAcknowledged(attempt.key);",
        to: 'return true;',
      },
    ],
  },
  {
    name: 'effects-acknowledged',
    rule: 'the replay point stays before a mission whose effects were not acknowledged',
    seed: 101,
    changes: [
      {
        file: 'domain/mission-replay.ts',
        from: '!isOpen(mission) && allAcknowledged(mission, isAcknowledged)',
        to: '!isOpen(mission)',
      },
    ],
  },
  {
    name: 'effects-sent-again',
    rule: 'a new holder sends every unacknowledged effect again',
    seed: 17,
    changes: [
      {
        file: 'roles/orchestrator/mission-partition.ts',
        from: 'sendEffects(parts, unsent);',
        to: '',
      },
    ],
  },
  {
    name: 'in-doubt',
    rule: 'a call in doubt is repeated only when that is harmless',
    seed: 5,
    changes: [
      {
        file: 'agent/turn.ts',
        from: 'if (!last?.idempotent || !lost) return null;',
        to: 'if (!last || !lost) return null;',
      },
    ],
  },
  {
    name: 'doubt-settled',
    rule: 'a call in doubt gets an outcome before anything else',
    seed: 7,
    changes: [{ file: 'roles/worker/attempt-run.ts', from: 'await steps.settleDoubt();', to: '' }],
  },
  {
    name: 'first-outcome',
    rule: 'the first outcome of a step wins',
    seed: 631,
    faults: ['stall', 'move', 'zombie', 'models'],
    changes: [
      {
        file: 'domain/task-partition.ts',
        from: "if (step.outcome !== null) return voidBecause('outcome known');",
        to: '',
      },
    ],
  },
  {
    name: 'first-result',
    rule: 'the first result of an attempt wins',
    seed: 30,
    faults: ['move', 'stall', 'crash', 'delay', 'duplicate'],
    changes: [
      {
        file: 'domain/mission-task.ts',
        from: "if (!hasOpenAttempt(task)) return voidBecause('no attempt is open');",
        to: '',
      },
    ],
  },
  {
    name: 'lost-turns',
    rule: 'a turn that was reserved and lost counts as spent',
    seed: 635,
    changes: [
      {
        file: 'domain/task-partition.ts',
        from: 'if (reservation === null || reservation.owner === owner) return spending;',
        to: 'if (reservation !== null || owner !== "") return spending;',
      },
    ],
  },
  {
    name: 'cancelled-share',
    rule: 'a cancelled attempt counts its whole share',
    seed: 112,
    changes: [
      {
        file: 'domain/mission-task.ts',
        from: '{ tokens: task.share.tokens ?? 0, usd: task.share.usd ?? 0 });\n  const ended',
        to: '{ tokens: 0, usd: 0 });\n  const ended',
      },
    ],
  },
  {
    name: 'lost-planner',
    rule: 'a planner that a former holder called counts with its reservation',
    seed: 708,
    changes: [
      { file: 'domain/mission-evolve.ts', from: 'if (former === owner) return ', to: 'if (former !== "") return ' },
    ],
  },
  {
    name: 'wave-order',
    rule: 'the next wave waits for the one before',
    seed: 1,
    changes: [
      {
        file: 'domain/mission-decide.ts',
        from: "if (wave.status === 'started' && tasks.done === tasks.total) {",
        to: "if (wave.status === 'started' && tasks.due.size === 0) {",
      },
    ],
  },
  {
    name: 'dead-letter-first',
    rule: 'the replay point passes a skipped record only when its dead letter is written',
    seed: 74,
    changes: [
      {
        file: 'roles/worker/worker-partition.ts',
        from: 'claim.held() === null || !deadLetters.isSettled()',
        to: 'claim.held() === null',
      },
    ],
  },
  {
    name: 'dead-letter-first-missions',
    rule: 'the same for a coordination partition',
    seed: 107,
    changes: [
      {
        file: 'roles/orchestrator/mission-partition.ts',
        from: 'claim.held() === null || !deadLetters.isSettled()',
        to: 'claim.held() === null',
      },
    ],
  },
  {
    name: 'dead-letter-of-replay',
    rule: 'a new holder keeps what it skipped before it held the partition',
    seed: 3,
    changes: [
      { file: 'roles/shared/dead-letters.ts', from: 'onHeld: flush,', to: 'onHeld: () => void waiting.splice(0),' },
    ],
  },
  {
    name: 'retention-behind-replay',
    rule: 'old records are deleted only below the replay point',
    seed: 2,
    changes: [
      {
        file: 'roles/orchestrator/retention.ts',
        from: 'Math.min(at(young, partition), at(committed, partition))',
        to: 'at(young, partition)',
      },
    ],
  },
  {
    name: 'agent-revision',
    rule: "a worker without the attempt's revision of the agent does not run it",
    seed: 18,
    changes: [
      {
        file: 'roles/worker/attempt-run.ts',
        from: 'if (wanted === null || wanted === spec.digest) return null;',
        to: "if (wanted === null || wanted !== '') return null;",
      },
    ],
  },
  {
    name: 'agent-revision-retriable',
    rule: 'and fails it so that it is tried again',
    seed: 18,
    changes: [
      {
        file: 'roles/worker/attempt-run.ts',
        from: 'the same file`,\n    retriable: true,',
        to: 'the same file`,\n    retriable: false,',
      },
    ],
  },
  {
    name: 'known-agents-waited-for',
    rule: 'a holder without an agent does not fail its missions: another may have it, or its file may come',
    seed: 60,
    changes: [
      {
        file: 'domain/mission-decide.ts',
        from: "  if (mission.request.approval !== 'approval') {\n",
        to:
          '  const missing = missingAgents(mission, context);\n' +
          "  if (missing.length > 0) return failMission(mission, context, 'this swarm does not have an agent');\n" +
          "  if (mission.request.approval !== 'approval') {\n",
      },
    ],
  },
  {
    name: 'set-apart-unread',
    rule: 'a partition whose replay point cannot be trusted is set apart, and not read',
    seed: 121,
    changes: [
      {
        file: 'kafka/reading/assignment.ts',
        from: PUT_APART,
        to: "if (entry !== null && reason !== '') startReading(draft, entry);",
      },
    ],
  },
  {
    name: 'set-apart-alone',
    rule: 'the other partitions of its member continue',
    seed: 115,
    changes: [
      {
        file: 'kafka/reading/assignment.ts',
        from: PUT_APART,
        to: "if (entry !== null) draft.act({ kind: 'fail', error: new Error(reason) });",
      },
    ],
  },
  {
    name: 'set-apart-named',
    rule: 'it is named',
    seed: 115,
    changes: [{ file: 'kafka/reading/assignment.ts', from: "    { kind: 'set_apart_changed' },\n", to: '' }],
  },
  {
    name: 'set-apart-reopened',
    rule: 'it is opened again when a rebalance gives it again',
    seed: 162,
    changes: [
      {
        file: 'kafka/reading/assignment.ts',
        from: "new Set(['opening', 'starting', 'set_apart'])",
        to: "new Set(['opening', 'starting'])",
      },
    ],
  },
  {
    name: 'moved-on',
    rule: 'a member that was given up opens a partition again where another has committed further',
    seed: 143,
    changes: [
      {
        file: 'kafka/reading/assignment.ts',
        from: 'return committed !== null && committed.offset > committedOffset;',
        to: 'return committed !== null && committed.offset > committedOffset && committedOffset < 0;',
      },
    ],
  },
  // Bugs that the simulation has found: each fix taken back.
  {
    name: 'baseline-first',
    rule: 'an attempt journals its first step only with what was there before the task',
    seed: 3,
    changes: [
      {
        file: 'roles/worker/task-steps.ts',
        from: 'current().steps.length === 0 ? await baseline.forFirstStep() : null',
        to: 'current().steps.length === 1 ? await baseline.forFirstStep() : null',
      },
    ],
  },
  {
    name: 'baseline-once',
    rule: 'no baseline is taken after a journaled step',
    seed: 13,
    changes: [
      {
        file: 'roles/worker/task-baseline.ts',
        from: 'start: () => void (deps.current().steps.length === 0 && start()),',
        to: 'start: () => void start(),',
      },
    ],
  },
  {
    name: 'begins-behind',
    rule: 'the attempt after one that a model has used up begins behind that model',
    seed: 145,
    changes: [
      {
        file: 'agent/chain-place.ts',
        from: '=== usedUpBy) + 1;',
        to: '=== usedUpBy) + 0;',
      },
    ],
  },
  {
    name: 'carries-the-name',
    rule: 'an assignment carries the name of the model that used up an earlier attempt',
    seed: 8,
    changes: [{ file: 'domain/mission-decide.ts', from: 'used_up_by: task.usedUpBy,', to: 'used_up_by: null,' }],
  },
  {
    name: 'proof',
    rule: 'a task is verified only with a check that could have failed',
    seed: 9,
    changes: [
      {
        file: 'domain/baseline.ts',
        from: "return checks.some((check) => check.baseline !== 'vacuous');",
        to: 'return checks.length > 0;',
      },
    ],
  },
  {
    name: 'turn-too-large',
    rule: 'a turn whose step is too large for the journal counts as spent',
    seed: 3394,
    faults: ['large'],
    found: 'the turn that led to a step too large for the journal was paid for but not charged',
    changes: [
      {
        file: 'roles/worker/attempt-run.ts',
        from: "{ ...tooLarge('a step', error), unjournaled: lost }",
        to: "tooLarge('a step', error)",
      },
    ],
  },
  {
    name: 'result-too-large',
    rule: 'an attempt whose result is too large for the journal fails',
    seed: 46,
    found:
      'a result that the log refused as too large ended the worker, and every one that took the task over came ' +
      'to the same result',
    changes: [
      {
        file: 'roles/worker/attempt-run.ts',
        from: "return journalEnd(deps, journal, { ...tooLarge('the result', error), ...used }, how);",
        to: 'throw error;',
      },
    ],
  },
  {
    name: 'plan-too-large',
    rule: 'a plan that is too large for the log is a plan that failed',
    seed: 65,
    found:
      'a plan that the log refused as too large ended the orchestrator, and every one that took the mission over ' +
      'had the same plan made',
    changes: [
      {
        file: 'roles/orchestrator/planner-calls.ts',
        from: 'if (!(error instanceof AppendRejected)) throw error;',
        to: 'throw error;',
      },
    ],
  },
  {
    name: 'undecidable-waits',
    rule: 'a mission whose decision is too large fails only when what was decided with it has been read back',
    seed: 95,
    found:
      'a mission of which one assignment was refused as too large failed while another, decided at the same ' +
      'time, was being sent',
    changes: [
      {
        file: 'roles/orchestrator/mission-decisions.ts',
        from: 'touched.touch(missionId, [], null);\n      tick(parts);',
        to:
          'const mission = parts.state.missions.get(missionId);\n      const owner = held()?.owner;\n      if (' +
          'mission !== undefined && owner !== undefined) for (const decision of decideNext(parts, mission, ' +
          'decideContext(parts, owner))) writer.decide(mission, decision, null);',
      },
    ],
  },
  {
    name: 'forgotten-attempt',
    rule: 'an attempt that the fold has forgotten is not open',
    seed: 126,
    changes: [
      {
        file: 'roles/worker/partition-executions.ts',
        from: "&& current()?.status === 'open',",
        to: "&& (current() ?? attempt).status === 'open',",
      },
    ],
    found:
      'a record of a cancelled attempt came in after the fold had forgotten the attempt; the role took the ' +
      'attempt for open and restarted',
  },
  {
    name: 'cancelled-in-doubt',
    rule: 'an attempt that was cancelled while its doubt was settled stops',
    seed: 343,
    found:
      'an attempt that was cancelled while its step in doubt was settled continued with a journal that the fold ' +
      'had dropped',
    changes: [
      {
        file: 'roles/worker/attempt-run.ts',
        from: 'limits.signal.throwIfAborted();\n  requireUnsuspended(',
        to: 'requireUnsuspended(',
      },
      {
        file: 'roles/worker/attempt-run.ts',
        from: 'limits.signal.throwIfAborted();\n  steps.startBaseline();',
        to: 'steps.startBaseline();',
      },
    ],
  },
  {
    name: 'deadline-while-asking',
    rule: 'a deadline that was decided before the holder had read of a waiting call has no effect',
    seed: 304411388,
    found: 'a holder that had been suspended ended an attempt by its deadline, and a call of it waited for a person',
    changes: [
      {
        file: 'domain/mission-task.ts',
        from: "task.status === 'paused' && event.payload.code === 'deadline'",
        to: 'false',
      },
    ],
  },
  {
    name: 'cancelled-in-decision',
    rule: 'an attempt that was cancelled while its decided call was journaled stops',
    seed: 304418812,
    found:
      'an attempt that was cancelled while the outcome of a decided call was read back took a baseline and began ' +
      'again with a journal that the fold had dropped',
    changes: [
      {
        file: 'roles/worker/attempt-run.ts',
        from: 'limits.signal.throwIfAborted();\n  steps.startBaseline();',
        to: 'steps.startBaseline();',
      },
    ],
  },
  {
    name: 'closed-read-back',
    rule: 'no execution waits for a record of a revoked partition',
    seed: 1990,
    faults: ['move', 'stall', 'crash', 'tools', 'delay'],
    found:
      'an execution that was waiting for a recovered outcome while its partition was revoked waited without end ' +
      'for a record that was never delivered, and kept its slot',
    changes: [{ file: 'roles/worker/read-back.ts', from: 'closed = reason;', to: '' }],
  },
  {
    name: 'late-log-name',
    rule: 'a recreated log has its own name, even if a late record of the old log names it again',
    seed: 1_500_054_580,
    found:
      'a recreated topic received a late second copy of the record that had named the old one; its assignments ' +
      'were then considered old, and ignored',
    changes: [
      {
        file: 'domain/mission-evolve.ts',
        from: '`${name}-${timestampMs.toString(36)}`',
        to: '((_) => name)(timestampMs)',
      },
    ],
  },
  {
    name: 'used-is-counted',
    rule: 'what a last turn has used stays counted when its result is too large for the journal',
    seed: 2_100_070_442,
    found: 'a finish with nothing to check, whose result the log refused as too large, had cost nothing',
    changes: [
      {
        file: 'roles/worker/attempt-run.ts',
        from: "{ ...tooLarge('the result', error), ...used }",
        to: "tooLarge('the result', error)",
      },
    ],
  },
  {
    name: 'begun-while-held',
    rule: 'a call that is read together with the claim that took its task does not start',
    seed: 2_100_080_316,
    found:
      'a worker that had been paused read its own call and another claim in one batch, and started to read a ' +
      'file for an attempt that had a successor',
    changes: [
      {
        file: 'roles/worker/task-steps.ts',
        from: 'if (deps.acting.aborted) return NOT_BEGUN;',
        to: 'if (deps.held.owner === "") return NOT_BEGUN;',
      },
    ],
  },
  {
    name: 'retention-of-strangers',
    rule: "a commit without the fold's state deletes nothing",
    seed: 263,
    found: 'the orchestrator deleted open work below an offset that a foreign tool had committed for its group',
    changes: [
      { file: 'roles/orchestrator/retention.ts', from: "return metadata !== '';", to: "return metadata !== 'x';" },
    ],
  },
  {
    name: 'accepted-first',
    rule: 'with operators nothing is done for a mission before its request was accepted',
    seed: 58,
    changes: [
      {
        file: 'domain/request-decisions.ts',
        from: "if (context.verifyRequest === null || mission.admission === 'accepted') return null;",
        to: 'if (mission.admission !== null) return null;',
      },
    ],
  },
  {
    name: 'signed-requests',
    rule: 'with operators a request that is not signed as it must be does not count',
    seed: 41,
    changes: [
      {
        file: 'domain/request-decisions.ts',
        from:
          'const fault = context.verifyRequest === null ? null : ' +
          'requestFault(event, atMs, context.verifyRequest, requested_by);',
        to: 'const fault = null as Fault | null;',
      },
    ],
  },
  {
    name: 'signed-answers',
    rule: 'with operators an answer about a call that is not signed as it must be does not count',
    seed: 127,
    changes: [
      {
        file: 'domain/mission-approvals.ts',
        from: '    verifyAnswer(answer.payload, answer.atMs, mission.request.requested_by);',
        to: '    null;',
      },
    ],
  },
  {
    name: 'four-eyes-calls',
    rule: 'with four eyes who has requested a mission does not approve a call of it',
    seed: 172,
    changes: [
      {
        file: 'domain/mission-approvals.ts',
        from: 'verifyAnswer(answer.payload, answer.atMs, mission.request.requested_by);',
        to: 'verifyAnswer(answer.payload, answer.atMs);',
      },
    ],
  },
  {
    name: 'four-eyes-plans',
    rule: 'with four eyes who has requested a mission does not approve its plan',
    seed: 80,
    changes: [
      {
        file: 'domain/request-decisions.ts',
        from: 'requestFault(event, atMs, context.verifyRequest, requested_by);',
        to: 'requestFault(event, atMs, context.verifyRequest);',
      },
    ],
  },
  {
    name: 'owner-withheld',
    rule: 'a worker does not learn the owner id of the orchestrator that gives it work',
    seed: 41,
    changes: [
      {
        file: 'roles/orchestrator/effect-sender.ts',
        from: 'owner: processOfOwner(event.payload.owner)',
        to: 'owner: event.payload.owner',
      },
    ],
  },
  {
    name: 'holders-planner',
    rule: 'a guarded mission takes its plans only from the planner of its holder',
    seed: 1445,
    changes: [
      {
        file: 'domain/mission-evolve.ts',
        from: 'if (mission.guarded && isPlannersWord(event) &&',
        to: 'if (event.event_id === "" && isPlannersWord(event) &&',
      },
    ],
  },
  {
    name: 'snapshot-first',
    rule: 'nothing of a task begins before the snapshot that undoes it',
    seed: 3,
    changes: [
      {
        file: 'roles/worker/task-snapshots.ts',
        from: 'deps.attempt.assignment.requires.includes(SNAPSHOTS) && deps.current().steps.length === 0;',
        to: '!deps.attempt.assignment.requires.includes(SNAPSHOTS) && deps.current().steps.length === 0;',
      },
    ],
  },
  {
    name: 'requirements-kept',
    rule: 'what a mission requires of its workers is required by each of its tasks',
    seed: 1,
    changes: [
      {
        file: 'domain/mission-decide.ts',
        from: 'if (!request.requires.includes(SNAPSHOTS)) return [];',
        to: 'if (request.requires.length >= 0) return [];',
      },
    ],
  },
  {
    name: 'requests-wait',
    rule: 'what is asked of a guarded mission waits until its holder has accepted it',
    seed: 41,
    changes: [
      {
        file: 'domain/mission-requests.ts',
        from: 'if (!mission.guarded) return false;',
        to: 'if (mission.guarded !== null) return false;',
      },
    ],
  },
  {
    name: 'workspace-open',
    rule: 'a mission does not begin in a workspace that an open mission uses',
    seed: 220,
    faults: ['again', 'cancel', 'stall', 'tools', 'move', 'crash', 'delay'],
    changes: [
      {
        file: 'domain/continuation.ts',
        from: 'if (workspaceOf(other.request) === root && isOpen(other))',
        to: "if (workspaceOf(other.request) === root && isOpen(other) && other.id === '')",
      },
    ],
  },
  {
    name: 'workspace-used-since',
    rule: 'a mission does not begin if its workspace was used after the log was read for its request',
    seed: 102,
    faults: ['again', 'cancel', 'stall', 'tools', 'move', 'crash', 'delay'],
    changes: [
      {
        file: 'domain/continuation.ts',
        from: 'return lastEnd(state, root) >= continues.as_of ? stale : null;',
        to: 'return lastEnd(state, root) < 0 ? stale : null;',
      },
    ],
  },
  {
    name: 'attempts-continue',
    rule: 'attempts of a task are numbered on in the missions of a workspace',
    seed: 270,
    faults: ['again', 'cancel', 'stall', 'tools', 'move', 'crash', 'delay'],
    changes: [
      {
        file: 'domain/mission-planning.ts',
        from: 'attempt: before?.attempts ?? 0,',
        to: 'attempt: 0,',
      },
    ],
  },
  {
    name: 'fence-before-begin',
    rule: 'a mission begins nothing before what may still run in its workspace has ended',
    seed: 1393,
    faults: ['again', 'cancel', 'crash', 'tools'],
    changes: [
      {
        file: 'domain/mission-decide.ts',
        from: 'if (mission.index.fences.size > 0) return decideFences(mission, context);',
        to: 'if (mission.index.fences.size < 0) return decideFences(mission, context);',
      },
    ],
  },
  {
    name: 'fence-partition',
    rule: 'a task keeps its partition in the missions of a workspace: its fence is made of the claims there',
    seed: 28,
    faults: ['again', 'cancel', 'crash', 'tools', 'move'],
    changes: [
      {
        file: 'domain/mission-planning.ts',
        from: 'targetPartition: before?.target_partition ?? null,',
        to: 'targetPartition: null,',
      },
    ],
  },
  {
    name: 'fence-replaced',
    rule: 'what may still run of a task that a changed plan replaces is ended before anything of that plan begins',
    seed: 73,
    changes: [
      {
        file: 'domain/mission-planning.ts',
        from: 'if (task.mayRun || task.fence)',
        to: 'if (task.fence)',
      },
    ],
  },
  {
    name: 'fence-not-taken',
    rule: 'a result that may be from before the fence ends nothing of an earlier attempt',
    seed: 381,
    changes: [
      {
        file: 'domain/mission-task.ts',
        from: 'if (result.fenced !== null) return !result.fenced;',
        to: 'if (result.fenced !== null) return false;',
      },
    ],
  },
  {
    name: 'spans-sent',
    rule: 'the replay point stays before an attempt whose spans are under way',
    seed: 49,
    changes: [
      {
        file: 'roles/worker/worker-partition.ts',
        from: ': taskReplayPoint(state, results.isAcknowledged, traces.isSettled),',
        to: ': taskReplayPoint(state, results.isAcknowledged),',
      },
    ],
  },
  {
    name: 'spans-sent-missions',
    rule: 'the same for a mission',
    seed: 233,
    changes: [
      {
        file: 'roles/orchestrator/mission-partition.ts',
        from: ': coordinationReplayPoint(state, effects.isAcknowledged, traces.isSettled),',
        to: ': coordinationReplayPoint(state, effects.isAcknowledged),',
      },
    ],
  },
  {
    name: 'span-of-open-call',
    rule: 'a call without an outcome ends with its attempt, in the trace too',
    seed: 6,
    changes: [
      {
        file: 'domain/task-spans.ts',
        from: 'return ended(attempt, event);',
        to: 'return [];',
      },
    ],
  },
  {
    name: 'daily-cap',
    rule: 'nothing that costs begins once the daily cap is reached',
    seed: 229,
    changes: [
      {
        file: 'domain/mission-waits.ts',
        from: 'if (cap === null) return null;',
        to: "if (cap === null || owner !== '') return null;",
      },
    ],
  },
  {
    name: 'start-doubles',
    rule: 'the start deadline doubles with each attempt that was not accepted in time',
    seed: 11,
    changes: [
      {
        file: 'domain/mission-timers.ts',
        from: 'return timings.acceptMs * 2 ** Math.min(attemptsWithoutRetry(task), MOST_ACCEPT_DOUBLINGS);',
        to: 'return timings.acceptMs;',
      },
    ],
  },
  {
    name: 'touched-task',
    rule: 'a record about a task starts, changes and ends its waits',
    seed: 8,
    changes: [
      {
        file: 'roles/orchestrator/touched-missions.ts',
        from: "? [payload.task_id] : 'all';",
        to: "? [] : 'all';",
      },
    ],
  },
  {
    name: 'waits-frozen',
    rule: 'what a task waits for does not run while its mission is paused',
    seed: 701,
    faults: ['steer', 'crash', 'tools', 'models'],
    changes: [
      {
        file: 'domain/mission-timers.ts',
        from: "isPaused(mission) || task.suspended !== 'no'",
        to: 'false',
      },
    ],
  },
  {
    name: 'fence-said',
    rule: 'a worker that has no fence when its attempt ends says so',
    seed: 1001,
    changes: [
      {
        file: 'roles/worker/task-steps.ts',
        from: 'hasFence: () => parts.hasFence,',
        to: 'hasFence: () => true,',
      },
    ],
  },
  {
    name: 'carried-checked',
    rule: 'a task that was verified in the mission before is checked before it runs again',
    seed: 77,
    changes: [
      {
        file: 'domain/mission-planning.ts',
        from: "before?.carried === true ? 'unchecked' : 'no'",
        to: "before?.carried === undefined ? 'no' : 'no'",
      },
    ],
  },
  {
    name: 'carried-held',
    rule: 'it does not run again where its checks pass',
    seed: 77,
    changes: [
      {
        file: 'domain/mission-task.ts',
        from: "return { ...ended, status, checks, carried: 'held' };",
        to: "return { ...ended, status: 'waiting', checks, carried: 'failed' };",
      },
    ],
  },
  {
    name: 'carried-failed',
    rule: 'nor where its checks could not run',
    seed: 77,
    faults: ['again', 'revise', 'tools', 'crash'],
    changes: [
      {
        file: 'domain/mission-task.ts',
        from: "if (task.carried === 'unchecked' && result.code === 'checks' && result.checks.some(hasFailed))",
        to: "if (task.carried === 'unchecked' && (result.code !== 'checks' || result.checks.some(hasFailed)))",
      },
    ],
  },
  {
    name: 'use-said',
    rule: 'a share of a limit that is used is said before the mission ends',
    seed: 6,
    changes: [
      {
        file: 'domain/budget-use.ts',
        from: 'if (percent <= saidOf(mission, budget)) return [];',
        to: 'if (percent <= 95) return [];',
      },
    ],
  },
  {
    name: 'use-by-time',
    rule: 'of timers that run out together in any order, the shares of the minutes are said before the end',
    seed: 1141,
    changes: [{ file: 'domain/budget-use.ts', from: ' || isExpired(timerKeys.minutes(mission.id))', to: '' }],
  },
  {
    name: 'use-taken-over',
    rule: 'a take-over does not repeat what was said of a used limit',
    seed: 96,
    changes: [
      {
        file: 'domain/mission-evolve.ts',
        from: "if (!isOpen(mission) || mission.planning.kind !== 'requested') continue;",
        to: "mission.budgetUse = new Map();\nif (!isOpen(mission) || mission.planning.kind !== 'requested') continue;",
      },
    ],
  },
];
