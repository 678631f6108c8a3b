/** Which missions a list shows, and where its next page begins. */
import { hasEnded, type MissionReport, type MissionStatus } from '../domain/report.js';

export interface MissionFilter {
  /** Only these; null: every one. */
  readonly statuses: ReadonlySet<MissionStatus> | null;
  /** Only missions of this name, in which * fits any text; null: every one. */
  readonly name: string | null;
  /** Only missions that were submitted at or after this time (ms since the epoch, of the log); null: every one. */
  readonly sinceMs: number | null;
  /** With sinceMs: missions that have not ended are listed, however old. */
  readonly keepOpen: boolean;
  /** Only missions with an older id than this text; null: every one. */
  readonly before: string | null;
  /** The newest so many; null: every one. */
  readonly limit: number | null;
}

export interface MissionPage {
  /** Oldest first. */
  readonly missions: readonly MissionReport[];
  /** All that fit the filter, this page and older ones. */
  readonly fitting: number;
  /**
   * `before` of the next page; null: this is the last one. It is an id, not a number of missions: what is submitted
   * meanwhile is newer, and moves nothing.
   */
  readonly next: string | null;
}

/** @param reports oldest first */
export function pageOf(reports: readonly MissionReport[], filter: MissionFilter): MissionPage {
  const fits = nameTest(filter.name);
  const fitting = reports.filter(
    (report) =>
      (filter.before === null || report.mission_id < filter.before) &&
      (filter.statuses === null || filter.statuses.has(report.status)) &&
      fits(report.name) &&
      isInWindow(report, filter),
  );
  const missions = filter.limit === null ? fitting : fitting.slice(-filter.limit);
  const next = missions.length < fitting.length ? (missions[0]?.mission_id ?? null) : null;
  return { missions, fitting: fitting.length, next };
}

function isInWindow({ started_at, status }: MissionReport, { sinceMs, keepOpen }: MissionFilter): boolean {
  return sinceMs === null || Date.parse(started_at) >= sinceMs || (keepOpen && !hasEnded(status));
}

function nameTest(pattern: string | null): (name: string) => boolean {
  if (pattern === null) return () => true;
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`, 's');
  return (name) => expression.test(name);
}
