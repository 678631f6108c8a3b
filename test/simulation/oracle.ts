/** Sees every record as it is written, every start and every commit, and says which promise was broken first. */
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import { workspaceOf } from '../../src/domain/continuation.js';
import { attemptKey } from '../../src/domain/partitioning.js';
import type { AgentEvent, EventOf, PayloadOf } from '../../src/domain/events.js';
import type { Span } from '../../src/domain/spans.js';
import type { FoldRecord } from '../../src/domain/record.js';
import type { TopicNames } from '../../src/domain/topic-names.js';
import type { AppendRequest, CommittedOffset, LogRecord, PartitionId, RecordCopy } from '../../src/ports/log.js';
import type { TokenCost, TurnContext } from '../../src/ports/model.js';
import { createAskOracle } from './ask-oracle.js';
import type { SimCap } from './cap-oracle.js';
import { createMissionOracle, type MissionOracle } from './mission-oracle.js';
import type { TaskPlace } from '../../src/ports/tools.js';
import type { SimProcess } from './sim-process.js';
import type { Start } from './sim-tools.js';
import { createPauseOracle } from './pause-oracle.js';
import { isSame } from './same.js';
import { createSkipOracle } from './skip-oracle.js';
import { createSpanOracle } from './span-oracle.js';
import { createSpendingOracle } from './spending-oracle.js';
import { createStartOracle } from './start-oracle.js';
import { createTaintOracle } from './taint-oracle.js';
import { createTaskOracle, type TaskOracle } from './task-oracle.js';
import { findUnfinished } from './unfinished.js';
import { Violation, type Invariant } from './violation.js';

export interface Oracle {
  /** By partition. */
  missions(): readonly MissionOracle[];
  /** The coordination topic was recreated, and the missions in the old one are lost. */
  forgetMissions(): void;
  violation(): Violation | null;
  report(invariant: Invariant, detail: string): void;
  onWritten(record: LogRecord): void;
  onDelivered(process: SimProcess, partition: PartitionId, nextOffset: number): void;
  /** A process starts. @param agents what it finds of them */
  onStarted(process: SimProcess, agents: readonly AgentSpec[]): void;
  onStart(start: Start): void;
  onEnd(start: Start): void;
  onSecondStart(start: Start): void;
  onCommit(partition: PartitionId, committed: CommittedOffset): void;
  onDeadLetter(letter: RecordCopy): void;
  /** The log has refused a record for good. */
  onRefused(request: AppendRequest): void;
  /** Records below an offset are about to be deleted. */
  onDelete(partition: PartitionId, beforeOffset: number, committed: CommittedOffset | null): void;
  onSpent(missionId: string, cost: TokenCost): void;
  /** A process has sent a span. */
  onSpan(span: Span): void;
  onTold(process: SimProcess, turn: TurnContext): void;
  /** A model is asked for a step. @param chain names of the agent's models */
  onAsked(model: string, chain: readonly string[], turn: TurnContext): void;
  onSnapshot(task: TaskPlace): void;
  /** A baseline starts. */
  onBaseline(process: SimProcess, task: TaskPlace): void;
  /** What is not at its end yet; null when everything is. */
  unfinished(requested: readonly string[], committedOf: (id: PartitionId) => CommittedOffset | null): Violation | null;
  checkEnd(committedOf: (id: PartitionId) => CommittedOffset | null): void;
}

export interface OracleOptions {
  readonly topics: TopicNames;
  readonly coordinationPartitions: number;
  /** Topics of tasks, and the partitions that they may ever have. */
  readonly taskTopics: readonly string[];
  readonly taskPartitions: number;
  /** Whether the workers' policy is sim-policy.ts. */
  readonly asksPeople: boolean;
  /** Whether the swarm has operators. */
  readonly signs: boolean;
  /** Whether orchestrators see each record within a second. */
  readonly isPrompt: boolean;
  readonly cap: SimCap | null;
  /** Agents that reach hosts on the network. */
  readonly reaching: readonly string[];
  /** Whether a process may lack an agent: what that agent reaches is not known then, and counts as strangers'. */
  readonly lacksAgents: boolean;
}

const idOf = ({ topic, partition }: PartitionId) => `${topic}[${partition}]`;

/** Whether the event is the call of its attempt's step that counts. */
const isCallOf = ({ state }: TaskOracle, event: AgentEvent): boolean =>
  event.event_type === 'tool_called' &&
  state.attempts.get(attemptKey(event.payload))?.steps[event.payload.step - 1]?.callId === event.event_id;

