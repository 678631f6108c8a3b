import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { OptionError, checkedOptions, optionIn, prefixOption } from '../agent/checked-options.js';
import { ConfigError } from '../agent/config-error.js';
import { createRoster, loadRoster, type Roster } from '../agent/roster.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import { processNameOf } from '../domain/process-id.js';
import { createGrowingRedactor } from '../domain/redaction.js';
import { createTopicNames } from '../domain/topic-names.js';
import { ProxyError, proxyUrl } from '../models/proxy.js';
import type { Log } from '../ports/log.js';
import { silentLogger, type Logger } from '../ports/logger.js';
import { createSystemClock, createSystemIds } from '../telemetry/system-clock.js';
import { TOOL_DEFINITIONS } from '../tools/definitions.js';
import { reasonOf } from '../tools/system-errors.js';
import type { SwarmContext } from './context.js';
import type { Policy } from '../ports/policy.js';
import { noteUnsandboxed } from '../ports/unsandboxed.js';
import { openOperators } from '../agent/open-operators.js';
import { openPolicy } from './policy.js';
import { openProvisions } from './provisions.js';
import { PACKAGE_DIR } from './package-dir.js';
import { redactingLog, unwrapped } from './redacting-log.js';
import { refuseInProduction } from './sandbox-required.js';
import { startSession, type SessionOptions, type SwarmSession } from './session.js';

export interface SwarmOptions {
  /** memoryLog() or await kafkaLog(…). The swarm does not close it. */
  readonly log: Log;
  /** Agents of defineAgent, or a directory of *.md files. */
  readonly agents: string | readonly AgentSpec[];
  /** Default both. One process may have one role, others the other. */
  readonly roles?: readonly ('orchestrator' | 'worker')[];
  /** Names of the agents that this process's worker serves. Default all. */
  readonly serves?: readonly string[];
  /** Default: playbooks only, no model is called and no key is looked for. */
  readonly models?: ModelOptions;
  /** Where commands run, and with what. Default: in the sandbox, in a temporary directory. */
  readonly tools?: ToolOptions;
  /** File with the rules about calls, or 'default' for the built-in one. Default none: no call is judged. */
  readonly policy?: string;
  /**
   * What happens to a call that the policy asks about: it waits a day for client.approvals, or is refused at once.
   * Default wait.
   */
  readonly onAsk?: 'wait' | 'reject';
  /**
   * File with the operators and their keys: what people request and answer counts only where one of them has signed it.
   * Default none: nothing needs a signature.
   */
  readonly operators?: string;
  /**
   * The most that the whole swarm may spend in a day (UTC): once it is reached, nothing that costs begins before the
   * next day. Orchestrators keep it: give it to each. Default none.
   */
  readonly dailyCap?: DailyCapOptions;
  /**
   * Sends the missions' traces by OpenTelemetry, whose packages are loaded only then. Sampling, batching and the
   * resource follow OTEL_* variables, as in every program with OpenTelemetry. Default none.
   */
  readonly traces?: TraceOptions;
  /** Prefix of topics and groups. Default ravenhelm.squad. */
  readonly prefix?: string;
  /** Takes JSON-like fields and a stable event name. Default: nothing is logged. */
  readonly logger?: Logger;
  /** How long running steps may take to end on close(), 0 to 600000 ms. Default 10000. */
  readonly drainMs?: number;
  /** Aborts the start. A swarm that runs is ended by close(). Default: none. */
  readonly signal?: AbortSignal;
}

export interface TraceOptions {
  /** Of a collector, with its path. Default what OTEL_EXPORTER_OTLP_* says, else http://localhost:4318/v1/traces. */
  readonly url?: string;
  /** For each request, such as an API key. Default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** service.name. Default ravenhelm. */
  readonly serviceName?: string;
  /** Whether briefs, replies, arguments and outputs are sent, too; redacted as the log is. Default false. */
  readonly content?: boolean;
}

/** What is not given has no limit. */
export interface DailyCapOptions {
  /** US dollars, 0.01 to 1000000. Default no cap. */
  readonly usd?: number;
  /** Of prompts and replies, 1 to 1000000000000. Default no cap. */
  readonly tokens?: number;
}

