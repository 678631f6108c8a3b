import type { Roster } from '../agent/roster.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import { openPolicy } from '../swarm/policy.js';
import { RoleFailed } from '../swarm/role-failed.js';
import { startSession, type SwarmSession } from '../swarm/session.js';
import type { CommandContext } from './context.js';
import { exitOfRole } from './failure.js';
import { operatorsOf } from './operators-setting.js';
import {
  agentFiles,
  httpAccess,
  modelSettings,
  langfuse,
  otlpMetrics,
  policyFile,
  toolSettings,
  topicsFile,
  tracing,
} from './from-settings.js';
import { openSwarmLog } from './open-log.js';

/** What happens to a call that the policy asks about: it waits for a person, or is refused at once. */
export type OnAsk = 'wait' | 'reject';

export interface ServeOptions {
  readonly roster: Roster;
  readonly orchestrator: boolean;
  /** Agents that this process's worker serves; empty: no worker. */
  readonly agents: readonly AgentSpec[];
  /** Whether the worker serves agents that are added, too. */
  readonly servesAll: boolean;
  /** Whether agents' files are read again while the roles run. */
  readonly rereadsAgents: boolean;
  readonly allowMemory: boolean;
  readonly onAsk: OnAsk;
}

/** Opens the log, starts the roles, runs the body, and takes everything down again, whatever happened. */
export async function withSwarm<T>(
  context: CommandContext,
  { allowMemory, onAsk, rereadsAgents, ...options }: ServeOptions,
  body: (session: SwarmSession) => Promise<T>,
): Promise<T> {
  const { host, logger, config } = context;
  const otlp = otlpMetrics(context);
  const policy = options.agents.length === 0 ? null : await openPolicy(policyFile(context), host.packageDir);
  const operators = await operatorsOf(context);
  let session: SwarmSession | null = null;
  let failure: RoleFailed | null = null;
  try {
    session = await startSession(context.swarm, {
      ...options,
      topicsFile: topicsFile(context),
      http: httpAccess(context),
      tracing: tracing(context),
      langfuse: langfuse(context),
      ...(otlp == null ? {} : { otlpMetrics: otlp }),
      models: modelSettings(context),
      ...(await toolSettings(context, options.agents)),
      agentFiles: rereadsAgents ? agentFiles(context) : null,
      policy: policy?.policy ?? null,
      operators: operators?.operators ?? null,
      dailyCap: { usd: config.values.RAVENHELM_DAILY_USD, tokens: config.values.RAVENHELM_DAILY_TOKENS },
      askMs: onAsk === 'wait' ? config.values.RAVENHELM_APPROVAL_MINUTES * 60_000 : null,
      openLog: () => openSwarmLog(context, { allowMemory }),
      say: context.say,
      onDrain() {
        if (host.interruption.aborted)
          host.stderr.write('stopping: running steps have 10 s to end; Ctrl-C again ends at once\n');
      },
    });
    if (policy !== null) context.say(policy.line);
    if (operators !== null) context.say(operators.line);
    return await body(session);
  } catch (error) {
    if (error instanceof RoleFailed) failure = error;
    throw error;
  } finally {
    await session?.close();
    // The last line of the log, for the person who looks why a supervisor started the process again.
    if (failure !== null)
      logger.error(
        { role: failure.role, failures: failure.failures, error: failure, exit_code: exitOfRole(failure) },
        'role.failed',
      );
  }
}
