import type { Command } from 'commander';
import type { Choose } from '../registration.js';

const HELP = `
Removes the topics and consumer groups of the swarm with this --prefix, with all its missions and results. It shows
them, and asks. It refuses while a process is in one of the groups. Topics of another swarm stay, also where their names
begin in the same way. Subjects of the schema registry stay: they have no prefix, and other swarms use the same ones.

Examples:
  ravenhelm purge --prefix test.squad
  ravenhelm purge --prefix test.squad --yes --json
`;

export function register(program: Command, choose: Choose): void {
  program
    .command('purge')
    .description("remove a swarm's topics and groups, and all that is in them; --prefix says which swarm's")
    .option('--yes', 'do not ask', false)
    .addHelpText('after', HELP)
    .action(({ yes }: { readonly yes: boolean }, command: Command) =>
      choose(command, async (context) => (await import('../actions/purge.js')).purgeSwarm(context, yes)),
    );
}
