import type { Command } from 'commander';
import type { Choose } from '../registration.js';

const load = () => import('../actions/approvals.js');

export function register(program: Command, choose: Choose): void {
  const approvals = program
    .command('approvals')
    .description('calls that wait for a person, because the policy asks; ravenhelm approve and reject answer them');
  approvals
    .command('list')
    .description('list the calls that wait, oldest first')
    .action((_flags: object, command: Command) =>
      choose(command, async (context) => (await load()).listCalls(context)),
    );
  approvals
    .command('show')
    .argument('<id>', 'an id of the list (a part that is unique is enough), or a mission whose plan waits')
    .description('show what an answer is bound to: the exact call, its rule and until when it waits, or the exact plan')
    .action((id: string, _flags: object, command: Command) =>
      choose(command, async (context) => (await load()).showWaiting(context, id)),
    );
}