/** Keys and addresses are given here: they are never read from the environment. */
export interface ModelOptions {
  /** The workers' chain, such as ['playbook', 'anthropic']. Default ['playbook']. */
  readonly workers?: readonly string[];
  /** The planner's chain, such as ['anthropic']. Default none: a mission then needs a plan, or planner: 'order'. */
  readonly planner?: readonly string[];
  /** Default none: Anthropic is not called. */
  readonly anthropicApiKey?: string;
  /** Default none: no server with OpenAI's API is called without openaiBaseUrl. */
  readonly openaiApiKey?: string;
  /** Default the vendor's own address. */
  readonly anthropicBaseUrl?: string;
  /** Default the vendor's own address. */
  readonly openaiBaseUrl?: string;
  /** Default http://127.0.0.1:11434. */
  readonly ollamaHost?: string;
  /**
   * Proxies for http:// and https:// addresses, and the list of NO_PROXY. Loopback addresses never use one. Default
   * none.
   */
  readonly proxies?: { readonly http?: string; readonly https?: string; readonly no?: string };
}

export interface ToolOptions {
  /** Where the missions' workspaces lie. Default a temporary directory, which close() removes. */
  readonly workspaceRoot?: string;
  /**
   * false: commands run with the rights of this process, unconfined; refused with NODE_ENV=production. Default true;
   * Linux with bubblewrap.
   */
  readonly sandbox?: boolean;
  /**
   * Values of the secrets that agents name, by name; or NAME_FILE with the path of a file. Default none: the
   * environment is not read. Tasks of an agent whose secret is missing fail before their first step.
   */
  readonly secrets?: Readonly<Record<string, string>>;
  /** The engine for agents with docker, as unix:///PATH. Default unix:///var/run/docker.sock. */
  readonly dockerHost?: string;
}

/** A running swarm. createClient takes it as its options. */
export interface Swarm extends AsyncDisposable {
  readonly log: Log;
  /** As they are now. */
  readonly agents: readonly AgentSpec[];
  /** Absolute. */
  readonly workspaceRoot: string;
  readonly prefix: string;
  /** Resolves with RoleFailed when a role gave up; the swarm should be closed then. */
  readonly failed: Promise<unknown>;
  /**
   * Agents of defineAgent, or a directory that is read now, instead of those before, without a restart: open attempts
   * end with the revision that they began with. With `serves` the worker takes up no other names. Rejects with
   * ConfigError, also for models that cannot be used here, and nothing has changed; with OptionError if a new agent's
   * topic is not there: the others are in force.
   */
  updateAgents(agents: SwarmOptions['agents']): Promise<void>;
  /** Drains the roles and leaves the groups. May be called twice. */
  close(): Promise<void>;
}

/**
 * Starts the roles on a log. Rejects with OptionError, ConfigError (an agent's file), SandboxRequired, UnknownModel or
 * NoModel; then nothing is left running.
 */
