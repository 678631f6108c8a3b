import type { Headers } from '../domain/dead-letter.js';
import type { AnyRecord, RecordCopy } from '../ports/log.js';

/** Header values as the client takes them: anything but a Buffer it would turn into text. */
export type ClientHeaders = Readonly<Record<string, Buffer | string | (Buffer | string)[]>>;

/** The record to be written: key and value as they were read, byte for byte. */
export function copyOf({ record, headers }: Pick<RecordCopy, 'record' | 'headers'>) {
  const { key, value } = bytesOf(record);
  return { key: bufferOf(key), value: bufferOf(value), headers: clientHeaders(headers) };
}

function bytesOf({ bytes, topic, partition, offset }: AnyRecord): NonNullable<AnyRecord['bytes']> {
  if (bytes === undefined)
    throw new TypeError(`${topic}[${partition}]@${offset} was not read from a broker: it has no bytes to be copied`);
  return bytes;
}

function bufferOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}

function clientHeaders(headers: Headers): ClientHeaders {
  const result = Object.entries(headers).map(([name, value]) => {
    // kafkajs 2.2.4 cannot write a header without a value (it takes its length); an empty one is as near as it gets.
    const values = [value ?? ''].flat().map((each) => (each instanceof Uint8Array ? Buffer.from(each) : (each ?? '')));
    const [first = ''] = values;
    return [name, values.length === 1 ? first : values] as const;
  });
  // A name may be __proto__: fromEntries sets it, and an assignment would not.
  return Object.fromEntries(result);
}
