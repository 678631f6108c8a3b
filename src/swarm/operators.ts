import { readFile } from 'node:fs/promises';
import type { Operator } from '../agent/call-answer.js';
import { ConfigError } from '../agent/config-error.js';
import { parseOperators } from '../agent/operators-file.js';
import { decodeText, isFileSystemError, NO_TEXT, unreadableReason } from '../agent/text-file.js';

export interface OpenOperators {
  readonly operators: readonly Operator[];
  /** Says who may answer. */
  readonly line: string;
}

/** Reads an operators file; absolute. Rejects with ConfigError. */
export async function openOperators(file: string): Promise<OpenOperators> {
  const unusable = (message: string) =>
    new ConfigError([
      { file, line: null, column: null, message, fix: 'name an operators file, or leave --operators out' },
    ]);
  const bytes = await readFile(file).catch((error: unknown) => {
    const missing = isFileSystemError(error) && error.code === 'ENOENT';
    throw unusable(missing ? 'there is no such file' : `it cannot be read: ${unreadableReason(error)}`);
  });
  const text = decodeText(bytes);
  if (text === null) throw unusable(NO_TEXT);
  const operators = parseOperators(text, file);
  return {
    operators,
    line: `Operators: ${operators.map(({ name }) => name).join(', ')} (${file}); approvals must be signed`,
  };
}