export async function createSwarm(options: SwarmOptions): Promise<Swarm> {
  const { prefix, roles, serves, drainMs, onAsk, dailyCap } = checkedOptions(OPTIONS, options, 'createSwarm');
  if (options.tools?.sandbox === false) refuseInProduction();
  const roster = await rosterOf(options.agents);
  const served = serves === undefined ? roster : roster.subset(serves, 'createSwarm: serves');
  const policy = await policyOf(options.policy);
  const operators = options.operators === undefined ? null : await openOperators(resolve(options.operators));
  const workspace = await openWorkspaces(options.tools?.workspaceRoot);
  const below = unwrapped(options.log);
  const provided = await openProvisions({
    agents: roles.includes('worker') ? served.agents : [],
    environment: options.tools?.secrets ?? {},
    workspaceRoot: workspace.root,
    privateFiles: [],
    dockerHost: options.tools?.dockerHost,
  });
  const context = contextOf(options, prefix, [...below.secrets, ...provided.hidden]);
  const { redact } = context;
  try {
    const session = await startSession(context, {
      roster,
      servesAll: serves === undefined,
      agentFiles: null,
      provide: async (added) => context.hide(await provided.add(added)),
      orchestrator: roles.includes('orchestrator'),
      agents: roles.includes('worker') ? served.agents : [],
      drainMs,
      topicsFile: join(PACKAGE_DIR, 'topics.yaml'),
      http: null,
      langfuse: null,
      tracing: options.traces === undefined ? null : await tracingOf(options.traces),
      models: modelsOf(options.models ?? {}),
      tools: {
        workspaceRoot: workspace.root,
        sandbox: options.tools?.sandbox ?? true,
        provisions: provided.provisions,
        packageDir: PACKAGE_DIR,
        nodePath: process.execPath,
      },
      policy,
      askMs: onAsk === 'wait' ? ASK_MS : null,
      operators: operators?.operators ?? null,
      dailyCap: { usd: dailyCap?.usd ?? null, tokens: dailyCap?.tokens ?? null },
      waitForSandbox: false,
      openLog: async () => ({
        log: redactingLog({ ...below.log, close: async () => undefined }, redact),
        ...UNNAMED,
      }),
      say: (line) => context.logger.info({ line }, 'swarm.starting'),
    });
    if (options.tools?.sandbox === false) noteUnsandboxed(options.log);
    return swarmOn(session, { log: options.log, prefix, workspace });
  } catch (error) {
    await workspace.remove();
    throw error;
  }
}

async function tracingOf(traces: TraceOptions): Promise<SessionOptions['tracing']> {
  const { version } = VERSIONED.parse(JSON.parse(await readFile(join(PACKAGE_DIR, 'package.json'), 'utf8')));
  return { exporter: 'otlp', version, content: false, ...traces };
}

const VERSIONED = z.object({ version: z.string() });

interface SwarmFacts extends Pick<Swarm, 'log' | 'prefix'> {
  readonly workspace: { readonly root: string; remove(): Promise<void> };
}

