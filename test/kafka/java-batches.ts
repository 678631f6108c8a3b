/** Record batches that the Java client has written, and what it reads of them (java/RecordedBatches.java). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FoundRecord } from '../../src/kafka/batches/found.js';

export interface JavaBatch {
  readonly name: string;
  /** Of the records that the Java client reads, markers among them. */
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** Of offset, time, key, value and headers of each record, as digestOf() makes it. */
  readonly sha256: string;
  readonly bytes: Buffer;
}

export const JAVA_BATCHES = parseJavaBatches(
  readFileSync(new URL('fixtures/java-batches.json', import.meta.url), 'utf8'),
);

/** @param text as java/RecordedBatches.java prints it */
export function parseJavaBatches(text: string): readonly JavaBatch[] {
  return JSON.parse(text).map((batch: Omit<JavaBatch, 'bytes'> & { readonly bytes: string }) => ({
    ...batch,
    bytes: Buffer.from(batch.bytes, 'base64'),
  }));
}

export function javaBatch(name: string): JavaBatch {
  const found = JAVA_BATCHES.find((batch) => batch.name === name);
  if (found === undefined) throw new Error(`fixtures/java-batches.json has no batch "${name}"`);
  return found;
}

export function digestOf(records: readonly FoundRecord[]): string {
  const digest = createHash('sha256');
  for (const { offset, timestampMs, key, value, headers } of records) {
    const numbers = Buffer.alloc(16);
    numbers.writeBigInt64BE(BigInt(offset));
    numbers.writeBigInt64BE(BigInt(timestampMs), 8);
    digest.update(numbers);
    for (const bytes of [key, value, ...headerBytes(headers)]) {
      const length = Buffer.alloc(4);
      length.writeInt32BE(bytes?.length ?? -1);
      digest.update(length).update(bytes ?? '');
    }
  }
  return digest.digest('hex');
}

function headerBytes(headers: FoundRecord['headers']): readonly (Buffer | null)[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().flatMap((each) => [Buffer.from(name), each === undefined ? null : Buffer.from(each)]),
  );
}
