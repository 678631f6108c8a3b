/** The revision of an agent (AgentSpec.digest). */
import { createHash } from 'node:crypto';
import type { AgentSpec } from '../domain/agent-spec.js';
import { canonicalJson } from './canonical-json.js';

/** sha256, in hex, of the bytes of an agent's file. */
export function digestOfFile(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * sha256, in hex, of the normalised spec of an agent that is defined in code: every field but the digest as JSON, with
 * the keys of every object in order. So the order in which a program writes the fields does not matter.
 */
export function digestOfSpec(spec: Omit<AgentSpec, 'digest'>): string {
  const { digest: _, ...fields }: Partial<AgentSpec> = spec;
  return createHash('sha256').update(canonicalJson(fields)).digest('hex');
}
