/**
 * Which content a task reads that strangers may have written. Pure: an assignment says what its attempt may read, and
 * the number of its calls says what it has read. So the orchestrator and every worker come to the same answer.
 * docs/security.md has the rule in words.
 */
import type { AgentSpec } from './agent-spec.js';
import type { PayloadOf } from './events.js';
import { hostAndPort } from './network.js';

export type UntrustedSource = NonNullable<PayloadOf<'task_assigned'>['untrusted']>[number];
export type Taint = PayloadOf<'tool_called'>['tainted_by'][number];

/** What an agent reaches beyond its workspace, which is untrusted, such as `network`. */
export interface Reach {
  readonly origin: string;
  /** Which ones. */
  readonly detail: string;
}

/** A missing mark is no trust: an older orchestrator does not say what is untrusted. */
const NOT_SAID: readonly UntrustedSource[] = [
  { origin: 'unknown', detail: 'an older orchestrator assigned it', in_prompt: true },
];

/**
 * What has tainted an attempt, in the order of its sources; empty: nothing.
 * @param untrusted of its assignment
 * @param calls steps that it has called so far; each may have read all that it can reach
 */
export function taintOf(untrusted: PayloadOf<'task_assigned'>['untrusted'], calls: number): Taint[] {
  return (untrusted ?? NOT_SAID)
    .filter(({ in_prompt }) => in_prompt || calls > 0)
    .map(({ origin, detail, in_prompt }) => ({ origin, detail, step: in_prompt ? 0 : 1 }));
}

/** Such as "workspace" or "tasks (deploy-web_agent-wave1)". */
export const taintText = ({ origin, detail }: Pick<Taint, 'origin' | 'detail'>): string =>
  detail === '' ? origin : `${origin} (${detail})`;

/** All of them, such as "workspace, tasks (deploy-web_agent-wave1)". */
export const taintsText = (taints: readonly Pick<Taint, 'origin' | 'detail'>[]): string =>
  taints.map(taintText).join(', ');

/** Both, each once. */
export function mergedTaint(known: readonly Taint[], more: readonly Taint[]): readonly Taint[] {
  const news = more.filter((one) => !known.some((other) => taintText(other) === taintText(one)));
  return news.length === 0 ? known : [...known, ...news];
}

/** Both, each once. */
export function mergedReach(known: readonly Reach[], more: readonly Reach[]): readonly Reach[] {
  const isKnown = ({ origin, detail }: Reach) =>
    known.some((other) => other.origin === origin && other.detail === detail);
  return [...known, ...more.filter((one) => !isKnown(one))];
}

/** What an agent's own file lets its calls read besides the workspace; empty: nothing. */
export const reachOf = ({ network = [], mounts = [], docker = false }: AgentSpec): readonly Reach[] => [
  ...(network.length === 0 ? [] : [{ origin: 'network', detail: network.map(hostAndPort).join(', ') }]),
  ...(mounts.length === 0 ? [] : [{ origin: 'mounts', detail: mounts.map(({ path }) => path).join(', ') }]),
  ...(docker ? [{ origin: 'docker', detail: '' }] : []),
];
