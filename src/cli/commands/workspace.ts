import type { Command } from 'commander';
import { ageArgument } from '../age-argument.js';
import type { Choose } from '../registration.js';

interface Flags {
  readonly olderThan?: number;
  readonly dryRun: boolean;
  readonly workspace?: string;
}

const EXAMPLES = `
Without --older-than: the workspaces of missions that have ended. With it: those that were not used for so long, also of
missions that the log does not have; then it works without a broker. Workspaces of open missions and those in which a
step runs stay. With a workspace its snapshots are removed. Directories of run --workspace are never removed: here
--workspace removes the snapshots in such a directory, by the same rules; diff and restore then have none of them.

Examples:
  ravenhelm workspace prune --dry-run
  ravenhelm workspace prune --older-than 7d
  ravenhelm workspace prune --workspace ~/project --older-than 30d
`;

export function register(program: Command, choose: Choose): void {
  program
    .command('workspace')
    .description("the missions' workspaces below WORKSPACE_ROOT")
    .command('prune')
    .description('remove workspaces that no mission needs, and say how much that frees')
    .option('--older-than <age>', 'only those that were not used for so long, such as 12h or 7d', ageArgument)
    .option('--dry-run', 'say what would be removed, and remove nothing', false)
    .option('--workspace <dir>', 'only snapshots, of missions that had this directory')
    .addHelpText('after', EXAMPLES)
    .action(({ olderThan, dryRun, workspace }: Flags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/workspace.js')).pruneWorkspace(context, {
          olderThanMs: olderThan ?? null,
          dryRun,
          workspace: workspace ?? null,
        }),
      ),
    );
}
