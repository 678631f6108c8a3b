import type { Command } from 'commander';
import type { Choose } from '../registration.js';

const load = () => import('../actions/decide.js');

export function register(program: Command, choose: Choose): void {
  program
    .command('approve')
    .argument('<mission>')
    .description('approve the proposed plan of a mission')
    .action((mission: string, _flags: object, command: Command) =>
      choose(command, async (context) => (await load()).approveMission(context, mission)),
    );
  program
    .command('reject')
    .argument('<mission>')
    .description('reject the proposed plan of a mission')
    .requiredOption('--why <reason>', 'reason, passed to the planner')
    .action((mission: string, { why }: { readonly why: string }, command: Command) =>
      choose(command, async (context) => (await load()).rejectMission(context, mission, why)),
    );
  program
    .command('answer')
    .argument('<mission>')
    .argument('<text>')
    .description('answer the question of a mission that needs attention; it continues with the answer')
    .action((mission: string, text: string, _flags: object, command: Command) =>
      choose(command, async (context) => (await load()).answerMission(context, mission, text)),
    );
  program
    .command('cancel')
    .argument('<mission>')
    .description('stop a mission')
    .option('--why <reason>', 'reason, recorded in the event log', 'cancelled by hand')
    .action((mission: string, { why }: { readonly why: string }, command: Command) =>
      choose(command, async (context) => (await load()).cancelMission(context, mission, why)),
    );
}
