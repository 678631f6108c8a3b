import { isSignable, signRequest } from '../agent/request-signature.js';
import type { Signer } from '../agent/signatures.js';
import type { AgentEvent } from '../domain/events.js';
import { redactEvent } from '../domain/redaction.js';
import { redactPatterns } from '../domain/secret-patterns.js';
import type { Log } from '../ports/log.js';
import { isUnsandboxed } from '../ports/unsandboxed.js';
import type { ClientContext } from './context.js';

/** The context of an operator: what it writes names the operator, and is signed when it is appended. */
export const signingAs = (context: ClientContext, signer: Signer): ClientContext => ({
  ...context,
  requester: signer.name,
  signer,
});

export type SigningContext = Pick<ClientContext, 'signer' | 'redact' | 'topics'>;

/**
 * The event as it is appended to the log: signed, if only people write its type and the context signs, and marked, if
 * this process runs commands without a sandbox.
 */
export const asAppended = <E extends AgentEvent>(context: SigningContext, log: Log, event: E): E =>
  signed(context, log, isUnsandboxed(log) ? { ...event, sandbox: 'off' } : event);

/** The event with the signature of the context's signer, if it is one that people sign. */
export function signed<E extends AgentEvent>(
  { signer, redact = redactPatterns, topics: { prefix } }: SigningContext,
  { clusterId }: Pick<Log, 'clusterId'>,
  event: E,
): E {
  if (signer === undefined || !isSignable(event)) return event;
  // As the log will have it: what is signed must not change on the way.
  return signRequest(redactEvent(event, redact), signer, { prefix, clusterId });
}
