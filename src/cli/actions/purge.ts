import { openPurge } from '../../swarm/purge.js';
import type { SwarmRemains } from '../../ports/swarm-purge.js';
import { CliError, wrongUse } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { openClientAccess, refuseMemoryLog } from '../open-log.js';

/** Shows what a swarm has on the brokers, asks, and removes it. */
export async function purgeSwarm(context: CommandContext, yes: boolean): Promise<ExitCode> {
  refuseMemoryLog(context, 'the in-memory log is gone with its process: there is nothing to remove');
  const { prefix } = context.swarm.topics;
  if (context.config.origins.find(({ name }) => name === 'RAVENHELM_PREFIX')?.source !== 'flag')
    throw wrongUse('purge removes a whole swarm, which the command itself must name', 'Add --prefix and its prefix.');
  const { access: purge, brokers } = await openClientAccess(context, openPurge);
  try {
    let remains = await purge.find();
    const removed: string[] = [];
    const isEmpty = remains.topics.length + remains.groups.length === 0;
    show(context, remains, `at ${brokers.join(', ')}`);
    if (!isEmpty) {
      refuseMembers(remains);
      await confirm(context, prefix, yes);
      remains = unchanged(remains, await purge.find());
      await purge
        .remove(remains, (name) => void removed.push(name))
        .catch((error: unknown) => {
          if (removed.length > 0) context.host.stderr.write(`removed before that: ${removed.join(', ')}\n`);
          throw error;
        });
      context.say(`removed: ${remains.topics.length} topics, ${remains.groups.length} groups`);
    }
    if (context.json) context.print({ prefix, topics: remains.topics, groups: remains.groups, left: remains.left });
    return EXIT.done;
  } finally {
    await purge.close();
  }
}

function show({ say, swarm }: CommandContext, { topics, groups, left }: SwarmRemains, where: string): void {
  const { prefix } = swarm.topics;
  for (const topic of left) say(`${topic} stays: it is a topic of another swarm`);
  if (topics.length + groups.length === 0) return say(`nothing of the swarm ${prefix} is ${where}`);
  say(`The swarm ${prefix} ${where} has:`);
  for (const topic of topics) say(`  topic ${topic}`);
  for (const group of groups) say(`  group ${group}`);
  say('  in the schema registry: subjects without a prefix, which other swarms use, too; they stay');
}

/** What is removed is what was shown: a swarm may have been started, or have got an agent, since then. */
function unchanged(shown: SwarmRemains, now: SwarmRemains): SwarmRemains {
  refuseMembers(now);
  const seen = new Set([...shown.topics, ...shown.groups]);
  const more = [...now.topics, ...now.groups].filter((name) => !seen.has(name));
  if (more.length === 0) return now;
  throw new CliError(
    'swarm_in_use',
    EXIT.usage,
    `nothing was removed, because there is more now than was shown: ${more.join(', ')}`,
    'Look for what has made it, then try again.',
  );
}

function refuseMembers({ members }: SwarmRemains): void {
  if (members.length === 0) return;
  const named = members.map(({ group, client, host }) => `${client} at ${host.replace(/^\//, '')} in ${group}`);
  throw new CliError(
    'swarm_in_use',
    EXIT.usage,
    `nothing was removed, because processes are in the swarm's groups: ${named.join('; ')}`,
    'Stop them, then try again. A process that was killed leaves its group after KAFKA_SESSION_TIMEOUT_MS.',
  );
}

/** Throws CliError (exit 2) when the person does not confirm. */
async function confirm({ host, json }: CommandContext, prefix: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (host.ask === null || json)
    throw wrongUse('purge asks before it removes anything, and there is no terminal to ask at', 'Add --yes.');
  const reply = await host.ask(`Remove all of it, with every mission and result? Type the prefix (${prefix}): `);
  if (reply.trim() !== prefix) throw wrongUse('nothing was removed', null);
}
