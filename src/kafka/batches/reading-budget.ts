/**
 * How much of an answer is unpacked at once. What is left is fetched again, so that a batch of a few kilobytes which
 * unpacks to gigabytes costs its reader memory for one batch only.
 */
export interface ReadingBudget {
  /** The most that one batch may unpack to. */
  readonly batchBytes: number;
  /** The most records that are taken of a batch at once. */
  readonly batchRecords: number;
  spend(bytes: number): void;
  /** Nothing more is taken of this answer. */
  exhaust(): void;
  isExhausted(): boolean;
}

export interface ReadingLimits {
  readonly batchBytes: number;
  readonly batchRecords: number;
  /** Of a whole answer; its last batch may pass it. */
  readonly answerBytes: number;
}

/**
 * A topic takes batches of 1 MB, packed, by default (max.message.bytes); text packs to a tenth or a twentieth of its
 * size. A record is some 500 bytes of memory, however short it is.
 */
export const READING_LIMITS: ReadingLimits = {
  batchBytes: 32 * 1024 * 1024,
  batchRecords: 10_000,
  answerBytes: 32 * 1024 * 1024,
};

export function createReadingBudget({ batchBytes, batchRecords, answerBytes }: ReadingLimits): ReadingBudget {
  let left = answerBytes;
  return {
    batchBytes,
    batchRecords,
    spend: (bytes) => void (left -= bytes),
    exhaust: () => void (left = 0),
    isExhausted: () => left <= 0,
  };
}
