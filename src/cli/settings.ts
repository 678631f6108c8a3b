import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { isInRange, RANGES, rangeText, type NumberRange } from '../domain/ranges.js';
import { brokenPrefixRule, DEFAULT_PREFIX, LONGEST_PREFIX } from '../domain/topic-names.js';
import { LONGEST_FIRST_TOKEN_MS } from '../models/ollama.js';
import { OllamaHostError, ollamaUrl } from '../models/ollama-host.js';
import { ProxyError, proxyUrl } from '../models/proxy.js';
import { isUnspecified, type HttpAddress } from '../telemetry/http-address.js';

/** [::1]:9092, where there are brackets. */
const isGoodLiteral = (address: string): boolean =>
  !address.startsWith('[') || isIPv6(address.slice(1, address.lastIndexOf(']')));
const isPort = (text: string): boolean => isInRange(RANGES['broker port'], Number(text));
/** host:port pairs, separated by commas. */
const brokers = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )
  .pipe(
    z
      .array(
        z
          .string()
          .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/,[\]]+):\d{1,5}$/)
          .refine((address) => isPort(address.slice(address.lastIndexOf(':') + 1)) && isGoodLiteral(address)),
      )
      .min(1),
  );
const list = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )
  .pipe(z.array(z.string().min(1)).min(1));
const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/+$/, ''));
const registryUrl = url.refine((text) => brokenRegistryRule(text) === null);
/** As Ollama itself takes it; read by the models' own rule. */
const ollamaHost = z
  .string()
  .refine((text) => {
    try {
      return ollamaUrl(text) !== '';
    } catch (error) {
      if (error instanceof OllamaHostError) return false;
      throw error;
    }
  })
  .transform((text) => ollamaUrl(text));
const proxy = z
  .string()
  .refine((text) => {
    try {
      return proxyUrl(text) !== '';
    } catch (error) {
      if (error instanceof ProxyError) return false;
      throw error;
    }
  })
  .transform(proxyUrl);
const flag = z
  .enum(['true', 'false', 'on', 'off', 'yes', 'no', '1', '0'])
  .transform((text) => ['true', 'on', 'yes', '1'].includes(text));
const wholeNumber = ({ least, most }: NumberRange) =>
  z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(least).max(most));
const amount = ({ least, most }: NumberRange) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most));
const httpAddress = z
  .string()
  .regex(/^(?:(\[[0-9a-fA-F:]+\]|[^\s:/]+):)?\d{1,5}$/)
  .transform((text): HttpAddress => {
    const colon = text.lastIndexOf(':');
    return {
      host: colon < 0 ? '127.0.0.1' : text.slice(0, colon).replace(/^\[|\]$/g, ''),
      port: Number(text.slice(colon + 1)),
    };
  })
  .refine(({ port }) => isInRange(RANGES['RAVENHELM_HTTP port'], port));
/** Where others reach it: never all addresses of a computer, and no port that is chosen at the start. */
const advertisedAddress = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}$/)
  .pipe(httpAddress)
  .refine(({ host, port }) => !isUnspecified(host) && port > 0);
/** As RFC 6750 writes a bearer token; long enough that it cannot be tried out. */
const bearerToken = z.string().regex(/^[\w.~+/-]{32,512}={0,2}$/);
/** A Host header without its port. */
const hostNames = list.pipe(z.array(z.string().regex(/^[\w.-]+$/)));
const path = z.string().min(1);
/** In any case: Kafka has them in capitals. */
const saslMechanism = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(['plain', 'scram-sha-256', 'scram-sha-512']));

/** The registry has settings for them; the models' servers take them in their addresses. */
function brokenRegistryRule(text: string): string | null {
  if (!text.includes('@')) return null;
  return 'not contain a user or a password: use SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD';
}

