import type { Cluster } from '../support/product-log.js';
import type { Floors } from './floors.js';

export interface SpeedOptions {
  readonly cluster: Cluster;
  readonly projectDir: string;
  /** Of each figure. */
  readonly rounds: number;
  /** Of the same run. */
  readonly floors: Floors;
  /** Where the profile of the processor time is kept; null: nowhere. */
  readonly profileDir: string | null;
  /** For what must stay as it is however many there were before. */
  readonly history: number;
  /** Another copy of the product, built, that missions measures in turns with this one; null: none. */
  readonly beside: string | null;
  /** Whether the copy that missions measures in turns with this one sends traces; without `beside` it is this one. */
  readonly traced: boolean;
}
