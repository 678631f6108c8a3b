import type { Command } from 'commander';
import { wrongUse } from '../cli-error.js';
import type { Choose } from '../registration.js';

const load = () => import('../actions/dead-letters.js');
const TAKE_OVER = [
  '--take-over',
  'also one that another process started to redrive and did not finish',
  false,
] as const;

export function register(program: Command, choose: Choose): void {
  const letters = program
    .command('dead-letters')
    .description('records that could not be processed; list, inspect, redrive or discard them');
  registerReading(letters, choose);
  registerRedrive(letters, choose);
  letters
    .command('discard')
    .argument('<ids...>')
    .description('mark them as handled; nothing is written back')
    .option('--why <reason>', 'reason, recorded in the event log', 'discarded by hand')
    .option(...TAKE_OVER)
    .action((ids: string[], flags: { readonly why: string; readonly takeOver: boolean }, command: Command) =>
      choose(command, async (context) =>
        (await load()).discardLetters(context, { ids, reason: flags.why, takeOver: flags.takeOver }),
      ),
    );
}

function registerReading(letters: Command, choose: Choose): void {
  letters
    .command('list')
    .description('list what waits to be handled, newest last')
    .option('--all', 'also what was redriven or discarded', false)
    .action(({ all }: { readonly all: boolean }, command: Command) =>
      choose(command, async (context) => (await load()).listLetters(context, all)),
    );
  letters
    .command('show')
    .argument('<id>')
    .description('show everything about one: origin, error, headers, event or bytes')
    .action((id: string, _flags: object, command: Command) =>
      choose(command, async (context) => (await load()).showLetter(context, id)),
    );
}

interface RedriveFlags {
  readonly all: boolean;
  readonly yes: boolean;
  readonly asIs: boolean;
  readonly takeOver: boolean;
}

function registerRedrive(letters: Command, choose: Choose): void {
  letters
    .command('redrive')
    .argument('[ids...]')
    .description('write them back where they belong; for an assignment: request a new attempt')
    .option('--all', 'every one that waits', false)
    .option('--yes', 'with --all: do not ask', false)
    .option('--as-is', 'back to where they came from, even if they cannot be decoded', false)
    .option(...TAKE_OVER)
    .action((ids: string[], flags: RedriveFlags, command: Command) => {
      if (flags.all === ids.length > 0)
        throw wrongUse('dead-letters redrive takes ids, or --all', 'ravenhelm dead-letters list shows the ids.');
      if (flags.yes && !flags.all) throw wrongUse('--yes goes with --all only', 'Omit it.');
      choose(command, async (context) =>
        (await import('../actions/redrive.js')).redriveLetters(context, { ids, ...flags }),
      );
    });
}
