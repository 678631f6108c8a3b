import { readFile } from 'node:fs/promises';
import { ConfigError } from './config-error.js';
import { parseOperators } from './operators-file.js';
import type { Operator } from './signatures.js';
import { decodeText, isFileSystemError, NO_TEXT, unreadableReason } from './text-file.js';

export interface OpenOperators {
  readonly operators: readonly Operator[];
  /** Says whose requests and answers count. */
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
    line:
      `Operators: ${operators.map(({ name }) => name).join(', ')} (${file}); ` +
      'requests, answers and approvals must be signed' +
      (operators.some(({ fourEyes }) => fourEyes) ? '; another operator than its requester approves a mission' : ''),
  };
}
