import type { Command } from 'commander';
import { MISSION_WORDS, type Choose } from '../registration.js';

const load = () => import('../actions/decide.js');

const ID = `${MISSION_WORDS}; or an id of ravenhelm approvals list (a part that is unique is enough)`;

export function register(program: Command, choose: Choose): void {
  program
    .command('approve')
    .argument('<id>', ID)
    .description('approve the proposed plan of a mission, or a call that waits')
    .action((id: string, _flags: object, command: Command) =>
      choose(command, async (context) => (await load()).approve(context, id)),
    );
  program
    .command('reject')
    .argument('<id>', ID)
    .description('reject the proposed plan of a mission, or a call that waits')
    .requiredOption('--why <reason>', 'reason, passed to the planner or the model')
    .action((id: string, { why }: { readonly why: string }, command: Command) =>
      choose(command, async (context) => (await load()).reject(context, id, why)),
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
}
