import type { Command } from 'commander';
import type { MissionStatus } from '../../domain/report.js';
import { beforeArgument, sinceArgument, statusesArgument, STATUS_WORDS, type Since } from '../list-arguments.js';
import { numberArgument } from '../number-argument.js';
import { MISSION_WORDS, type Choose } from '../registration.js';

interface Flags {
  readonly live: boolean;
  readonly status?: readonly MissionStatus[];
  readonly name?: string;
  readonly since?: Since;
  readonly limit?: number;
  readonly before?: string;
}

const EXAMPLES = `
Examples:
  ravenhelm status last
  ravenhelm status --status failed,cancelled --since 7d
  ravenhelm status --name 'nightly-*' --limit 20
`;

export function register(program: Command, choose: Choose): void {
  program
    .command('status')
    .argument('[mission]', MISSION_WORDS)
    .description("list the missions, or show one mission's report")
    .option('--live', 'ask every process what it holds and runs', false)
    .option('--status <names>', `only missions with one of these: ${STATUS_WORDS}`, statusesArgument)
    .option('--name <name>', 'only missions of this name; * fits any text')
    .option('--since <time>', 'only missions submitted since then: 90m, 12h, 7d, a day, a time, or all', sinceArgument)
    .option('--limit <n>', 'only the newest n; the next page is named', (text) =>
      numberArgument('status --limit', text),
    )
    .option('--before <id>', 'only missions older than this id: the next page', beforeArgument)
    .addHelpText('after', EXAMPLES)
    .action((mission: string | undefined, { live, ...flags }: Flags, command: Command) =>
      choose(command, async (context) =>
        (await import('../actions/status.js')).showStatus(context, {
          mission: mission ?? null,
          live,
          list: {
            statuses: flags.status ?? null,
            name: flags.name ?? null,
            since: flags.since ?? null,
            limit: flags.limit ?? null,
            before: flags.before ?? null,
          },
        }),
      ),
    );
}
