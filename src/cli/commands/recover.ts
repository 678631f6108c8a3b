import { InvalidArgumentError, type Command } from 'commander';
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
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.');
  return Number(text);
}
