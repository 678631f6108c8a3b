/**
 * Requests and answers of people that do not count. Those about an open mission are in its record; of the others only
 * this process says something, in few lines, so that a flood of them fills neither the coordination topic nor a disk.
 */
import type { AgentEvent } from '../../domain/events.js';
import type { FoldRecord } from '../../domain/record.js';
import { VOID_REASONS } from '../../domain/waiting-call.js';
import type { Mission } from '../../domain/mission-state.js';
import { REQUEST_WINDOW_MS } from '../../domain/requests.js';
import { faultOfUnrecorded, REQUEST_TYPES } from '../../domain/unrecorded-requests.js';
import type { Logger } from '../../ports/logger.js';
import { wordOf } from '../../ports/metrics.js';
import type { RoleDeps } from '../shared/role.js';

export interface VoidRequests {
  /**
   * The fold has made nothing of the record: its mission has ended, or there is none.
   * @param logger of its partition
   */
  onVoid(record: FoldRecord, mission: Mission | undefined, logger: Logger): void;
  /** A holder's decision that was read back. */
  onRecorded(event: AgentEvent): void;
}

/** Anyone may write an approval_void with any code. */
const CODES: readonly string[] = [...Object.keys(VOID_REASONS), 'no_effect'];
const TYPES: readonly string[] = Object.keys(REQUEST_TYPES);

const MINUTE_MS = 60_000;
const LINES_A_MINUTE = 10;
/** An identifier that a stranger has chosen may be as long as a record. */
const MOST_CHARACTERS = 100;

/** One for all partitions of a process. */
export function createVoidRequests(
  deps: Pick<RoleDeps, 'clock' | 'metrics' | 'verifyRequest' | 'verifyAnswer'>,
): VoidRequests {
  const { clock, metrics } = deps;
  const mayLog = createLimit(clock.now);
  return {
    onVoid({ event, offset, timestampMs }, mission, logger) {
      // What is older was read by a former holder. Of what came since, nothing is missed, and some is said twice.
      if (clock.now() - timestampMs > REQUEST_WINDOW_MS) return;
      const found = faultOfUnrecorded(event, timestampMs, mission, deps);
      if (found === null) return;
      const { code, reason, person, missionId } = found;
      metrics.requestVoid(event.event_type, code);
      const leftOut = mayLog();
      if (leftOut === null) return;
      const what = { event_type: event.event_type, mission_id: short(missionId), requested_by: short(person), code };
      const before = leftOut === 0 ? {} : { left_out_before: leftOut };
      logger.warn({ ...what, why: reason, offset, ...before }, 'request.void');
    },
    onRecorded({ event_type, payload }) {
      if (event_type === 'request_void')
        metrics.requestVoid(wordOf(payload.request_type, TYPES), wordOf(payload.code, CODES));
      if (event_type === 'approval_void') metrics.requestVoid('call_answered', wordOf(payload.code, CODES));
    },
  };
}

const short = (text: string): string =>
  text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}… (${text.length} characters)`;

/** Asked for each line: how many were left out before it; null: it is left out, too. */
function createLimit(now: () => number): () => number | null {
  let since = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let leftOut = 0;
  return () => {
    if (now() - since >= MINUTE_MS) {
      since = now();
      lines = 0;
    }
    if (lines === LINES_A_MINUTE) {
      leftOut += 1;
      return null;
    }
    lines += 1;
    const before = leftOut;
    leftOut = 0;
    return before;
  };
}