/** Every setting by the name it has in the environment; values are read from text, null where nothing is set. */
export const settingsSchema = z.object({
  RAVENHELM_LOG: z.enum(['auto', 'kafka', 'memory']),
  KAFKA_BROKERS: brokers.nullable(),
  SCHEMA_REGISTRY_URL: registryUrl.nullable(),
  RAVENHELM_PREFIX: z.string().refine((text) => brokenPrefixRule(text) === null),
  KAFKA_SASL_MECHANISM: saslMechanism.nullable(),
  KAFKA_SASL_USERNAME: z.string().nullable(),
  KAFKA_SASL_PASSWORD: z.string().nullable(),
  KAFKA_TLS: flag,
  KAFKA_TLS_CA: path.nullable(),
  KAFKA_TLS_CERT: path.nullable(),
  KAFKA_TLS_KEY: path.nullable(),
  SCHEMA_REGISTRY_USERNAME: z.string().nullable(),
  SCHEMA_REGISTRY_PASSWORD: z.string().nullable(),
  KAFKA_SESSION_TIMEOUT_MS: wholeNumber(RANGES.KAFKA_SESSION_TIMEOUT_MS),
  WORKER_MODELS: list.nullable(),
  PLANNER_MODELS: list.nullable(),
  OLLAMA_HOST: ollamaHost,
  OLLAMA_FIRST_TOKEN_MS: wholeNumber(RANGES.OLLAMA_FIRST_TOKEN_MS),
  ANTHROPIC_API_KEY: z.string().nullable(),
  OPENAI_API_KEY: z.string().nullable(),
  ANTHROPIC_BASE_URL: url.nullable(),
  OPENAI_BASE_URL: url.nullable(),
  HTTP_PROXY: proxy.nullable(),
  HTTPS_PROXY: proxy.nullable(),
  NO_PROXY: z.string().nullable(),
  WORKSPACE_ROOT: path,
  WORKSPACE_MIN_FREE_MB: wholeNumber(RANGES.WORKSPACE_MIN_FREE_MB),
  WORKSPACE_SNAPSHOTS_MB: wholeNumber(RANGES.WORKSPACE_SNAPSHOTS_MB),
  RAVENHELM_AGENTS_DIR: path,
  RAVENHELM_SANDBOX: flag,
  RAVENHELM_POLICY: path.nullable(),
  OPERATORS_FILE: path.nullable(),
  OPERATOR_KEY: path.nullable(),
  OPERATOR_NAME: z.string().min(1).nullable(),
  RAVENHELM_APPROVAL_MINUTES: wholeNumber(RANGES.RAVENHELM_APPROVAL_MINUTES),
  RAVENHELM_DAILY_USD: amount(RANGES.RAVENHELM_DAILY_USD).nullable(),
  RAVENHELM_DAILY_TOKENS: wholeNumber(RANGES.RAVENHELM_DAILY_TOKENS).nullable(),
  RAVENHELM_HTTP: httpAddress.nullable(),
  RAVENHELM_HTTP_TOKEN: bearerToken.nullable(),
  RAVENHELM_HTTP_HOSTS: hostNames.nullable(),
  RAVENHELM_HTTP_ADVERTISE: advertisedAddress.nullable(),
  RAVENHELM_TRACE_CONTENT: flag,
  LANGFUSE_PUBLIC_KEY: z.string().nullable(),
  LANGFUSE_SECRET_KEY: z.string().nullable(),
  LANGFUSE_HOST: url,
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
  LOG_FORMAT: z.enum(['auto', 'json', 'text']),
});

export type Settings = z.infer<typeof settingsSchema>;
export type SettingName = keyof Settings;

/** What a person needs to know of a setting. */
export interface SettingInfo {
  readonly doc: string;
  /** What a good value looks like; ends the error message. */
  readonly expected: string;
  /** Where a value has several rules to keep: the one that a text breaks, behind "it must". */
  readonly brokenRule?: (text: string) => string | null;
  /** Value as text; null: not set. Relative paths are the project's. */
  readonly default: string | null;
  /** Command-line flag in commander's notation, where there is one. */
  readonly flag?: string;
  /** An error in a file or in the environment: who turns it off must type it. */
  readonly flagOnly?: true;
  /** Shown masked. */
  readonly secret?: true;
  /** Of servers: what is before an @ is shown masked. */
  readonly address?: true;
  /** Its name in lower case is read from the environment too, and wins, as curl has it. */
  readonly anyCase?: true;
  /** Relative to the place where it stands: the working directory or the file's. */
  readonly path?: true;
}

