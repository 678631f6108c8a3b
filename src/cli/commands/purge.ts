import type { Command } from 'commander';
import type { Choose } from '../registration.js';

const HELP = `
Removes the topics and consumer groups of the swarm with this --prefix, with all its missions and results. It shows
them, and asks. It refuses while a process is in one of the groups. Topics of another swarm stay, also where their names
begin in the same way. Subjects of the schema registry stay: they have no prefix, and other swarms use the same ones.

With --subjects those of this build's events are shown and removed, too (a soft delete). It refuses while another swarm
has topics on these brokers; swarms on other brokers that use the same registry it cannot see.

Examples:
  ravenhelm purge --prefix test.squad
  ravenhelm purge --prefix test.squad --yes --json
  ravenhelm purge --prefix test.squad --subjects
`;

interface Flags {
  readonly yes: boolean;
  readonly subjects: boolean;
}

export function register(program: Command, choose: Choose): void {
  program
    .command('purge')
    .description("remove a swarm's topics and groups, and all that is in them; --prefix says which swarm's")
    .option('--yes', 'do not ask', false)
    .option(
      '--subjects',
      "remove the registry's subjects of all events, too; refused while another swarm is there",
      false,
    )
    .addHelpText('after', HELP)
    .action(({ yes, subjects }: Flags, command: Command) =>
      choose(command, async (context) => (await import('../actions/purge.js')).purgeSwarm(context, { yes, subjects })),
    );
}
