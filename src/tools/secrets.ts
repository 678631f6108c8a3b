/** The values of agents' secrets, from the worker's environment or from files that it names. */
import { open } from 'node:fs/promises';
import { isHideable } from '../domain/redaction.js';
import { codeOf, reasonOf } from './system-errors.js';

/** What a worker has of something that an agent's file names, or why it does not have it, with the cure. */
export type Provided<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

export type Environment = Readonly<Record<string, string | undefined>>;

const MOST_BYTES = 65_536;

/**
 * By name. The variable NAME has the value, or NAME_FILE names the file that has it; then the value is all that is in
 * the file, with a newline at its end if it has one.
 */
export async function readSecrets(
  names: readonly string[],
  environment: Environment,
): Promise<ReadonlyMap<string, Provided<string>>> {
  const values = names.map(async (name) => [name, await readSecret(name, environment)] as const);
  return new Map(await Promise.all(values));
}

async function readSecret(name: string, environment: Environment): Promise<Provided<string>> {
  const value = environment[name];
  const file = environment[`${name}_FILE`];
  const refused = (why: string): Provided<string> => ({ ok: false, problem: `the secret ${name} ${why}` });
  if (value !== undefined && file !== undefined)
    return refused(`is set twice, by ${name} and by ${name}_FILE; remove one of the variables`);
  if (value === undefined && file === undefined)
    return refused(`is not set; set the variable ${name}, or ${name}_FILE to a file that has it`);
  try {
    const text = value ?? decoded(await readWithin(file ?? ''));
    const wrong = wrongIn(text);
    return wrong === null ? { ok: true, value: text ?? '' } : refused(`cannot be used: ${wrong}`);
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return refused(`cannot be read: ${file} (${reasonOf(error)}); correct ${name}_FILE`);
  }
}

/** At most one byte more than a secret may have. */
async function readWithin(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(MOST_BYTES + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** null: it is no UTF-8. */
function decoded(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : null;
}

function wrongIn(text: string | null): string | null {
  if (text === null || text.includes('\0'))
    return 'it is not text in UTF-8, which could be redacted; encode it as base64';
  if (Buffer.byteLength(text) > MOST_BYTES) return `it has more than ${MOST_BYTES} bytes`;
  if (!isHideable(text)) return 'it is too short or too common to be redacted in events; give at least 8 characters';
  return null;
}
