import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { checkedOptions, prefixOption } from '../agent/checked-options.js';
import { openOperators } from '../agent/open-operators.js';
import { createVerifyRequest } from '../agent/request-signature.js';
import { privateKeyOf } from '../agent/operators-file.js';
import { createSigner } from '../agent/signatures.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import type { VerifyRequest } from '../domain/requests.js';
import { createTopicNames } from '../domain/topic-names.js';
import type { Log } from '../ports/log.js';
import { silentLogger, type Logger } from '../ports/logger.js';
import { createSystemClock, createSystemIds } from '../telemetry/system-clock.js';
import type { Client } from './client.js';
import { createClientOn } from './client-on.js';
import type { ClientContext } from './context.js';
import { signingAs } from './sign.js';
import { rosterOf } from './roster.js';

/** A person of the swarm's operators file, and the private Ed25519 key in PEM. */
export interface OperatorKey {
  readonly name: string;
  readonly key: string;
}

/** A Swarm of this process is such options, too. */
export interface ClientOptions {
  /** The log of the swarm. The client does not close it. */
  readonly log: Log;
  /** The swarm's agents, or their directory: missions are checked against them. */
  readonly agents: string | readonly AgentSpec[];
  /** Where the workers' workspaces lie, at the same path here. */
  readonly workspaceRoot: string;
  /** Token of the workers' HTTP endpoints, with which requests to them are signed. Default: they are not. */
  readonly httpToken?: string;
  /** The same as the swarm's. Default ravenhelm.squad. */
  readonly prefix?: string;
  /** Who asks, as the events say it. Default HOST. */
  readonly requester?: string;
  /** The requester, whose key signs all that is asked. Needed where the swarm has operators. Default: none. */
  readonly operator?: OperatorKey;
  /**
   * The swarm's operators file: what is done about dead letters counts only where one of them has signed it. Default:
   * all of it counts.
   */
  readonly operators?: string;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
  /** Ends everything that the client waits for. Default: only close() does. */
  readonly signal?: AbortSignal;
}

/** A client of a running swarm. Opens nothing before it is used. Throws OptionError. */
export function createClient(options: ClientOptions): Client {
  const { prefix, requester, operator, operators } = checkedOptions(OPTIONS, options, 'createClient');
  const { log, workspaceRoot, httpToken, logger = silentLogger, signal = new AbortController().signal } = options;
  const unsigned: ClientContext = {
    clock: createSystemClock(),
    ids: createSystemIds(),
    random: Math.random,
    logger,
    topics: createTopicNames(prefix),
    signal,
    requester: requester ?? hostname(),
    ...(log.redact === undefined ? {} : { redact: log.redact }),
    ...(operators === undefined ? {} : { verifyHandling: verifierOf(resolve(operators), prefix) }),
  };
  const context = operator === undefined ? unsigned : signingAs(unsigned, createSigner(operator.name, operator.key));
  return createClientOn(context, {
    log,
    roster: () => rosterOf(options.agents, 'the option agents'),
    workspaceRoot: resolve(workspaceRoot),
    ...(httpToken === undefined ? {} : { httpToken }),
  });
}

/** Reads the file when it is needed, once. */
function verifierOf(file: string, prefix: string): NonNullable<ClientContext['verifyHandling']> {
  let read: Promise<VerifyRequest> | null = null;
  return ({ clusterId }) =>
    (read ??= openOperators(file).then(({ operators }) => createVerifyRequest(operators, { prefix, clusterId })));
}

const text = z.string('it must be a text').min(1, 'it must not be empty');
const privateKey = text.transform((pem, issue) => {
  const key = privateKeyOf(pem);
  if (key !== null) return key;
  issue.addIssue('it must be a private Ed25519 key in PEM');
  return z.NEVER;
});
const OPTIONS = z.strictObject({
  log: z.custom<Log>(
    (value) => typeof value === 'object' && value !== null && 'joinGroup' in value,
    'it must be memoryLog() or await kafkaLog(…)',
  ),
  agents: z.union([text, z.array(z.custom<AgentSpec>()).min(1)], 'it must be a directory or agents of defineAgent'),
  workspaceRoot: text,
  httpToken: text.optional(),
  prefix: prefixOption.default(createTopicNames().prefix),
  requester: text.optional(),
  operator: z.strictObject({ name: text, key: privateKey }).optional(),
  operators: text.optional(),
  logger: z.custom<Logger>().optional(),
  signal: z.custom<AbortSignal>().optional(),
  // What a Swarm has besides.
  failed: z.custom<unknown>().optional(),
  updateAgents: z.custom<unknown>().optional(),
  close: z.custom<unknown>().optional(),
});
