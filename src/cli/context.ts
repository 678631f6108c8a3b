import { readFileSync } from 'node:fs';
import { decodeText, isFileSystemError, NO_TEXT, unreadableReason } from '../agent/text-file.js';
import type { ClientContext } from '../client/context.js';
import { processNameOf } from '../domain/process-id.js';
import { createGrowingRedactor } from '../domain/redaction.js';
import { shortened } from '../domain/quoted.js';
import { createTopicNames, type TopicNames } from '../domain/topic-names.js';
import { parseTraceparent } from '../domain/trace-context.js';
import type { Logger } from '../ports/logger.js';
import type { SwarmContext } from '../swarm/context.js';
import { createLogger } from '../telemetry/pino-logger.js';
import { wrongConfiguration, wrongUse } from './cli-error.js';
import { loadConfig } from './config.js';
import { secretsOf } from './config-secrets.js';
import { refuseReadableConnections } from './readable-connections.js';
import type { Config } from './setting-origin.js';
import { requester, withRedactedOutput, type Host, type Output } from './host.js';
import { logText } from './log-text.js';
import { wantsColors } from './paint.js';
import type { SettingName } from './settings.js';
import { oneLine } from './text-width.js';

/** What was typed for every command. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly configFile: string | null;
  /** Settings' flags, by the setting's name. */
  readonly flags: Readonly<Partial<Record<SettingName, string>>>;
}

/** What every command works with. */
export interface CommandContext {
  readonly host: Host;
  readonly config: Config;
  readonly topics: TopicNames;
  /** The same for the layers below, which know no terminal. */
  readonly swarm: SwarmContext;
  readonly client: ClientContext;
  readonly json: boolean;
  readonly logger: Logger;
  /** Where text for people goes: stdout, or stderr when stdout carries a document. */
  readonly people: Output;
  /** Whether that is coloured. */
  readonly colors: boolean;
  /** Writes a line for people. */
  say(line: string): void;
  /** Writes data on stdout: a document with --json. */
  print(document: unknown): void;
  /** From now on these values are redacted wherever the command writes. */
  hide(secrets: readonly string[]): void;
  /** While lines are redrawn on the terminal, log lines on it go through them. Returns how to end that. */
  redirectLog(write: (text: string) => void): () => void;
}

/** Reads the configuration. Throws CliError (exit 2) when it cannot be used. */
export function createContext(
  given: Host,
  options: GlobalOptions,
  defaults: Readonly<Partial<Record<SettingName, string>>> = {},
): CommandContext {
  const config = configOf(given, options, defaults);
  const { redact, add: hide } = createGrowingRedactor(secretsOf(config, given.env));
  const host = withRedactedOutput(given, redact);
  const people = options.json ? host.stderr : host.stdout;
  const asLog = logForm(config.values.LOG_FORMAT, host);
  const toStderr = (text: string) => host.stderr.write(text);
  let writeLog = toStderr;
  for (const warning of config.warnings) host.stderr.write(`warning: ${warning}\n`);
  const { clock, ids, random, interruption: signal } = host;
  const topics = createTopicNames(config.values.RAVENHELM_PREFIX);
  const logger = createLogger({ level: config.values.LOG_LEVEL, write: (line) => writeLog(asLog(line)) });
  const shared = { clock, ids, random, logger, redact, topics, signal };
  return {
    host,
    config,
    topics,
    swarm: { ...shared, processName: processNameOf(host.hostname, host.pid) },
    client: { ...shared, requester: requester(host), ...callerOf(host) },
    json: options.json,
    logger,
    people,
    colors: wantsColors(host.env, people.isTerminal),
    say: (line) => people.write(`${line}\n`),
    print: (document) => host.stdout.write(`${JSON.stringify(document, null, 2)}\n`),
    hide,
    redirectLog(write) {
      if (host.stderr.isTerminal && people.isTerminal) writeLog = write;
      return () => {
        writeLog = toStderr;
      };
    },
  };
}

/** What happens to a log line before it is written. */
/** The trace that the caller's TRACEPARENT names; one that is none is ignored, as the standard says. */
function callerOf({ env, stderr }: Host): Pick<ClientContext, 'caller'> {
  const text = env['TRACEPARENT'];
  if (text === undefined || text === '') return {};
  const caller = parseTraceparent(text);
  if (caller !== null) return { caller };
  stderr.write(`warning: TRACEPARENT is no W3C traceparent, and is ignored: ${shortened(oneLine(text))}\n`);
  return {};
}

function logForm(form: Config['values']['LOG_FORMAT'], { env, stderr }: Host): (line: string) => string {
  const isText = form === 'text' || (form === 'auto' && stderr.isTerminal);
  return isText ? (line) => logText(line, wantsColors(env, stderr.isTerminal)) : (line) => line;
}

function configOf(
  host: Host,
  options: GlobalOptions,
  defaults: Readonly<Partial<Record<SettingName, string>>>,
): Config {
  const config = loadConfig({
    flags: options.flags,
    env: host.env,
    cwd: host.cwd,
    projectDir: host.projectDir,
    packageDir: host.packageDir,
    configFile: options.configFile,
    defaults,
    readFile: readFileIfThere,
  });
  if (!config.values.RAVENHELM_SANDBOX && host.env['NODE_ENV'] === 'production')
    throw wrongUse(
      '--sandbox off is refused with NODE_ENV=production: commands of agents would run with the rights of this process',
      'Leave the flag out. The sandbox needs bubblewrap (package bubblewrap).',
    );
  if (host.env['NODE_ENV'] === 'production') refuseReadableConnections(config, host.env);
  return config;
}

function readFileIfThere(path: string): string | null {
  const bytes = readBytesIfThere(path);
  const text = bytes === null ? null : decodeText(bytes);
  if (bytes !== null && text === null)
    throw wrongConfiguration(`${path}: ${NO_TEXT}`, 'Save it as UTF-8, or take it away.');
  return text;
}

function readBytesIfThere(path: string): Uint8Array | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isFileSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw wrongConfiguration(
      `${path} cannot be read: ${unreadableReason(error)}`,
      'Correct it, or take it away.',
      error,
    );
  }
}
