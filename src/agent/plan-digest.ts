import { createHash } from 'node:crypto';
import type { Plan } from '../domain/events.js';
import { canonicalJson } from './canonical-json.js';

/** sha256, hex, of a plan's canonical JSON: what a person's approval or rejection of it is bound to. */
export const planDigest = (plan: Plan): string => createHash('sha256').update(canonicalJson(plan)).digest('hex');
