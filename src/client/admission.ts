/** Whether a mission's request counts, for a client that does not follow the mission. */
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import type { AgentEvent } from '../domain/events.js';
import type { ClientContext, LogSession } from './context.js';
import { follow } from './follow.js';
import { DECIDED_WITHIN_MS, judgeMission, type Verdict } from './verdict.js';
import type { ClientError } from './client-error.js';

export interface Admissions {
  /**
   * Resolves when an orchestrator has begun the mission, or after 10 s without that. Rejects with ClientError
   * (request_void) when its request does not count.
   */
  decided(missionId: string): Promise<Verdict>;
}

/** To be called before the mission is submitted: what was written before is not read. */
export async function watchAdmissions(
  { clock, signal, topics }: Pick<ClientContext, 'clock' | 'signal' | 'topics'>,
  { log, onEnd }: LogSession,
): Promise<Admissions> {
  const verdicts = new Map<string, 'decided' | ClientError>();
  let look = (): void => undefined;
  const note = (event: AgentEvent) => {
    const verdict = judgeMission(event);
    const missionId = event.correlation_id;
    if (verdict === null || missionId === null || verdicts.has(missionId)) return;
    verdicts.set(missionId, verdict);
    look();
  };
  const { caughtUp, failure, stop } = await orAborted(
    follow(log, {
      topics: [topics.coordination],
      from: 'end',
      onRecord: ({ content }) => void (content.kind === 'event' && note(content.event)),
    }),
    signal,
  );
  onEnd('watch', stop);
  await orAborted(caughtUp, signal);
  return {
    async decided(missionId) {
      const verdict = createHandledDeferred<Verdict>();
      const timer = clock.setTimer(DECIDED_WITHIN_MS, () => verdict.resolve('pending'));
      look = () => {
        const said = verdicts.get(missionId);
        if (said === 'decided') verdict.resolve(said);
        else if (said !== undefined) verdict.reject(said);
      };
      look();
      try {
        return await orAborted(Promise.race([verdict.promise, failure]), signal);
      } finally {
        timer.cancel();
      }
    },
  };
}
