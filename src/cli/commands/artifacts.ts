import type { Command } from 'commander';
import { MISSION_WORDS, type Choose } from '../registration.js';

interface Flags {
  readonly to?: string;
  readonly force: boolean;
}

const HELP = `
A task's artifacts are the files that its artifacts patterns in the mission file matched when its last attempt ended.
Copies are written to DIR/TASK/PATH, and each is verified. A file is read from the volume where this computer sees it,
else from a worker that serves it over HTTP (RAVENHELM_HTTP), to which the request is signed with RAVENHELM_HTTP_TOKEN.
Where neither has it, its host and path are named. Exit code 1: a file has changed or was removed since; 2: another file
is there, or a right is missing; 3: no worker that can be reached has a file.

Examples:
  ravenhelm artifacts last
  ravenhelm artifacts last --to out
`;

export function register(program: Command, choose: Choose): void {
  program
    .command('artifacts')
    .argument('<mission>', MISSION_WORDS)
    .description('list the files that the tasks of a mission have left, or copy them')
    .option('--to <dir>', 'copy them to this directory')
    .option('--force', 'replace other files that are there', false)
    .addHelpText('after', HELP)
    .action((mission: string, { to, force }: Flags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/artifacts.js')).showArtifacts(context, { mission, to: to ?? null, force }),
      ),
    );
}
