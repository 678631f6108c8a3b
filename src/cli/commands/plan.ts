import type { Command } from 'commander';
import type { Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('plan')
    .argument('<mission-file>')
    .description('show the plan and its waves; runs nothing and needs no broker')
    .action((file: string, _flags: object, command: Command) =>
      choose(command, async (context) => (await import('../actions/plan.js')).planMission(context, file)),
    );
}
