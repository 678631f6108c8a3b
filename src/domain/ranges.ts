import { RECORD_BYTES } from './sizes.js';

/**
 * The numbers that people set, each with its range; both ends are allowed and work. docs/configuration.md has the
 * table. A number is checked where it is written: in a file with line and column, else by the name of its setting or
 * option.
 */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** Whether it has no fraction. */
  readonly whole: boolean;
  /** What it counts, in the plural; empty where its name says it. */
  readonly unit: string;
}

const whole = (least: number, most: number, unit = ''): NumberRange => ({ least, most, unit, whole: true });
const any = (least: number, most: number, unit: string): NumberRange => ({ least, most, unit, whole: false });

const A_YEAR_SECONDS = 365 * 86_400;
const A_TEBIBYTE_MB = 1_048_576;
/** Far above what a mission costs, and exact in a JavaScript number and in Avro's long. */
const MANY_TOKENS = 1_000_000_000_000;

export const RANGES = {
  'mission retries': whole(0, 10),
  'mission budget.usd': any(0.000001, 1_000_000, 'US dollars'),
  'mission budget.tokens': whole(1, MANY_TOKENS, 'tokens'),
  // Ten years.
  'mission budget.minutes': any(0.001, 5_256_000, 'minutes'),
  'task timeout_seconds': whole(1, A_YEAR_SECONDS, 'seconds'),
  'agent phase': whole(1, 1_000),
  'agent concurrency': whole(1, 1_000, 'tasks'),
  'agent timeout_seconds': whole(1, A_YEAR_SECONDS, 'seconds'),
  'agent max_steps': whole(1, 10_000, 'steps'),
  // A command's own timeout is at most an hour.
  'limits wall_seconds': whole(1, 3_600, 'seconds'),
  'limits cpu_seconds': whole(1, A_YEAR_SECONDS, 'seconds'),
  // Below, the sandbox itself does not start.
  'limits memory_mb': whole(32, A_TEBIBYTE_MB, 'MiB'),
  'limits processes': whole(8, 1_000_000),
  'limits open_files': whole(32, 1_000_000),
  'limits file_mb': whole(1, A_TEBIBYTE_MB, 'MiB'),
  'limits tmp_mb': whole(1, A_TEBIBYTE_MB, 'MiB'),
  'limits shm_mb': whole(1, A_TEBIBYTE_MB, 'MiB'),
  'limits output_mb': whole(1, A_TEBIBYTE_MB, 'MiB'),
  'limits workspace_mb': whole(1, 16 * A_TEBIBYTE_MB, 'MiB'),
  'limits workspace_files': whole(10, 1_000_000_000),
  // Room for a reply of 2,048 tokens and for a prompt as long.
  'model context_tokens': whole(4_096, 100_000_000, 'tokens'),
  'model max_output_tokens': whole(256, 100_000_000, 'tokens'),
  'model thinking_tokens': whole(0, 25_000_000, 'tokens'),
  'model price': any(0, 1_000_000, 'US dollars per million tokens'),
  'topic partitions': whole(1, 10_000),
  'topic replication_factor': whole(1, 100),
  // What records carry (sizes.ts) fits into the brokers' default of 1 MiB, not into less.
  'topic max.message.bytes': whole(RECORD_BYTES, 2_147_483_647, 'bytes'),
  // 1,000 years; topics.yaml also takes forever.
  'topic retention': whole(1, 1_000 * A_YEAR_SECONDS, 'seconds'),
  WORKSPACE_MIN_FREE_MB: whole(0, A_TEBIBYTE_MB, 'MiB'),
  WORKSPACE_SNAPSHOTS_MB: whole(1, A_TEBIBYTE_MB, 'MiB'),
  KAFKA_SESSION_TIMEOUT_MS: whole(6_000, 1_800_000, 'milliseconds'),
  OLLAMA_FIRST_TOKEN_MS: whole(1_000, 290_000, 'milliseconds'),
  RAVENHELM_APPROVAL_MINUTES: whole(1, 20_160, 'minutes'),
  RAVENHELM_DAILY_USD: any(0.01, 1_000_000, 'US dollars'),
  RAVENHELM_DAILY_TOKENS: whole(1, MANY_TOKENS, 'tokens'),
  'RAVENHELM_HTTP port': whole(0, 65_535),
  'broker port': whole(1, 65_535),
  'network port': whole(1, 65_535),
  'show --attempt': whole(1, 999_999_999),
  'show --step': whole(1, 999_999_999),
  'workspace prune --older-than': whole(0, 9_999, 'minutes, hours or days'),
  'status --limit': whole(1, 1_000_000),
  'diff --wave': whole(1, 1_000_000),
  // 0: before the mission.
  'restore --wave': whole(0, 1_000_000),
  'recover partition': whole(0, 999_999),
  'createSwarm drainMs': whole(0, 600_000, 'milliseconds'),
  'kafkaLog sessionTimeoutMs': whole(6_000, 1_800_000, 'milliseconds'),
  'memoryLog maxRecordBytes': whole(RECORD_BYTES, 2_147_483_647, 'bytes'),
  'processes timeoutMs': whole(1, 600_000, 'milliseconds'),
} as const satisfies Readonly<Record<string, NumberRange>>;

export type RangeName = keyof typeof RANGES;

/** Such as "a whole number from 1 to 10" or "from 0.001 to 5256000 minutes". */
export function rangeText({ least, most, unit, whole: isWhole }: NumberRange): string {
  return `${isWhole ? 'a whole number ' : ''}from ${least} to ${most}${unit === '' ? '' : ` ${unit}`}`;
}

export const isInRange = ({ least, most, whole: isWhole }: NumberRange, value: number): boolean =>
  value >= least && value <= most && (!isWhole || Number.isInteger(value));
