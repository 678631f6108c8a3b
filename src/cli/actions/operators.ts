import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseOperators } from '../../agent/operators-file.js';
import { isFileSystemError, unreadableReason } from '../../agent/text-file.js';
import { wrongUse } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';

/** Writes a private key that only its owner can read, and prints the operators file's entry with the public one. */
export async function makeKey(context: CommandContext, name: string, out: string): Promise<ExitCode> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const entry = `operators:\n  - name: ${JSON.stringify(name)}\n    key: ${key}\n`;
  parseOperators(entry, '<name>');
  await writeNew(resolve(context.host.cwd, out), privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  if (context.json) context.print({ name, key, private_key_file: out });
  else context.host.stdout.write(entry);
  return EXIT.done;
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!isFileSystemError(error)) throw error;
    if (error.code === 'ENOENT')
      throw wrongUse(`${file} was not written: its directory does not exist`, 'Create it, or name another file.');
    const why = error.code === 'EEXIST' ? 'it is there already' : unreadableReason(error);
    throw wrongUse(`${file} was not written: ${why}`, 'Name another file.');
  }
}
