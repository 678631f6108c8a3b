/** What the settings say, as swarm and client take it. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rereadRoster } from '../agent/reread-roster.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import { firstTokenWithin } from '../models/ollama.js';
import { TOOL_NAMES } from '../client/roster.js';
import { openProvisions } from '../swarm/provisions.js';
import type { SessionOptions } from '../swarm/session.js';
import { OtlpSettingWrong, otlpMetricsSettings, tracesExporter } from '../telemetry/otlp-settings.js';
import { wrongConfiguration } from './cli-error.js';
import type { CommandContext } from './context.js';
import { settingPlace } from './setting-place.js';
import type { Settings } from './settings.js';

export function topicsFile({ host }: CommandContext): string {
  return join(host.packageDir, 'topics.yaml');
}

export function modelSettings({ host, config: { values } }: CommandContext): SessionOptions['models'] {
  return {
    catalogFile: join(host.packageDir, 'models.yaml'),
    ollamaLimits: firstTokenWithin(values.OLLAMA_FIRST_TOKEN_MS),
    ollamaHost: values.OLLAMA_HOST,
    anthropicKey: values.ANTHROPIC_API_KEY,
    openaiKey: values.OPENAI_API_KEY,
    anthropicBaseUrl: values.ANTHROPIC_BASE_URL,
    openaiBaseUrl: values.OPENAI_BASE_URL,
    proxies: { http: values.HTTP_PROXY, https: values.HTTPS_PROXY, no: values.NO_PROXY },
    workerModels: values.WORKER_MODELS,
    plannerModels: values.PLANNER_MODELS,
  };
}

/**
 * Of a worker for these agents, and for those that are added. Reads their secrets, which are redacted from then on.
 */
export async function toolSettings(
  { host, config: { values }, hide }: CommandContext,
  agents: readonly AgentSpec[],
): Promise<Pick<SessionOptions, 'tools' | 'provide'>> {
  const { provisions, hidden, add } = await openProvisions({
    agents,
    environment: host.env,
    workspaceRoot: values.WORKSPACE_ROOT,
    dockerHost: host.env['DOCKER_HOST'],
    privateFiles: [join(host.cwd, '.env'), ...privateFilesOf(values)],
  });
  hide(hidden);
  const tools = {
    provisions,
    workspaceRoot: values.WORKSPACE_ROOT,
    sandbox: values.RAVENHELM_SANDBOX,
    minFreeMb: values.WORKSPACE_MIN_FREE_MB,
    snapshotsMb: values.WORKSPACE_SNAPSHOTS_MB,
    packageDir: host.packageDir,
    nodePath: host.nodePath,
  };
  return { tools, provide: async (added) => hide(await add(added)) };
}

/** The files with private keys that settings name. */
export const privateFilesOf = ({
  KAFKA_TLS_KEY,
  OPERATOR_KEY,
}: Pick<Settings, 'KAFKA_TLS_KEY' | 'OPERATOR_KEY'>): readonly string[] =>
  [KAFKA_TLS_KEY, OPERATOR_KEY].filter((path) => path !== null);

/** Where the agents' files are read again while a process serves. */
export function agentFiles({ config }: CommandContext): NonNullable<SessionOptions['agentFiles']> {
  const dir = resolve(config.values.RAVENHELM_AGENTS_DIR);
  const options = { tools: TOOL_NAMES, setting: settingPlace(config, 'RAVENHELM_AGENTS_DIR') };
  return { dir, read: (before, refuse) => rereadRoster(dir, options, before, refuse) };
}

/** Where this process says how it is, and who may ask; null: nowhere. */
export function httpAccess({ host, config: { values } }: CommandContext): SessionOptions['http'] {
  const { RAVENHELM_HTTP: address, RAVENHELM_HTTP_TOKEN: token, RAVENHELM_HTTP_HOSTS: hosts } = values;
  const { RAVENHELM_HTTP_ADVERTISE: advertise } = values;
  if (address === null) return null;
  const { version } = host;
  return { version, address, token, hosts: hosts ?? [], ...(advertise === null ? {} : { advertise }) };
}

/** What of traces is sent, as the environment says it; null: nothing. Throws CliError (exit 2). */
export function tracing({ host: { env, version }, config }: CommandContext): SessionOptions['tracing'] {
  const exporter = fromEnvironment(() => tracesExporter(env));
  return exporter === null ? null : { exporter, version, content: config.values.RAVENHELM_TRACE_CONTENT };
}

/** Where LangFuse gets what the missions do; null: nowhere. */
export function langfuse({ host: { version }, config: { values } }: CommandContext): SessionOptions['langfuse'] {
  const { LANGFUSE_PUBLIC_KEY: publicKey, LANGFUSE_SECRET_KEY: secretKey, LANGFUSE_HOST: host } = values;
  if (publicKey === null || secretKey === null) return null;
  return { host, publicKey, secretKey, version, content: values.RAVENHELM_TRACE_CONTENT };
}

/** How this process sends metrics by OTLP, as the environment says it; null: not. Throws CliError (exit 2). */
export function otlpMetrics({ host: { env, version } }: CommandContext): SessionOptions['otlpMetrics'] | null {
  const settings = fromEnvironment(() => otlpMetricsSettings(env));
  return settings === null ? null : { ...settings, version };
}

function fromEnvironment<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof OtlpSettingWrong)) throw error;
    const { message, variable, expected } = error;
    throw wrongConfiguration(message, `Set ${variable} to ${expected}, or take it away.`, error);
  }
}

/** The file of --policy or RAVENHELM_POLICY, else policy.yaml of the working directory; null: the built-in one. */
export function policyFile({ host, config: { values } }: CommandContext): string | null {
  const own = join(host.cwd, 'policy.yaml');
  return values.RAVENHELM_POLICY ?? (existsSync(own) ? own : null);
}
