import type { Command } from 'commander';
import type { InputFlags } from '../input-arguments.js';
import { inputsFlag, setFlag, type Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('plan')
    .argument('<mission-file>')
    .description('show the plan and its waves; runs nothing and needs no broker')
    .addOption(setFlag())
    .addOption(inputsFlag())
    .action((file: string, flags: InputFlags, command: Command) =>
      choose(command, async (context) => (await import('../actions/plan.js')).planMission(context, file, flags)),
    );
}
