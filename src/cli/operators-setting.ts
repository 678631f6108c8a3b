/** Who may answer about calls, and the key with which the person at this computer signs. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { signAnswer, type Operator } from '../agent/call-answer.js';
import { privateKeyOf } from '../agent/operators-file.js';
import { unreadableReason } from '../agent/text-file.js';
import type { Signer } from '../client/approvals.js';
import { openOperators, type OpenOperators } from '../swarm/operators.js';
import { wrongUse } from './cli-error.js';
import type { CommandContext } from './context.js';

/** Of OPERATORS_FILE; null: it is not set. Rejects with ConfigError. */
export async function operatorsOf({ config }: CommandContext): Promise<OpenOperators | null> {
  const { OPERATORS_FILE: file } = config.values;
  return file === null ? null : openOperators(file);
}

/** What --key and --as say. */
export interface KeyFlags {
  /** A private key in PEM; null: none. */
  readonly key: string | null;
  /** The operator's name; null: the one whose public key it is. */
  readonly as: string | null;
}

/** null: answers are not signed. Throws CliError (exit 2) for a key that is none, or is no operator's. */
export async function signerOf(context: CommandContext, { key: file, as }: KeyFlags): Promise<Signer | null> {
  const operators = (await operatorsOf(context))?.operators ?? null;
  if (file === null) {
    if (as !== null)
      throw wrongUse('--as names whose key signs, and no key is given', 'Add --key FILE, or leave --as out.');
    if (operators !== null)
      throw wrongUse('the answer must be signed: OPERATORS_FILE is set', 'Add --key FILE with your private key.');
    return null;
  }
  const key = privateKeyOf(await keyText(resolve(context.host.cwd, file)));
  if (key === null)
    throw wrongUse(`${file} has no private Ed25519 key`, 'Make one: ravenhelm operators keygen NAME --out FILE');
  const name = as ?? operatorOf(operators, key, file);
  return (answer) => ({ answered_by: name, signature: signAnswer({ ...answer, answered_by: name }, key) });
}

async function keyText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw wrongUse(`${file} cannot be read: ${unreadableReason(error)}`, 'Name the file of your private key.');
  }
}

function operatorOf(operators: readonly Operator[] | null, key: KeyObject, file: string): string {
  if (operators === null)
    throw wrongUse(
      'whose key it is is not known here: OPERATORS_FILE is not set',
      'Add --as NAME with your name in the operators file of the swarm, or --operators FILE.',
    );
  const found = operators.find(({ publicKey }) => publicKey.equals(createPublicKey(key)));
  if (found !== undefined) return found.name;
  throw wrongUse(
    `${file} is the key of no operator`,
    `The operators are ${operators.map(({ name }) => name).join(', ')}.`,
  );
}
