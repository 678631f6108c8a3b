import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../agent/config-error.js';
import { decodeText, isFileSystemError, NO_TEXT, unreadableReason } from '../agent/text-file.js';
import { parsePolicy, type PolicyFile } from '../policy/policy-file.js';

export interface OpenPolicy extends PolicyFile {
  /** Absolute. */
  readonly file: string;
  /** Says which policy is used. */
  readonly line: string;
}

/**
 * Reads a policy. Rejects with ConfigError.
 * @param file absolute; null: the one of the package, whose examples hold: the package's own tests try them
 */
export async function openPolicy(
  file: string | null,
  packageDir: string,
  triesExamples = file !== null,
): Promise<OpenPolicy> {
  const used = file ?? join(packageDir, 'policy.default.yaml');
  const read = parsePolicy(await textOf(used), used, triesExamples);
  const count = `${read.rules.length} ${read.rules.length === 1 ? 'rule' : 'rules'}`;
  return { ...read, file: used, line: `Policy: ${file ?? 'built-in'} (${count}, otherwise ${read.otherwise})` };
}

async function textOf(file: string): Promise<string> {
  const unusable = (message: string) =>
    new ConfigError([{ file, line: null, column: null, message, fix: 'name a policy file, or leave --policy out' }]);
  const bytes = await readFile(file).catch((error: unknown) => {
    const missing = isFileSystemError(error) && error.code === 'ENOENT';
    throw unusable(missing ? 'there is no such file' : `it cannot be read: ${unreadableReason(error)}`);
  });
  const text = decodeText(bytes);
  if (text === null) throw unusable(NO_TEXT);
  return text;
}
