/** The log: appends, read-backs, claims and partitions. */
import { TOPIC, type Definitions } from './metric-definition.js';

/** Seconds; an append takes one millisecond on a local broker. */
const APPEND_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30];

const APPENDER = '`coordination` or `tasks`';

export const LOG_METRICS = {
  appendSeconds: {
    name: 'ravenhelm_append_seconds',
    kind: 'histogram',
    help: 'From the request of an append to its acknowledgement',
    labels: { appender: APPENDER },
    buckets: APPEND_BUCKETS,
  },
  readBackSeconds: {
    name: 'ravenhelm_read_back_seconds',
    kind: 'histogram',
    help: 'From the request of an append to the moment in which the same process has read the record',
    labels: { appender: APPENDER },
    buckets: APPEND_BUCKETS,
  },
  heldPartitions: {
    name: 'ravenhelm_held_partitions',
    kind: 'gauge',
    help: 'Partitions whose claim this process has read back',
    labels: { topic: TOPIC },
  },
  blockedPartitions: {
    name: 'ravenhelm_blocked_partitions',
    kind: 'gauge',
    help: 'Partitions of this process that stop before a record, or are set apart because records were lost',
    labels: { topic: TOPIC },
  },
  claimsLost: {
    name: 'ravenhelm_claims_lost_total',
    kind: 'counter',
    help: 'Partitions that this process held and another one has claimed',
    labels: { topic: TOPIC },
  },
  replayLag: {
    name: 'ravenhelm_replay_lag_records',
    kind: 'gauge',
    help:
      'Unfinished work: records that the next holder would read again, from the last committed replay point to the ' +
      'last record that this one has read, of the partitions that it holds',
    labels: { topic: TOPIC },
  },
  deadLetters: {
    name: 'ravenhelm_dead_letters_total',
    kind: 'counter',
    help: 'Records that were skipped and kept as dead letters; a take-over may write and count one again',
    labels: { topic: `${TOPIC} of the record`, result: '`written`, or `rejected` by the log' },
  },
} as const satisfies Definitions;
