import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js';
import { replaceMethod } from './replace-method.js';

/** After so many fetches, some ten seconds at rest, a member has settled. */
export const SETTLED_AFTER_FETCHES = 50;
export const SETTLED_WAIT_MS = 1_000;

/**
 * A fetch of a member that has settled waits longer for records, so that a swarm at rest asks seldom: each of a worker's
 * twelve consumers has a fetch under way all the time. Records are not later for it, for they end the wait. A rebalance is,
 * by as much at most: kafkajs sends its heartbeats between fetches, and a partition that comes is read with the next
 * one. So after a rebalance the waits are short for a while. (consumer/consumerGroup.js fetch.)
 */
export function letSettledFetchesWait(): void {
  const members = new WeakMap<ConsumerGroup, { readonly shortWaitMs: number; fetches: number; generation: number | null }>();
  replaceMethod(ConsumerGroup?.prototype, 'fetch', (fetch) => function (this: ConsumerGroup, nodeId) {
    const member = members.get(this) ?? { shortWaitMs: this.maxWaitTime, fetches: 0, generation: this.generationId };
    members.set(this, member);
    if (member.generation !== this.generationId) Object.assign(member, { fetches: 0, generation: this.generationId });
    this.maxWaitTime = member.fetches < SETTLED_AFTER_FETCHES ? member.shortWaitMs : Math.max(member.shortWaitMs, SETTLED_WAIT_MS);
    member.fetches += 1;
    return fetch.call(this, nodeId);
  });
}
