import { recoverReplayPoint, type FoldKind } from '../../domain/replay-recovery.js';
import type { GroupMember, PartitionAssignment, PartitionConsumer, PartitionId } from '../../ports/log.js';
import { CliError, wrongUse } from '../cli-error.js';
import { withClient, type ClientSession } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { createDeferred, orAborted } from '../deferred.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { readRoster } from '../mission-source.js';

export interface RecoverOptions extends PartitionId {
  /** The person knows that what was in the deleted records is lost. */
  readonly acceptLoss: boolean;
}

/** The group hands a partition that its members have given up to a new one at once; a running member keeps its own. */
const ASSIGNED_WITHIN_MS = 60_000;

/** Goes on with a partition whose records were deleted before they were done: commits where the log begins now. */
export async function recoverPartition(context: CommandContext, options: RecoverOptions): Promise<ExitCode> {
  const { kind, groupId } = await foldOf(context, options.topic);
  return withClient(context, async (session) => {
    const { member, assignment } = await takePartition(context, session, groupId, options);
    const place = `${options.topic}/${options.partition}`;
    const recovery = recoverReplayPoint(kind, assignment);
    if (recovery === null) throw wrongUse(`the replay point of ${place} is sound: nothing is to be recovered`, 'Start the processes that serve it.');
    if (!options.acceptLoss) throw wrongUse(recovery.loss, `To go on without what is lost: ravenhelm recover ${options.topic} ${options.partition} --accept-loss`);
    await member.commit([{ topic: options.topic, partition: options.partition, ...recovery.point }]);
    if (context.json) context.print({ topic: options.topic, partition: options.partition, offset: recovery.point.offset, loss: recovery.loss });
    else context.say(`${place} goes on at offset ${recovery.point.offset}; what was open below it is lost, and its missions end by their time limits. Start the processes that serve it.`);
    return EXIT.done;
  });
}

async function foldOf(context: CommandContext, topic: string): Promise<{ readonly kind: FoldKind; readonly groupId: string }> {
  const { topics } = context;
  if (topic === topics.coordination) return { kind: 'coordination', groupId: topics.orchestratorGroup };
  const { names } = await readRoster(context);
  const agent = names.find((name) => topics.tasks(name) === topic);
  if (agent === undefined) throw wrongUse(`${topic} is no topic that a role folds`, `Those are: ${[topics.coordination, ...names.map(topics.tasks)].join(', ')}`);
  return { kind: 'tasks', groupId: topics.workerGroup(agent) };
}

/** Joins the group until it gives the partition to this process; a role that still holds it must be stopped first. */
async function takePartition({ host }: CommandContext, session: ClientSession, groupId: string, { topic, partition }: PartitionId): Promise<{ readonly member: GroupMember; readonly assignment: PartitionAssignment }> {
  if (partition >= (await session.log.admin.partitionCount(topic))) throw wrongUse(`${topic} has no partition ${partition}`);
  const given = createDeferred<PartitionAssignment>();
  const held = new CliError('partition_held', EXIT.usage, `${topic}/${partition} is held by a running process of group ${groupId}`, 'Stop the processes that serve it, then try again.');
  const member = await orAborted(session.log.joinGroup({
    groupId, topics: [topic],
    open(assignment) {
      if (assignment.partition === partition) given.resolve(assignment);
      return NOBODY;
    },
    onFatal: given.reject,
  }), host.interruption);
  session.onEnd('the group', () => member.leave());
  const timer = host.clock.setTimer(ASSIGNED_WITHIN_MS, () => given.reject(held));
  try {
    return { member, assignment: await orAborted(given.promise, host.interruption) };
  } finally {
    timer.cancel();
  }
}

/** Reads on without doing anything with it. */
const NOBODY: PartitionConsumer = { onRecords() {}, onBlocked() {}, onUnblocked() {}, onClosed() {} };
