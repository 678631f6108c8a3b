import { openProcessHealth, type ProcessHealth } from '../../src/swarm/process-health.js';
import type { Appended, AppendRequest, Log } from '../../src/ports/log.js';
import { createRedactor } from '../../src/domain/redaction.js';
import { createDeferred } from '../../src/domain/deferred.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { silentLogger } from '../../src/ports/logger.js';

/** A process's health endpoint on a free port, and questions to it over HTTP. */
export async function createProcessHealthUnderTest(): Promise<
  ProcessHealth & {
    /** Status, and the reasons where there are any. */
    ask(path: string): Promise<readonly [number, readonly string[]]>;
    /** Asks again and again. */
    until(path: string, isSo: (status: number, reasons: readonly string[]) => boolean): Promise<void>;
  }
> {
  const health = await openProcessHealth(
    {
      redact: createRedactor(['canary-of-health']),
      logger: silentLogger,
      clock: createSystemClock(),
      processName: 'host-1',
    },
    {
      access: { version: '1.2.3', address: { host: '127.0.0.1', port: 0 }, token: null, hosts: [] },
      otlp: null,
      files: [],
    },
  );
  const ask = async (path: string): Promise<readonly [number, readonly string[]]> => {
    const response = await fetch(`${health.url}${path}`);
    const answer: { readonly reasons?: readonly string[] } = JSON.parse(await response.text());
    return [response.status, answer.reasons ?? []];
  };
  return {
    ...health,
    ask,
    async until(path, isSo) {
      // A pause between two requests.
      while (!isSo(...(await ask(path)))) await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };
}

/** The log, but that claims reach it only when the test lets them. */
export function heldBackClaims(log: Log): { readonly log: Log; release(count: number): void } {
  const waiting: (() => void)[] = [];
  let free = 0;
  return {
    log: {
      ...log,
      createAppender(name) {
        const appender = log.createAppender(name);
        return {
          ...appender,
          append(request: AppendRequest): Promise<Appended> {
            if (request.event.event_type !== 'partition_claimed' || free > 0) return appender.append(request);
            const appended = createDeferred<Appended>();
            waiting.push(() => void appender.append(request).then(appended.resolve, appended.reject));
            return appended.promise;
          },
        };
      },
    },
    release(count) {
      if (count === Infinity) free = count;
      for (const append of waiting.splice(0, count)) append();
    },
  };
}
