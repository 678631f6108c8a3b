import { openPurge, openSubjects } from '../../swarm/purge.js';
import type { RegistrySubjects, SwarmPurge, SwarmRemains } from '../../ports/swarm-purge.js';
import { CliError, wrongUse } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { openClientAccess, refuseMemoryLog } from '../open-log.js';

export interface PurgeOptions {
  readonly yes: boolean;
  /** Whether the subjects of the schema registry go, too. */
  readonly subjects: boolean;
}

/** What is there of a swarm. */
interface Found extends SwarmRemains {
  /** Of the schema registry; null: they stay. */
  readonly subjects: readonly string[] | null;
}

/** Shows what a swarm has on the brokers, asks, and removes it. */
export async function purgeSwarm(context: CommandContext, options: PurgeOptions): Promise<ExitCode> {
  refuseMemoryLog(context, 'the in-memory log is gone with its process: there is nothing to remove');
  const { prefix } = context.swarm.topics;
  if (context.config.origins.find(({ name }) => name === 'RAVENHELM_PREFIX')?.source !== 'flag')
    throw wrongUse('purge removes a whole swarm, which the command itself must name', 'Add --prefix and its prefix.');
  const { access: purge, brokers, cluster } = await openClientAccess(context, openPurge);
  try {
    const registry = options.subjects ? await openSubjects(context.swarm, cluster.entry, cluster) : null;
    const find = async (): Promise<Found> => ({
      ...(await purge.find()),
      subjects: registry === null ? null : await registry.find(),
    });
    const found = await find();
    show(context, found, `at ${brokers.join(', ')}`, cluster.registryUrl);
    let removed = found;
    if (namesOf(found).length > 0) {
      refuseUsed(found);
      await confirm(context, prefix, options.yes);
      removed = unchanged(found, await find());
      await remove(context, purge, registry, removed);
    }
    const { topics, groups, left, subjects } = removed;
    if (context.json) context.print({ prefix, topics, groups, left, ...(subjects === null ? {} : { subjects }) });
    return EXIT.done;
  } finally {
    await purge.close();
  }
}

const namesOf = ({ topics, groups, subjects }: Found): readonly string[] => [...topics, ...groups, ...(subjects ?? [])];

/** Subjects last: what is left of the swarm, if this fails, stays readable. */
async function remove(
  { host, say }: CommandContext,
  purge: SwarmPurge,
  registry: RegistrySubjects | null,
  found: Found,
): Promise<void> {
  const removed: string[] = [];
  const note = (name: string) => void removed.push(name);
  try {
    await purge.remove(found, note);
    await registry?.remove(found.subjects ?? [], note);
  } catch (error) {
    if (removed.length > 0) host.stderr.write(`removed before that: ${removed.join(', ')}\n`);
    throw error;
  }
  const subjects = found.subjects === null ? '' : `, ${found.subjects.length} subjects`;
  say(`removed: ${found.topics.length} topics, ${found.groups.length} groups${subjects}`);
}

function show({ say, swarm }: CommandContext, found: Found, where: string, registryUrl: string): void {
  const { prefix } = swarm.topics;
  const { topics, groups, left, subjects } = found;
  for (const topic of left) say(`${topic} stays: it is a topic of another swarm`);
  if (namesOf(found).length === 0) return say(`nothing of the swarm ${prefix} is ${where}`);
  say(`The swarm ${prefix} ${where} has:`);
  for (const topic of topics) say(`  topic ${topic}`);
  for (const group of groups) say(`  group ${group}`);
  if (subjects === null)
    return say('  in the schema registry: subjects without a prefix, which other swarms use, too; they stay');
  for (const subject of subjects) say(`  subject ${subject} of the registry at ${registryUrl}`);
}

/** What is removed is what was shown: a swarm may have been started, or have got an agent, since then. */
function unchanged(shown: Found, now: Found): Found {
  refuseUsed(now);
  const seen = new Set(namesOf(shown));
  const more = namesOf(now).filter((name) => !seen.has(name));
  if (more.length === 0) return now;
  throw new CliError(
    'swarm_in_use',
    EXIT.usage,
    `nothing was removed, because there is more now than was shown: ${more.join(', ')}`,
    'Look for what has made it, then try again.',
  );
}

function refuseUsed({ members, subjects, others }: Found): void {
  if (members.length > 0) {
    const named = members.map(({ group, client, host }) => `${client} at ${host.replace(/^\//, '')} in ${group}`);
    throw new CliError(
      'swarm_in_use',
      EXIT.usage,
      `nothing was removed, because processes are in the swarm's groups: ${named.join('; ')}`,
      'Stop them, then try again. A process that was killed leaves its group after KAFKA_SESSION_TIMEOUT_MS.',
    );
  }
  if (subjects === null || others.length === 0) return;
  throw new CliError(
    'swarm_in_use',
    EXIT.usage,
    `nothing was removed, because other swarms on these brokers need the subjects: ${others.join(', ')}`,
    'Leave --subjects out, or purge those swarms first.',
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
