/** Whose requests and answers count, and the key with which the person at this computer signs. */
import { readFile } from 'node:fs/promises';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { privateKeyOf } from '../agent/operators-file.js';
import { createVerifyRequest } from '../agent/request-signature.js';
import { createSigner, type Operator, type Signer } from '../agent/signatures.js';
import { unreadableReason } from '../agent/text-file.js';
import { signingAs } from '../client/sign.js';
import { openOperators, type OpenOperators } from '../agent/open-operators.js';
import { wrongUse } from './cli-error.js';
import type { CommandContext } from './context.js';

/** Of OPERATORS_FILE; null: it is not set. Rejects with ConfigError. */
export async function operatorsOf({ config }: CommandContext): Promise<OpenOperators | null> {
  const { OPERATORS_FILE: file } = config.values;
  return file === null ? null : openOperators(file);
}

/**
 * For a command that only reads: what is done about dead letters counts where an operator has signed it. Rejects with
 * ConfigError.
 */
export async function asReader(context: CommandContext): Promise<CommandContext> {
  const operators = await operatorsOf(context);
  return operators === null ? context : verifying(context, operators.operators);
}

/**
 * For a command that asks or answers something: what it writes is signed where OPERATOR_KEY is set. Rejects with
 * CliError (exit 2) for a key that is none, or is no operator's, and where OPERATORS_FILE is set and the key is not.
 */
export async function asOperator(context: CommandContext): Promise<CommandContext> {
  const { OPERATOR_KEY: file, OPERATOR_NAME: name } = context.config.values;
  const operators = (await operatorsOf(context))?.operators ?? null;
  const reading = operators === null ? context : verifying(context, operators);
  if (file === null) {
    if (operators !== null)
      throw wrongUse(
        'this must be signed: OPERATORS_FILE is set, and OPERATOR_KEY is not',
        'Give your private key: --key FILE, or OPERATOR_KEY. ravenhelm operators keygen NAME --out FILE makes one.',
      );
    if (name !== null)
      throw wrongUse(
        '--as (OPERATOR_NAME) names whose key signs, and no key is given',
        'Add --key FILE (OPERATOR_KEY).',
      );
    return reading;
  }
  const signer = await signerOf(file, name, operators);
  return { ...reading, client: signingAs(reading.client, signer) };
}

/** asOperator for dead letters: says so where marks of others cannot be verified. */
export async function asLetterHandler(given: CommandContext): Promise<CommandContext> {
  const context = await asOperator(given);
  const { OPERATOR_KEY: key, OPERATORS_FILE: file } = context.config.values;
  if (key !== null && file === null)
    context.host.stderr.write(
      'OPERATORS_FILE is not set: what others did about dead letters counts here without a signature. ' +
        'Add --operators FILE.\n',
    );
  return context;
}

const verifying = (context: CommandContext, operators: readonly Operator[]): CommandContext => ({
  ...context,
  client: {
    ...context.client,
    verifyHandling: async ({ clusterId }) =>
      createVerifyRequest(operators, { prefix: context.client.topics.prefix, clusterId }),
  },
});

async function signerOf(file: string, name: string | null, operators: readonly Operator[] | null): Promise<Signer> {
  const key = privateKeyOf(await keyText(file));
  if (key === null)
    throw wrongUse(`${file} has no private Ed25519 key`, 'Make one: ravenhelm operators keygen NAME --out FILE');
  return createSigner(name ?? operatorOf(operators, key, file), key);
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