function swarmOn(session: SwarmSession, { log, prefix, workspace }: SwarmFacts): Swarm {
  const { agents } = session;
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= session.close().then(workspace.remove));
  return {
    log,
    get agents() {
      return agents.roster().agents;
    },
    workspaceRoot: workspace.root,
    prefix,
    failed: session.broken.catch((error: unknown) => error),
    async updateAgents(next) {
      const roster = await rosterOf(next);
      const problems = agents.problemsOf(roster);
      if (problems.length > 0) throw new ConfigError(problems);
      await agents.update(roster, []);
      const [warning] = agents.warnings();
      if (warning !== undefined) throw new OptionError('updateAgents', warning, 'Correct it and call it again.');
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** How long a call waits for a person. */
const ASK_MS = 24 * 3_600_000;

async function policyOf(file: string | undefined): Promise<Policy | null> {
  if (file === undefined) return null;
  return (await openPolicy(file === 'default' ? null : resolve(file), PACKAGE_DIR)).policy;
}

const UNNAMED = { brokers: [], registryUrl: null, banner: [] };

async function rosterOf(agents: SwarmOptions['agents']): Promise<Roster> {
  if (typeof agents !== 'string') return createRoster(agents);
  return loadRoster(resolve(agents), {
    tools: TOOL_DEFINITIONS.map((tool) => tool.name),
    setting: 'the option agents',
  });
}

function contextOf(
  { logger = silentLogger, signal, models }: SwarmOptions,
  prefix: string,
  secrets: readonly string[],
): SwarmContext & { hide(secrets: readonly string[]): void } {
  const hidden = [models?.anthropicApiKey ?? '', models?.openaiApiKey ?? '', ...secrets];
  const { redact, add: hide } = createGrowingRedactor(hidden);
  return {
    redact,
    hide,
    clock: createSystemClock(),
    ids: createSystemIds(),
    random: Math.random,
    logger,
    topics: createTopicNames(prefix),
    signal: signal ?? new AbortController().signal,
    processName: processNameOf(hostname(), process.pid),
  };
}

function modelsOf(models: ModelOptions): SessionOptions['models'] {
  return {
    catalogFile: join(PACKAGE_DIR, 'models.yaml'),
    workerModels: models.workers ?? ['playbook'],
    plannerModels: models.planner ?? [],
    anthropicKey: models.anthropicApiKey ?? null,
    openaiKey: models.openaiApiKey ?? null,
    anthropicBaseUrl: models.anthropicBaseUrl ?? null,
    openaiBaseUrl: models.openaiBaseUrl ?? null,
    ollamaHost: models.ollamaHost ?? null,
    proxies: {
      http: models.proxies?.http ?? null,
      https: models.proxies?.https ?? null,
      no: models.proxies?.no ?? null,
    },
  };
}

async function openWorkspaces(given: string | undefined): Promise<{ root: string; remove(): Promise<void> }> {
  if (given !== undefined) return { root: resolve(given), remove: async () => undefined };
  const root = await mkdtemp(join(tmpdir(), 'ravenhelm-')).catch((error: unknown) => {
    throw new OptionError(
      'createSwarm: tools.workspaceRoot',
      `it is not given, and no directory can be made in ${tmpdir()} (${reasonOf(error)})`,
      'Give it, or set TMPDIR to a directory that this user can write.',
    );
  });
  return { root, remove: () => rm(root, { recursive: true, force: true }) };
}

function isProxy(address: string): boolean {
  try {
    return proxyUrl(address) !== '';
  } catch (error) {
    if (error instanceof ProxyError) return false;
    throw error;
  }
}

const text = z.string('it must be a text').min(1, 'it must not be empty');
const url = z.url({ protocol: /^https?$/, error: 'it must be a URL such as https://models.example/v1' });
const proxy = text.refine(isProxy, 'it must be a proxy such as http://proxy.example:3128');
const names = z.array(text, 'it must be a list of names').min(1, 'it must name at least one');
const OPTIONS = z.strictObject({
  log: z.custom<Log>(
    (value) => typeof value === 'object' && value !== null && 'joinGroup' in value,
    'it must be memoryLog() or await kafkaLog(…)',
  ),
  agents: z.union([text, z.array(z.custom<AgentSpec>()).min(1)], 'it must be a directory or agents of defineAgent'),
  roles: z
    .array(z.enum(['orchestrator', 'worker'], 'it must be orchestrator or worker'))
    .min(1, 'it must name at least one role')
    .default(['orchestrator', 'worker']),
  serves: names.optional(),
  models: z
    .strictObject({
      workers: names.optional(),
      planner: z.array(text, 'it must be a list of names').optional(),
      anthropicApiKey: text.optional(),
      openaiApiKey: text.optional(),
      anthropicBaseUrl: url.optional(),
      openaiBaseUrl: url.optional(),
      ollamaHost: text.optional(),
      proxies: z
        .strictObject({ http: proxy.optional(), https: proxy.optional(), no: z.string('it must be a text').optional() })
        .optional(),
    })
    .optional(),
  tools: z
    .strictObject({
      workspaceRoot: text.optional(),
      sandbox: z.boolean('it must be true or false').optional(),
      secrets: z.record(z.string(), z.string('it must be a text')).optional(),
      dockerHost: text.optional(),
    })
    .optional(),
  policy: text.optional(),
  onAsk: z.enum(['wait', 'reject'], 'it must be wait or reject').default('wait'),
  operators: text.optional(),
  dailyCap: z
    .strictObject({
      usd: optionIn('RAVENHELM_DAILY_USD').optional(),
      tokens: optionIn('RAVENHELM_DAILY_TOKENS').optional(),
    })
    .optional(),
  traces: z
    .strictObject({
      url: url.optional(),
      headers: z.record(z.string(), z.string('it must be a text')).optional(),
      serviceName: text.optional(),
      content: z.boolean('it must be true or false').optional(),
    })
    .optional(),
  prefix: prefixOption.default(createTopicNames().prefix),
  logger: z.custom<Logger>().optional(),
  drainMs: optionIn('createSwarm drainMs').default(10_000),
  signal: z.custom<AbortSignal>().optional(),
});
