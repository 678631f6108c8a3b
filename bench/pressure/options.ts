import type { Cluster } from '../support/product-log.js';

export interface PressureOptions {
  readonly cluster: Cluster;
  readonly projectDir: string;
  readonly tasks: number;
  readonly missions: number;
  readonly megabytes: number;
  /** Seconds that memory is watched for once everything is folded. */
  readonly watch: number;
  /** Minutes of load. */
  readonly minutes: number;
}