export function createOracle(options: OracleOptions): Oracle {
  const { topics, coordinationPartitions, taskTopics, taskPartitions, asksPeople, reaching, lacksAgents } = options;
  const wholeTopic = () =>
    Array.from({ length: coordinationPartitions }, (_, partition) => createMissionOracle(partition, options));
  let missions = wholeTopic();
  /** Oracles of topics that were lost. */
  const lost: MissionOracle[] = [];
  const tasks = new Map<string, TaskOracle & PartitionId>();
  for (const topic of taskTopics) {
    for (let partition = 0; partition < taskPartitions; partition++)
      tasks.set(idOf({ topic, partition }), { ...createTaskOracle(idOf({ topic, partition })), topic, partition });
  }
  /** Where each attempt was taken. */
  const takenAt = new Map<string, TaskOracle & PartitionId>();
  /** Results that reached their missions' partitions. */
  const delivered = new Map<string, string>();
  const carriedOut = new Set<string>();
  const skipped = createSkipOracle();
  /** Attempts of which some record was too large. */
  const refused = new Set<string>();
  /** First offset that each partition still holds, where records were deleted. */
  const logStarts = new Map<string, number>();
  const spans = createSpanOracle();
  const asked = createAskOracle();
  const taint = createTaintOracle(reaching, reaching.length > 0 || lacksAgents);
  const paused = createPauseOracle();
  /** Assignments by the workspace that their attempts use: an attempt's number is the only one of its task there. */
  const assignedIn = new Map<string, PayloadOf<'task_assigned'>>();
  /** The partition of a task's attempts, whose claims its fence is made of. */
  const fencedBy = new Map<string, string>();
  const assignmentOf = ({ missionId, taskId, attempt }: TaskPlace) =>
    assignedIn.get(`${missionId}/${taskId}/${attempt}`);
  const missionOf = (task: TaskPlace) => assignmentOf(task)?.mission_id ?? task.missionId;
  const starts = createStartOracle((key) => takenAt.get(key), assignmentOf);
  const spending = createSpendingOracle(
    (id) => missions.flatMap((oracle) => oracle.state.missions.get(id) ?? [])[0]?.budget,
  );
  let violation: Violation | null = null;

  /** A promise is never broken by throwing: the code under test would handle it. */
  function looking(work: () => void): void {
    if (violation !== null) return;
    try {
      work();
    } catch (error) {
      violation =
        error instanceof Violation
          ? error
          : new Violation(
              'folds-equal',
              `the oracle itself failed: ${error instanceof Error ? error.stack : String(error)}`,
            );
    }
  }

  const isDelivered = (key: string) => delivered.has(key);
  /** A source's place: the log's epoch tells a topic from the one before it. */
  const placeOf = (epoch: string | null, partition: number, offset: number) => `${epoch}/${partition}:${offset}`;
  const isCarriedOut =
    ({ partition, state }: MissionOracle) =>
    (effect: { readonly offset: number }) =>
      carriedOut.has(placeOf(state.epoch, partition, effect.offset));

  function taskWritten(oracle: TaskOracle & PartitionId, record: FoldRecord): void {
    const { event } = record;
    const known = event.event_type === 'task_assigned' ? oracle.state.attempts.has(attemptKey(event.payload)) : true;
    const countsBefore = isCallOf(oracle, event);
    const isResult = event.event_type === 'task_completed' || event.event_type === 'task_failed';
    const wasOpen = isResult && oracle.state.attempts.get(attemptKey(event.payload))?.status === 'open';
    oracle.onWritten(record);
    if (isResult && wasOpen) resultWritten(oracle, event);
    if (event.event_type === 'call_decided' || event.event_type === 'task_suspended') {
      const attempt = oracle.state.attempts.get(attemptKey(event.payload));
      paused.onWritten(oracle, record, (attempt?.suspendedSinceMs ?? null) !== null);
      return decidedWritten(event.payload);
    }
    if (event.event_type === 'tool_called') {
      const attempt = oracle.state.attempts.get(attemptKey(event.payload));
      // A second copy of a record is no second call.
      if (attempt !== undefined && !countsBefore && isCallOf(oracle, event)) taint.onCalled(event, attempt);
    }
    if (event.event_type !== 'task_assigned' && event.event_type !== 'task_cancelled') return;
    const { source } = event.payload;
    const key = attemptKey(event.payload);
    const place = placeOf(source?.epoch ?? null, source?.partition ?? -1, source?.offset ?? -1);
    // Decisions of a partition come in their order, so the first arrival of each is above the mark.
    const isIgnored = event.event_type === 'task_assigned' && !oracle.state.attempts.has(key) && !carriedOut.has(place);
    if (isIgnored)
      throw new Violation('decision-carried-out', `${key} from ${place} has reached its partition and is ignored`);
    carriedOut.add(place);
    if (known || !oracle.state.attempts.has(key)) return;
    if (takenAt.has(key)) throw new Violation('taken-once', `${key} is taken a second time`);
    takenAt.set(key, oracle);
    if (event.event_type === 'task_assigned') {
      const { task_id, attempt } = event.payload;
      const task = `${workspaceOf(event.payload)}/${task_id}`;
      assignedIn.set(`${task}/${attempt}`, event.payload);
      const before = fencedBy.get(task) ?? idOf(oracle);
      if (before !== idOf(oracle))
        throw new Violation('one-partition', `${task}/${attempt} is in ${idOf(oracle)}, and was in ${before}`);
      fencedBy.set(task, before);
    }
    const isDecided = [...lost, ...missions].some(({ partition, state, effects }) => {
      if (source === null || partition !== source.partition || state.epoch !== source.epoch) return false;
      const decision = effects.get(source.offset);
      return decision !== undefined && attemptKey(decision.event.payload) === key;
    });
    if (!isDecided)
      throw new Violation(
        'taken-once',
        `${key} was never decided at ${source?.epoch}/${source?.partition}:${source?.offset}`,
      );
  }

  /** @param oracle after the fold */
  function resultWritten(oracle: TaskOracle, { payload }: EventOf<'task_completed' | 'task_failed'>): void {
    const attempt = oracle.state.attempts.get(attemptKey(payload));
    if (attempt === undefined || attempt.result === null || ('fenced' in payload && payload.fenced !== true)) return;
    const { task_id: taskId, attempt: number } = payload;
    starts.onFenced(
      { missionId: workspaceOf(attempt.assignment), taskId, attempt: number },
      oracle.state.holder?.claimOffset ?? 0,
    );
  }

  function decidedWritten({ source }: Pick<PayloadOf<'call_decided'>, 'source'>): void {
    if (source !== null) carriedOut.add(placeOf(source.epoch, source.partition, source.offset));
  }

  function missionWritten(oracle: MissionOracle, record: FoldRecord): void {
    oracle.onWritten(record);
    const { event } = record;
    if (event.event_type !== 'task_completed' && event.event_type !== 'task_failed') return;
    const key = attemptKey(event.payload);
    delivered.set(key, event.event_type);
    if (event.event_type === 'task_failed' && event.payload.code === 'too_large' && refused.has(key)) return;
    const result = takenAt.get(key)?.state.attempts.get(key)?.result ?? null;
    if (!isSame(result?.payload ?? null, event.payload)) {
      throw new Violation(
        'result-is-the-journals',
        `${key}: the mission receives ${event.event_type}, the journal has ` +
          `${result === null ? 'no result' : JSON.stringify(result)}`,
      );
    }
  }

  function unfinished(
    requested: readonly string[],
    committedOf: (id: PartitionId) => CommittedOffset | null,
  ): Violation | null {
    const standing = {
      requested,
      committedOf,
      isDelivered,
      isCarriedOut: (oracle: MissionOracle, effect: { readonly offset: number }) => isCarriedOut(oracle)(effect),
      missions: missions.map((oracle) => ({ ...oracle, topic: topics.coordination })),
      tasks: [...tasks.values()],
    };
    return (
      findUnfinished(standing) ??
      skipped.unfinished() ??
      spans.unfinished({ missions, lost, tasks: [...tasks.values()] })
    );
  }

  const checkMissionCommit = (oracle: MissionOracle | undefined, committed: CommittedOffset) =>
    oracle?.checkCommit(committed, isCarriedOut(oracle));

  return {
    missions: () => missions,
    forgetMissions() {
      lost.push(...missions);
      skipped.forget(topics.coordination);
      for (let partition = 0; partition < coordinationPartitions; partition++)
        logStarts.delete(idOf({ topic: topics.coordination, partition }));
      missions = wholeTopic();
    },
    unfinished,
    violation: () => violation,
    report: (invariant, detail) =>
      looking(() => {
        throw new Violation(invariant, detail);
      }),
    onWritten(record) {
      const { content, topic, partition, offset, timestampMs } = record;
      const task = tasks.get(idOf(record));
      const mission = topic === topics.coordination ? missions[partition] : undefined;
      looking(() => {
        if (task !== undefined || mission !== undefined)
          skipped.onWritten(record, task === undefined ? 'coordination' : 'tasks');
        if (content.kind === 'poison') return (task ?? mission)?.onPoison();
        const folded = { offset, timestampMs, event: content.event };
        asked.onWritten(folded);
        if (task !== undefined) taskWritten(task, folded);
        if (mission !== undefined) missionWritten(mission, folded);
      });
    },
    onStarted: starts.onStarted,
    onDelivered(process, id, nextOffset) {
      starts.onDelivered(process, id, nextOffset);
      paused.onDelivered(process, id, nextOffset);
    },
    onStart: (start) =>
      looking(() => {
        starts.onStart(start);
        const { taskId, attempt } = start.call.task;
        const key = `${missionOf(start.call.task)}/${taskId}/${attempt}`;
        const running = takenAt.get(key)?.state.attempts.get(key);
        if (running !== undefined) taint.onStart(running);
        if (asksPeople) asked.checkStart(start.call, running);
      }),
    onEnd: starts.onEnd,
    onSecondStart: ({ call }) =>
      looking(() => {
        throw new Violation(
          'starts-once',
          `${call.task.taskId}/${call.task.attempt}#${call.step} would start again but for its start mark`,
        );
      }),
    onCommit: (id, committed) =>
      looking(() => {
        skipped.checkCommit(id, committed);
        const logStart = logStarts.get(idOf(id)) ?? 0;
        if (committed.offset < logStart)
          throw new Violation(
            'deleted-is-done',
            `${idOf(id)}: ${committed.offset} is committed, and the log begins at ${logStart}`,
          );
        tasks.get(idOf(id))?.checkCommit(committed, isDelivered);
        if (id.topic === topics.coordination) checkMissionCommit(missions[id.partition], committed);
      }),
    onDeadLetter: ({ record }) => skipped.onDeadLetter(record),
    onRefused({ event }) {
      if (event.event_type === 'call_decided' || event.event_type === 'task_suspended')
        return decidedWritten(event.payload);
      if (
        event.event_type !== 'call_proposed' &&
        event.event_type !== 'tool_called' &&
        event.event_type !== 'task_completed' &&
        event.event_type !== 'task_assigned'
      )
        return;
      refused.add(attemptKey(event.payload));
      // A record that cannot reach its partition is reported to its mission instead.
      if (event.event_type === 'task_assigned' && event.payload.source !== null)
        carriedOut.add(
          placeOf(event.payload.source.epoch, event.payload.source.partition, event.payload.source.offset),
        );
    },
    onDelete: (id, beforeOffset, committed) =>
      looking(() => {
        if (committed === null || committed.offset < beforeOffset)
          throw new Violation(
            'deleted-is-done',
            `${idOf(id)} is deleted below ${beforeOffset}, and a replay starts at ` +
              `${committed?.offset ?? 'the beginning'}`,
          );
        logStarts.set(idOf(id), Math.max(beforeOffset, logStarts.get(idOf(id)) ?? 0));
      }),
    onSpent: (missionId, cost) => looking(() => spending.onSpent(missionId, cost)),
    onSpan: (span) => looking(() => spans.onReceived(span)),
    onAsked: (model, chain, turn) => looking(() => checkBegin(model, chain, turn)),
    onSnapshot: starts.onSnapshot,
    onBaseline: (process, task) => looking(() => starts.onBaseline(process, task)),
    onTold(process, turn) {
      const { task, steps } = turn;
      const key = attemptKey(task);
      looking(() => {
        takenAt.get(key)?.onTold(process, key, steps);
        paused.onTold(process, turn);
      });
    },
    checkEnd: (committedOf) =>
      looking(() => {
        for (const oracle of tasks.values()) oracle.checkFolds(committedOf(oracle));
        for (const oracle of missions)
          oracle.checkFolds(committedOf({ topic: topics.coordination, partition: oracle.partition }));
      }),
  };
}

/** At its first step an attempt does not ask the model that has used up an earlier one, unless no other is left. */
function checkBegin(model: string, chain: readonly string[], { task, playbook, steps }: TurnContext): void {
  if (steps.length > 0 || task.used_up_by !== model) return;
  const behind = chain.slice(chain.indexOf(model) + 1).filter((name) => name !== 'playbook' || playbook !== null);
  if (behind.length > 0)
    throw new Violation('begins-behind', `${attemptKey(task)} asks ${model}, and ${behind.join(', ')} is behind it`);
}
