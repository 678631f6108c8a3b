import { InvalidArgumentError, type Command } from 'commander';
import type { LimitChange } from '../../client/steering.js';
import { limitArgument } from '../limit-argument.js';
import { MISSION_WORDS, type Choose } from '../registration.js';

const load = () => import('../actions/decide.js');

const ID = `${MISSION_WORDS}; or an id of ravenhelm approvals list (a part that is unique is enough)`;

const SEEN = 'the revision of the plan that you have seen; another one is not decided about';

function revisionArgument(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 to 999999.');
  return Number(text);
}

export function register(program: Command, choose: Choose): void {
  program
    .command('approve')
    .argument('<id>', ID)
    .description('approve the proposed plan of a mission, or a call that waits')
    .option('--revision <n>', SEEN, revisionArgument)
    .action((id: string, { revision }: { readonly revision?: number }, command: Command) =>
      choose(command, async (context) => (await load()).approve(context, id, revision)),
    );
  program
    .command('reject')
    .argument('<id>', ID)
    .description('reject the proposed plan of a mission, or a call that waits')
    .requiredOption('--why <reason>', 'reason, passed to the planner or the model')
    .option('--revision <n>', SEEN, revisionArgument)
    .action((id: string, { why, revision }: { readonly why: string; readonly revision?: number }, command: Command) =>
      choose(command, async (context) => (await load()).reject(context, id, why, revision)),
    );
  program
    .command('answer')
    .argument('<mission>', MISSION_WORDS)
    .argument('<text>')
    .description('answer the question of a mission that needs attention; it continues with the answer')
    .action((mission: string, text: string, _flags: object, command: Command) =>
      choose(command, async (context) => (await load()).answerMission(context, mission, text)),
    );
  program
    .command('cancel')
    .argument('<mission>', MISSION_WORDS)
    .description('stop a mission')
    .option('--why <reason>', 'reason, recorded in the event log', 'cancelled by hand')
    .action((mission: string, { why }: { readonly why: string }, command: Command) =>
      choose(command, async (context) => (await load()).cancelMission(context, mission, why)),
    );
  registerSteering(program, choose);
}

interface BudgetFlags {
  readonly usd?: LimitChange;
  readonly tokens?: LimitChange;
  readonly minutes?: LimitChange;
}

function registerSteering(program: Command, choose: Choose): void {
  program
    .command('pause')
    .argument('<mission>', MISSION_WORDS)
    .description('let a mission begin no wave, no attempt and no step until it is resumed; its time does not run')
    .option('--reason <reason>', 'why; status and the event log show it', 'paused by hand')
    .action((mission: string, { reason }: { readonly reason: string }, command: Command) =>
      choose(command, async (context) => (await load()).pauseMission(context, mission, reason)),
    );
  program
    .command('resume')
    .argument('<mission>', MISSION_WORDS)
    .description('continue a paused mission')
    .action((mission: string, _flags: object, command: Command) =>
      choose(command, async (context) => (await load()).resumeMission(context, mission)),
    );
  program
    .command('budget')
    .argument('<mission>', MISSION_WORDS)
    .description('change the budget of an open mission: +N is so much more, =N the new limit')
    .option('--usd <limit>', 'US dollars, such as +1 or =5', limitArgument('usd'))
    .option('--tokens <limit>', 'tokens, such as +100000', limitArgument('tokens'))
    .option('--minutes <limit>', 'wall time from the request, such as +30', limitArgument('minutes'))
    .action((mission: string, changes: BudgetFlags, command: Command) =>
      choose(command, async (context) => (await load()).budgetMission(context, mission, changes)),
    );
}
