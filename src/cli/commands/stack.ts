import type { Command } from 'commander';
import type { Choose } from '../registration.js';

const load = () => import('../actions/stack.js');

export function register(program: Command, choose: Choose): void {
  const stack = program.command('stack').description('the local broker and schema registry');
  stack
    .command('up')
    .description('start it, or find it running')
    .action((_flags: object, command: Command) => choose(command, async (context) => (await load()).stackUp(context)));
  stack
    .command('down')
    .description('stop it; its data is kept')
    .action((_flags: object, command: Command) =>
      choose(command, async (context) => (await load()).stackDown(context)),
    );
  stack
    .command('status')
    .description('exit 0 when it is up, 3 when not')
    .action((_flags: object, command: Command) =>
      choose(command, async (context) => (await load()).stackStatus(context)),
    );
}
