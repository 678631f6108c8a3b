import type { Command } from 'commander';
import { onAskFlag, type Choose } from '../registration.js';
import { ROLES } from '../role-list.js';

interface ServeFlags {
  readonly onAsk?: 'wait' | 'reject' | null;
}

/** For health and metrics unless a setting says otherwise; Prometheus' list gives the port to OpenTelemetry. */
const HTTP = '127.0.0.1:9464';

export function register(program: Command, choose: Choose): void {
  program
    .command('serve')
    .description('start what is missing and serve missions until Ctrl-C: orchestrator, all workers, health and metrics')
    .addOption(onAskFlag('wait'))
    .action(({ onAsk = null }: ServeFlags, command: Command) =>
      choose(
        command,
        async (context) =>
          (await import('../actions/serve.js')).serveRoles(context, { roles: ROLES, agents: null, onAsk }),
        { LOG_LEVEL: 'info', RAVENHELM_HTTP: HTTP },
      ),
    );
}
