import { InvalidArgumentError, type Command } from 'commander';
import type { Choose } from '../registration.js';

interface Flags {
  readonly olderThan?: number;
  readonly dryRun: boolean;
}

const EXAMPLES = `
Without --older-than: the workspaces of missions that have ended. With it: those that were not used for so long, also of
missions that the log does not have; then it works without a broker. Workspaces of open missions and those in which a
step runs stay. Directories of --workspace are never removed.

Examples:
  ravenhelm workspace prune --dry-run
  ravenhelm workspace prune --older-than 7d
`;

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export function register(program: Command, choose: Choose): void {
  program
    .command('workspace')
    .description("the missions' workspaces below WORKSPACE_ROOT")
    .command('prune')
    .description('remove workspaces that no mission needs, and say how much that frees')
    .option('--older-than <age>', 'only those that were not used for so long, such as 12h or 7d', ageArgument)
    .option('--dry-run', 'say what would be removed, and remove nothing', false)
    .addHelpText('after', EXAMPLES)
    .action(({ olderThan, dryRun }: Flags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/workspace.js')).pruneWorkspace(context, { olderThanMs: olderThan ?? null, dryRun }),
      ),
    );
}

/** Milliseconds. At most four digits: 9999d are 27 years. */
function ageArgument(text: string): number {
  const [, number, unit] = /^(\d{1,4})([mhd])$/.exec(text) ?? [];
  if (number === undefined || (unit !== 'm' && unit !== 'h' && unit !== 'd'))
    throw new InvalidArgumentError('It must be a number of minutes, hours or days, such as 90m, 12h or 7d.');
  return Number(number) * UNIT_MS[unit];
}
