/** When the missions of a workspace have ended, for requests that continue one of them. */

export interface WorkspaceUse {
  /** Offset of the record that ended the last mission that used it. */
  readonly endedAt: number;
  /** When that mission was forgotten, by the log; ms since the epoch. */
  readonly atMs: number;
}

/** By workspace: the first of the missions that use it. In the order in which they were noted. */
export type WorkspaceUses = Map<string, WorkspaceUse>;
