/**
 * Owner ids of claims. What a holder decides counts by its owner id, and Kafka cannot tell event types apart: so the id
 * of a coordination partition's holder is known only to those who may read that topic. Workers write there, and read
 * other topics (docs/security.md).
 */
import type { Ids } from '../../ports/clock.js';

/** Of a UUID: 15 random hex digits, 60 bits, more than anyone can try by appends. */
const SECRET_LENGTH = 18;

/** An id that was never used before. */
export const newOwnerId = (processId: string, ids: Ids): string => `${processId}/${ids.uuid().slice(0, SECRET_LENGTH)}`;
