import type { CommandContext } from '../context.js';
import type { ExitCode } from '../exit-codes.js';
import type { InputFlags } from '../input-arguments.js';
import { defaultMission } from '../mission-source.js';
import type { SwarmSession } from '../../swarm/session.js';
import type { OnAsk } from '../swarm-session.js';
import { runMission } from './run.js';
import { keepServing } from './serve.js';

export interface StartOptions {
  readonly exit: boolean;
  readonly given: InputFlags;
  readonly workspace: string | null;
  /** null: as the situation says (run.ts). */
  readonly onAsk: OnAsk | null;
}

/** Starts the swarm with the default mission. */
export function startSwarm(
  context: CommandContext,
  { exit, given, workspace, onAsk }: StartOptions,
): Promise<ExitCode> {
  const keepsServing = !exit && context.host.stdout.isTerminal;
  return runMission(context, {
    file: defaultMission(context),
    given,
    workspace,
    onAsk,
    ...(keepsServing ? { afterwards: (session: SwarmSession) => keepServing(context, session) } : {}),
  });
}
