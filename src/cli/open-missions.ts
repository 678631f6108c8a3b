import { clientCommand } from './client-command.js';
import type { CommandContext } from './context.js';
import type { MissionFeed } from '../client/mission-feed.js';
import { hasEnded } from '../domain/report.js';
import { oneLine } from './text-width.js';

/** More than so many are counted, not named. */
const MOST_NAMED = 5;

/** Missions of the log that have not ended, as a person reads them: count, and id (name) of each. */
interface OpenMissions {
  readonly count: number;
  readonly names: string;
}

/** What else the swarm on this log continues; null when there is nothing. The feed must have caught up. */
export function goingOnLine(context: CommandContext, feed: MissionFeed): string | null {
  const open = openMissions(context, feed);
  return open === null
    ? null
    : `continues ${counted(open.count, 'earlier mission')}, too: ${open.names}; ` +
        `stop one with ${clientCommand(context, 'cancel ID')}`;
}

/** What a process that ends leaves to the next one; null when there is nothing. */
export function leftOpenLine(context: CommandContext, feed: MissionFeed): string | null {
  const open = openMissions(context, feed);
  return open === null
    ? null
    : `${counted(open.count, 'other mission')} not ended: ${open.names}; ` +
        `the next swarm on this log continues, ${clientCommand(context, 'cancel ID')} stops one`;
}

function openMissions(context: CommandContext, feed: MissionFeed): OpenMissions | null {
  const open = feed.reports().filter(({ status }) => !hasEnded(status));
  if (open.length === 0) return null;
  const named = open.slice(-MOST_NAMED).map(({ mission_id: id, name }) => `${id} (${oneLine(name)})`);
  if (open.length > MOST_NAMED) named.push(`${open.length - MOST_NAMED} more, see ${clientCommand(context, 'status')}`);
  return { count: open.length, names: named.join(', ') };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
