import type { Command } from 'commander';
import { numberArgument } from '../number-argument.js';
import type { Choose } from '../registration.js';

export function register(program: Command, choose: Choose): void {
  program
    .command('recover')
    .argument('<topic>')
    .argument('<partition>', 'from 0', partitionNumber)
    .description('resume a partition after data loss')
    .option('--accept-loss', 'resume without the lost records; otherwise only report what is lost', false)
    .action((topic: string, partition: number, flags: { readonly acceptLoss: boolean }, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/recover.js')).recoverPartition(context, { topic, partition, ...flags }),
      ),
    );
}

function partitionNumber(text: string): number {
  return numberArgument('recover partition', text);
}
