import { createCoordinationView, type CoordinationView } from '../domain/coordination-view.js';
import type { AgentEvent } from '../domain/events.js';
import { isOpen } from '../domain/mission-state.js';
import type { MissionReport } from '../domain/report.js';
import type { Log, LogRecord, WatchOptions } from '../ports/log.js';
import { orAborted } from '../domain/deferred.js';
import { lazyReport } from './lazy-report.js';
import { missionOf } from './mission-of.js';
import { follow } from './follow.js';

/** A record of the coordination topic that counted. */
export interface FeedChange {
  readonly record: LogRecord;
  readonly event: AgentEvent;
  /** null for events of no mission, such as claims. */
  readonly missionId: string | null;
  /** Whether the record was in the log before the feed started. */
  readonly past: boolean;
}

/** The coordination topic, or a part of it, folded and kept up to date. */
export interface MissionFeed {
  readonly view: CoordinationView;
  /** The report of each mission, oldest first. */
  reports(): readonly MissionReport[];
  /** Calls back after each record that counted was folded; returns how to stop that. */
  subscribe(listener: (change: FeedChange) => void): () => void;
  /**
   * Calls back after each record of the mission that counted; returns how to stop that. A report that the listener
   * does not read is never made: it walks over all tasks.
   */
  onMission(missionId: string, listener: (event: AgentEvent, report: MissionReport) => void): () => void;
  /** Resolves when everything that was in the log at the start was folded; rejects when the log cannot be read. */
  readonly caughtUp: Promise<void>;
  /** Never resolves; rejects when the log cannot be read any more. */
  readonly failure: Promise<never>;
  /** Resolves with the report once the mission has ended; rejects when the log cannot be read or the signal aborts. */
  ended(missionId: string, signal: AbortSignal): Promise<MissionReport>;
  stop(): Promise<void>;
}

export interface MissionFeedOptions {
  readonly log: Pick<Log, 'watch'>;
  /** The coordination topic. */
  readonly topic: string;
  /**
   * Default beginning. From another place it knows the missions whose request lies behind that; view.isCertain says
   * of which it knows all.
   */
  readonly from?: WatchOptions['from'];
}

/** Starts to read. Rejects when the log cannot be watched. */
export async function createMissionFeed({ log, topic, from = 'beginning' }: MissionFeedOptions): Promise<MissionFeed> {
  const view = createCoordinationView({ isPartial: from !== 'beginning' });
  const listeners = new Set<(change: FeedChange) => void>();
  let past = true;

  const { caughtUp, failure, stop } = await follow(log, {
    topics: [topic],
    from,
    onRecord(record) {
      if (record.content.kind !== 'event') return;
      const { event } = record.content;
      const applied = view.apply(record.partition, { offset: record.offset, timestampMs: record.timestampMs, event });
      if (applied === null) return;
      for (const listener of [...listeners]) listener({ record, event: applied, missionId: missionOf(applied), past });
    },
    onCaughtUp() {
      past = false;
    },
  });

  const subscribe = (listener: (change: FeedChange) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    view,
    reports: () => view.missions().flatMap((id) => view.report(id) ?? []),
    subscribe,
    onMission: (id, listener) =>
      subscribe(({ missionId, event }) => {
        if (missionId !== id || view.mission(id) === null) return;
        listener(
          event,
          lazyReport(() => reportIn(view, id)),
        );
      }),
    caughtUp,
    failure,
    ended: (missionId, signal) => orAborted(Promise.race([whenEnded(view, subscribe, missionId), failure]), signal),
    stop,
  };
}

function whenEnded(
  view: CoordinationView,
  subscribe: (listener: (change: FeedChange) => void) => () => void,
  missionId: string,
): Promise<MissionReport> {
  return new Promise((resolve) => {
    const check = () => {
      const mission = view.mission(missionId);
      if (mission === null || isOpen(mission)) return;
      unsubscribe();
      resolve(reportIn(view, missionId));
    };
    const unsubscribe = subscribe((change) => change.missionId === missionId && check());
    check();
  });
}

function reportIn(view: CoordinationView, missionId: string): MissionReport {
  const report = view.report(missionId);
  if (report === null) throw new TypeError(`the mission ${missionId} has no report`);
  return report;
}
