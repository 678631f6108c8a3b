import { createVerifyAnswer } from '../agent/call-answer.js';
import { createVerifyRequest } from '../agent/request-signature.js';
import type { Operator } from '../agent/signatures.js';
import type { Refuse, Reread } from '../agent/reread-roster.js';
import type { Roster } from '../agent/roster.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import { asError } from '../domain/as-error.js';
import type { DailyCap } from '../domain/daily-spending.js';
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import type { Models } from '../models/chain.js';
import type { RetentionRule } from '../roles/orchestrator/retention.js';
import type { Role } from '../roles/shared/role.js';
import type { Policy } from '../ports/policy.js';
import type { Tracing } from '../ports/tracing.js';
import { createCleanup, type Cleanup } from '../ports/cleanup.js';
import { createAgentsInForce, type AgentsInForce } from './agents-in-force.js';
import type { SwarmContext } from './context.js';
import { createTraceLogger } from '../telemetry/trace-logger.js';
import type { LangfuseOptions } from '../telemetry/langfuse.js';
import type { TracingOptions } from '../telemetry/tracing-settings.js';
import { openModels, type OpenModelsOptions } from './models.js';
import type { OpenLog } from './open-log.js';
import { prepareAgentTopic, prepareCluster } from './prepare-cluster.js';
import { openProcessHealth, type HealthAccess, type ProcessHealth, type SentMetrics } from './process-health.js';
import { createRoles } from './roles.js';
import { openTracing } from './tracing.js';
import { servedFiles } from './served-files.js';
import { withheldLines } from './provisions.js';
import { createSupervisedRole } from './supervised-role.js';
import { watchAgents, type AgentsWatch } from './watch-agents.js';
import { openTools, openToolsInBackground, type OpenToolsOptions } from './tools.js';

/** Running roles and the log that they work on. */
export interface SwarmSession extends OpenLog {
  /** Rejects when a role has given up or the context's signal was aborted. */
  readonly broken: Promise<never>;
  /** The agents that the roles work with now. */
  readonly agents: AgentsInForce;
  /** To be released when the session closes, before the roles drain. */
  onEnd(name: string, release: () => Promise<void>): void;
  /** Drains the roles and closes what was opened, in reverse order. */
  close(): Promise<void>;
}

export interface AgentFiles {
  /** Absolute. */
  readonly dir: string;
  /** Never rejects for what people wrote. */
  read(before: Roster, refuse: Refuse): Promise<Reread>;
}

export interface SessionOptions {
  readonly roster: Roster;
  readonly orchestrator: boolean;
  /** Agents that this process's worker serves; empty: no worker. */
  readonly agents: readonly AgentSpec[];
  /** Whether the worker serves agents that are added while it runs, too. */
  readonly servesAll: boolean;
  /** Where the agents' files are read again while the roles run; null: what is in force changes by update() only. */
  readonly agentFiles: AgentFiles | null;
  /** Looks up what agents that were added may have beyond their workspaces. */
  provide(agents: readonly AgentSpec[]): Promise<void>;
  /** topics.yaml; absolute. */
  readonly topicsFile: string;
  /** Where health and metrics are served; null: nowhere. */
  readonly http: HealthAccess | null;
  /** What of traces is sent, and where to; null: nothing. */
  readonly tracing: TracingOptions | null;
  /** Where LangFuse gets them, too; null: nowhere. */
  readonly langfuse: LangfuseOptions | null;
  /** How its metrics are sent by OTLP; absent: they are not. */
  readonly otlpMetrics?: SentMetrics;
  readonly models: Omit<OpenModelsOptions, 'clock' | 'random' | 'metrics' | 'signal'>;
  readonly tools: Omit<OpenToolsOptions, 'clock' | 'logger' | 'redact' | 'metrics'>;
  /** Judges the calls of this process's worker; null: none is judged. */
  readonly policy: Policy | null;
  /** How long a call that the policy asks about waits for a person, ms; null: it is refused at once. */
  readonly askMs: number | null;
  /** Who may answer about calls that wait, by signed answers; null: every answer counts. */
  readonly operators: readonly Operator[] | null;
  /** The most that the swarm may have spent in a day (UTC) when something new begins. Default: no limit. */
  readonly dailyCap?: DailyCap;
  /** Whether the start waits for the sandbox's probe; otherwise the first tool call does. Default true. */
  readonly waitForSandbox?: boolean;
  /** How long running steps may take to end when the session closes; default 10 s. */
  readonly drainMs?: number;
  openLog(): Promise<OpenLog>;
  /** Lines that say what is used, and why: the log, the models, the sandbox. */
  say(line: string): void;
  /** The roles run, and are about to drain. */
  onDrain?(): void;
}

