import type { Command } from 'commander';
import { numberArgument } from '../number-argument.js';
import { MISSION_WORDS, type Choose } from '../registration.js';

interface ShowFlags {
  readonly attempt?: number;
  readonly step?: number;
  readonly output: boolean;
  readonly prompt: boolean;
}

export function register(program: Command, choose: Choose): void {
  program
    .command('show')
    .argument('<mission>', MISSION_WORDS)
    .argument('[task]', "a task's id, or an agent that has one task in the mission")
    .description('show what the agents did: each step with its thought, command, output, model and cost')
    .option('--attempt <n>', 'this attempt only, from 1', (text) => numberArgument('show --attempt', text))
    .option('--step <n>', 'this step only, from 1', (text) => numberArgument('show --step', text))
    .option('--output', 'the whole recorded output, not only its head and tail', false)
    .option('--prompt', 'the exact prompt of each step, rebuilt from the journal and compared with its digest', false)
    .action((mission: string, task: string | undefined, flags: ShowFlags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/show.js')).showAttempts(context, {
          mission,
          task: task ?? null,
          attempt: flags.attempt ?? null,
          step: flags.step ?? null,
          wholeOutput: flags.output,
          prompts: flags.prompt,
        }),
      ),
    );
}
