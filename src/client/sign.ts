import { signRequest } from '../agent/request-signature.js';
import type { Signer } from '../agent/signatures.js';
import type { EventOf } from '../domain/events.js';
import { redactEvent } from '../domain/redaction.js';
import type { SignableType } from '../domain/requests.js';
import { redactPatterns } from '../domain/secret-patterns.js';
import type { ClientContext } from './context.js';

/** The context of an operator: what it writes names the operator, and is signed. */
export const signingAs = (context: ClientContext, signer: Signer): ClientContext => ({
  ...context,
  requester: signer.name,
  signer,
});

/** An event that only people write, signed where the context signs. */
export function signed<E extends EventOf<SignableType>>(
  { signer, redact = redactPatterns, topics }: Pick<ClientContext, 'signer' | 'redact' | 'topics'>,
  event: E,
): E {
  // As the log will have it: what is signed must not change on the way.
  return signer === undefined ? event : signRequest(redactEvent(event, redact), signer, topics.prefix);
}