export const SETTINGS: Readonly<Record<SettingName, SettingInfo>> = {
  RAVENHELM_LOG: {
    doc: 'Which log: kafka, memory (this process only), or auto: Kafka if available, else memory',
    expected: 'auto, kafka or memory',
    default: 'auto',
    flag: '--log <kind>',
  },
  KAFKA_BROKERS: {
    doc: 'Bootstrap brokers',
    expected: 'host:port, several separated by commas, such as localhost:19092',
    address: true,
    default: null,
    flag: '--brokers <list>',
  },
  SCHEMA_REGISTRY_URL: {
    doc: 'Schema registry with the Confluent API',
    expected: 'a URL such as http://localhost:18081',
    brokenRule: brokenRegistryRule,
    address: true,
    default: null,
    flag: '--registry <url>',
  },
  RAVENHELM_PREFIX: {
    doc: 'First part of all topic and group names; two swarms on one cluster need two prefixes',
    expected: `up to ${LONGEST_PREFIX} letters, digits, dots, dashes and underscores, the first a letter or a digit`,
    brokenRule: brokenPrefixRule,
    default: DEFAULT_PREFIX,
    flag: '--prefix <name>',
  },
  KAFKA_SASL_MECHANISM: {
    doc: 'SASL mechanism; unset: no SASL',
    expected: 'plain, scram-sha-256 or scram-sha-512',
    default: null,
  },
  KAFKA_SASL_USERNAME: { doc: 'SASL user', expected: 'a name', default: null },
  KAFKA_SASL_PASSWORD: { doc: 'SASL password', expected: 'a password', default: null, secret: true },
  KAFKA_TLS: { doc: 'Use TLS to the brokers', expected: 'true or false', default: 'false' },
  KAFKA_TLS_CA: {
    doc: 'CA certificate file (PEM); unset: the CAs that Node trusts',
    expected: 'a file',
    default: null,
    path: true,
  },
  KAFKA_TLS_CERT: { doc: 'Client certificate file (PEM)', expected: 'a file', default: null, path: true },
  KAFKA_TLS_KEY: { doc: 'Client key file (PEM)', expected: 'a file', default: null, path: true },
  SCHEMA_REGISTRY_USERNAME: { doc: "The registry's user", expected: 'a name', default: null },
  SCHEMA_REGISTRY_PASSWORD: { doc: "The registry's password", expected: 'a password', default: null, secret: true },
  // 10 s: a killed worker's task continues elsewhere after that and about 0.7 s more (npm run chaos -- --failover).
  // Brokers allow 6 s; then a process that is paused for 6 s (a paused virtual machine, an overloaded computer) loses
  // its partitions. That loses no work, but steps that cannot be repeated fail and use up a retry.
  KAFKA_SESSION_TIMEOUT_MS: {
    doc: "Time without a heartbeat after which the group reassigns a member's partitions",
    expected: 'milliseconds from 6000 to 1800000 (what brokers allow by default)',
    default: '10000',
  },
  WORKER_MODELS: {
    doc: "The workers' model chain, tried in order; an agent's own models: override it",
    expected: 'names separated by commas, such as ollama:llama3.1,playbook',
    default: null,
    flag: '--models <chain>',
  },
  PLANNER_MODELS: {
    doc: "The planner's model chain, tried in order; unset: Claude, OpenAI and Ollama, as far as they are configured",
    expected: 'names separated by commas, such as anthropic,ollama:llama3.1',
    default: null,
    flag: '--planner-models <chain>',
  },
  OLLAMA_HOST: {
    doc: 'Ollama server',
    expected: 'host, host:port or a URL, such as http://127.0.0.1:11434',
    address: true,
    default: 'http://127.0.0.1:11434',
  },
  OLLAMA_FIRST_TOKEN_MS: {
    doc: 'Time limit for the first token (Ollama loads the model first); then the next model of the chain takes over',
    expected: `milliseconds from 1000 to ${LONGEST_FIRST_TOKEN_MS} (Node itself gives up after five minutes)`,
    default: '240000',
  },
  ANTHROPIC_API_KEY: { doc: 'API key of Anthropic, for the planner', expected: 'a key', default: null, secret: true },
  OPENAI_API_KEY: { doc: 'API key of OpenAI, the optional fallback', expected: 'a key', default: null, secret: true },
  ANTHROPIC_BASE_URL: { doc: "Another server with Anthropic's API", expected: 'a URL', address: true, default: null },
  OPENAI_BASE_URL: { doc: "Another server with OpenAI's API", expected: 'a URL', address: true, default: null },
  HTTP_PROXY: {
    doc: 'Proxy for models at http:// addresses; loopback addresses never use it',
    expected: 'host:port or a URL, such as http://proxy.example:3128',
    default: null,
    address: true,
    anyCase: true,
  },
  HTTPS_PROXY: {
    doc: 'Proxy for models at https:// addresses',
    expected: 'host:port or a URL, such as http://proxy.example:3128',
    default: null,
    address: true,
    anyCase: true,
  },
  NO_PROXY: {
    doc: 'Hosts that are reached without a proxy',
    expected: 'names, addresses or networks separated by commas, such as .example,10.0.0.0/8',
    default: null,
    anyCase: true,
  },
  WORKSPACE_ROOT: {
    doc: "Directory of the missions' workspaces; the same volume for every worker",
    expected: 'a directory',
    default: '.ravenhelm/workspaces',
    path: true,
  },
  WORKSPACE_MIN_FREE_MB: {
    doc: 'No step begins when the disk of the workspaces has less free, in MiB; 0: steps always begin',
    expected: 'MiB from 0 to 1048576',
    default: '256',
  },
  WORKSPACE_SNAPSHOTS_MB: {
    doc: 'The snapshots of a workspace may take so much, in MiB, those of all its missions together',
    expected: 'MiB from 1 to 1048576',
    default: '10240',
  },
  RAVENHELM_AGENTS_DIR: {
    doc: "Directory of the agents' files",
    expected: 'a directory',
    default: 'agents',
    flag: '--agents-dir <dir>',
    path: true,
  },
  RAVENHELM_SANDBOX: {
    doc: 'off: commands run with your rights and without any confinement; by this flag only',
    expected: 'on or off',
    default: 'on',
    flag: '--sandbox <on|off>',
    flagOnly: true,
  },
  RAVENHELM_POLICY: {
    doc:
      'File with the rules about what agents may call; unset: policy.yaml in the working directory, ' +
      'else the built-in one',
    expected: 'a file',
    default: null,
    flag: '--policy <file>',
    path: true,
  },
  OPERATORS_FILE: {
    doc: 'File with the people whose requests and answers count, and their keys; unset: nothing needs a signature',
    expected: 'a file',
    default: null,
    flag: '--operators <file>',
    path: true,
  },
  OPERATOR_KEY: {
    doc: 'File with your private key, which signs what you ask and answer',
    expected: 'a file',
    default: null,
    flag: '--key <file>',
    path: true,
  },
  OPERATOR_NAME: {
    doc: 'Your name in the operators file; unset: the one with your key, where OPERATORS_FILE is set',
    expected: 'a name',
    default: null,
    flag: '--as <name>',
  },
  RAVENHELM_APPROVAL_MINUTES: {
    doc: 'How long a call that the policy asks about waits for a person; then it is refused',
    expected: rangeText(RANGES.RAVENHELM_APPROVAL_MINUTES),
    default: '1440',
  },
  RAVENHELM_DAILY_USD: {
    doc:
      'What the whole swarm may spend in a day (UTC), in US dollars; then missions wait. ' +
      'The same for every orchestrator',
    expected: rangeText(RANGES.RAVENHELM_DAILY_USD),
    default: null,
  },
  RAVENHELM_DAILY_TOKENS: {
    doc: 'The same in tokens, prompt and reply',
    expected: rangeText(RANGES.RAVENHELM_DAILY_TOKENS),
    default: null,
  },
  RAVENHELM_HTTP: {
    doc:
      'Address of /livez, /readyz and /metrics of a process with roles; a port alone means 127.0.0.1; ' +
      'serve uses 127.0.0.1:9464',
    expected: 'host:port or a port, such as 127.0.0.1:9464',
    default: null,
    flag: '--http <address>',
  },
  RAVENHELM_HTTP_TOKEN: {
    doc: 'Bearer token of each request to that address; must be set unless it is a loopback address',
    expected: 'at least 32 letters, digits or -._~+/, such as the output of openssl rand -hex 32',
    default: null,
    secret: true,
  },
  RAVENHELM_HTTP_HOSTS: {
    doc: 'More names by which clients may address it (Host), besides localhost and its own addresses',
    expected: 'names without port, separated by commas, such as worker.example.net',
    default: null,
  },
  RAVENHELM_HTTP_ADVERTISE: {
    doc:
      'Address that a worker announces, at which other computers fetch artifacts; ' +
      "unset: that of RAVENHELM_HTTP, with this computer's name where it means all addresses",
    expected: 'host:port, such as worker-1.example.net:9464',
    default: null,
  },
  RAVENHELM_TRACE_CONTENT: {
    doc: 'Traces also carry briefs, replies, arguments and outputs, redacted as the log is',
    expected: 'true or false',
    default: 'false',
  },
  LANGFUSE_PUBLIC_KEY: {
    doc: 'Public key of a project in LangFuse; traces go there, too',
    expected: 'a key',
    default: null,
  },
  LANGFUSE_SECRET_KEY: { doc: 'Its secret key', expected: 'a key', default: null, secret: true },
  LANGFUSE_HOST: {
    doc: 'The LangFuse server',
    expected: 'a URL such as https://cloud.langfuse.com',
    address: true,
    default: 'https://cloud.langfuse.com',
  },
  LOG_LEVEL: {
    doc: 'Minimum log level on stderr; info with serve and --role',
    expected: 'debug, info, warn, error or silent',
    default: 'warn',
    flag: '--log-level <level>',
  },
  LOG_FORMAT: {
    doc: 'Form of log lines on stderr: json, text for people, or auto: text on a terminal, else json',
    expected: 'auto, json or text',
    default: 'auto',
    flag: '--log-format <form>',
  },
};

export const SETTING_NAMES: readonly SettingName[] = settingsSchema.keyof().options;