const DRAIN_MS = 10_000;
/** Beyond that: offsets, leaving the groups, connections. */
const RELEASE_MS = 2_000;

/**
 * Opens the log and starts the roles. What was opened is closed again when something fails; then rejects with it: a
 * wrong configuration, RoleFailed, or the signal's reason.
 */
export async function startSession(context: SwarmContext, options: SessionOptions): Promise<SwarmSession> {
  const cleanup = createCleanup(context);
  const close = () => cleanup.all((options.drainMs ?? DRAIN_MS) + RELEASE_MS);
  try {
    const hasWorker = options.agents.length > 0;
    const files = hasWorker ? servedFiles(options.tools.workspaceRoot, context.redact) : [];
    const { http: access, otlpMetrics: otlp = null } = options;
    const health = await openProcessHealth(context, { access, otlp, files });
    cleanup.add('health', () => health.close());
    if (otlp !== null) options.say(`metrics: sent by OTLP every ${otlp.intervalMs / 1000} s`);
    if (health.url !== null) options.say(`health: ${health.url}/livez, /readyz, /metrics${tokenWords(options.http)}`);
    const tracing = await openTracing(context, options);
    if (tracing !== null) cleanup.add('traces', () => tracing.close()); // after the roles, whose last spans it sends
    const opened = await options.openLog();
    cleanup.add('log', () => opened.log.close());
    const ofLog = { ...context, logger: createTraceLogger(context.logger, opened.log.continuedTrace) };
    for (const line of opened.banner) options.say(line);
    const preparing = prepareRoles(ofLog, options, { ...opened, tracing }, health, cleanup);
    const { roles, agents } = await orAborted(preparing, context.signal);
    const { broken } = await startRoles(context, options, roles, health, cleanup);
    return { ...opened, broken, agents, onEnd: cleanup.add, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Asks the models and tries the sandbox. Rejects with what makes a start useless: unknown models, a bad directory. */
async function prepareRoles(
  context: SwarmContext,
  options: SessionOptions,
  { log, tracing }: Pick<OpenLog, 'log'> & { readonly tracing: Tracing | null },
  health: ProcessHealth,
  cleanup: Cleanup,
): Promise<{ readonly roles: readonly Role[]; readonly agents: AgentsInForce }> {
  const { clock, random, logger, redact, signal } = context;
  const { metrics } = health;
  const [{ retention, warnings }, models, tools] = await Promise.all([
    prepareCluster(context, {
      log,
      topicsFile: options.topicsFile,
      roster: options.roster,
      agents: options.orchestrator ? options.roster.names : options.agents.map(({ name }) => name),
    }),
    openModels({ ...options.models, clock, random, metrics, signal }),
    options.agents.length === 0 ? null : toolsOf(options)({ ...options.tools, clock, logger, redact, metrics }),
  ]);
  for (const line of warnings) options.say(line);
  // Who removes the workspaces' root afterwards removes all of it.
  if (tools !== null) cleanup.add('tools', () => tools.opened);
  const used = models.summary({ workers: options.agents.length > 0, planner: options.orchestrator });
  if (used !== '') options.say(`Models: ${used}`);
  for (const line of [tools?.line, tools?.limitsLine]) if (typeof line === 'string') options.say(line);
  for (const line of withheldLines(options.agents, options.tools)) options.say(line);
  const worker = tools === null ? null : { tools, policy: options.policy, askMs: options.askMs };
  const { orchestrator } = options;
  const agents = openAgents(context, options, { log, retention, models }, cleanup);
  const { operators } = options;
  const swarm = { prefix: context.topics.prefix, clusterId: log.clusterId };
  const verifyAnswer = operators === null ? null : createVerifyAnswer(operators, swarm);
  const verifyRequest = operators === null ? null : createVerifyRequest(operators, swarm);
  const verifying = { verifyAnswer, verifyRequest };
  const capped = options.dailyCap === undefined ? {} : { dailyCap: options.dailyCap };
  const traced = tracing === null ? {} : { tracing };
  const named = createRoles(context, {
    log,
    agents,
    orchestrator,
    models,
    worker,
    ...verifying,
    ...capped,
    ...traced,
    health,
  });
  const roles = named.map(({ name, create }) =>
    createSupervisedRole({ name, create, clock, random, logger, onRestart: () => metrics.roleRestarted(name) }),
  );
  return { roles, agents };
}

interface AgentsFacts {
  readonly log: OpenLog['log'];
  readonly retention: readonly RetentionRule[];
  readonly models: Models;
}

/** The agents as they are now, and what brings changed ones into force. */
function openAgents(
  context: SwarmContext,
  options: SessionOptions,
  { log, retention, models }: AgentsFacts,
  cleanup: Cleanup,
): AgentsInForce {
  const { agentFiles, orchestrator, topicsFile, agents: first } = options;
  const serves = first.length > 0 && options.servesAll ? null : first.map(({ name }) => name);
  const isServed = (name: string) => serves?.includes(name) ?? true;
  const refuse: Refuse = ({ name, models: named }) => (isServed(name) ? withoutModels(models, named) : null);
  let watched: AgentsWatch | null = null;
  const agents = createAgentsInForce(context, {
    first: options.roster,
    serves,
    retention,
    refresh: agentFiles === null ? null : async () => watched?.refresh(),
    refuse,
    usesTopic: (name) => orchestrator || isServed(name),
    prepareTopic: (roster, agent) => prepareAgentTopic(context, { log, topicsFile, roster }, agent),
    async provide(news) {
      await options.provide(news);
      return withheldLines(news, options.tools);
    },
  });
  if (agentFiles === null) return agents;
  watched = watchAgents({
    ...context,
    dir: agentFiles.dir,
    isWaiting: agents.isWaiting,
    async read() {
      const { roster, problems } = await agentFiles.read(agents.roster(), refuse);
      const isAgentGone = agents.roster().names.some((name) => roster.byName(name) === undefined);
      return { isFaulty: problems.length > 0 || isAgentGone, apply: () => agents.update(roster, problems) };
    },
  });
  cleanup.add('agents', watched.stop);
  return agents;
}

/** Why no model can be used for an agent that names these; null: one can. */
function withoutModels(models: Models, named: AgentSpec['models']): ReturnType<Refuse> {
  try {
    models.workerChain(named);
    return null;
  } catch (error) {
    return { message: asError(error).message, fix: 'correct its models' };
  }
}

const tokenWords = (http: HealthAccess | null): string => (http?.token == null ? '' : '; a bearer token is needed');

const toolsOf = ({ waitForSandbox = true }: SessionOptions) => (waitForSandbox ? openTools : openToolsInBackground);

/** Resolves when all have started, with a promise that rejects when one of them gives up. */
async function startRoles(
  { signal }: SwarmContext,
  { onDrain, drainMs = DRAIN_MS }: SessionOptions,
  roles: readonly Role[],
  health: ProcessHealth,
  cleanup: Cleanup,
): Promise<Pick<SwarmSession, 'broken'>> {
  health.watch(roles);
  cleanup.add('roles', () => stopAll(roles, drainMs));
  cleanup.add('readiness', async () => health.drain());
  if (roles.length > 0) cleanup.add('announcement', async () => onDrain?.());
  const failure = createHandledDeferred<never>();
  for (const role of roles) role.failed.then(failure.reject, failure.reject);
  await orAborted(Promise.race([Promise.all(roles.map((role) => role.start())), failure.promise]), signal);
  const broken = orAborted(failure.promise, signal);
  broken.catch(() => undefined); // the session's user sees it, whenever that looks
  return { broken };
}

/** Side by side, because each may take the whole time to drain. Rejects with the first failure when all have ended. */
async function stopAll(roles: readonly Role[], drainMs: number): Promise<void> {
  const ended = await Promise.allSettled(roles.map((role) => role.stop(drainMs)));
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
}
