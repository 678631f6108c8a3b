/** The operators file: whose requests and answers count, each person with a public Ed25519 key. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { quoted } from '../domain/quoted.js';
import { ConfigError, type Problem } from './config-error.js';
import { RIGHTS, type Operator } from './signatures.js';
import { readYaml, type Path, type YamlSource } from './yaml-source.js';

const schema = z.strictObject({
  operators: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[\w.@-]{1,100}$/, 'must be at most 100 letters, digits and any of . _ @ -'),
        key: z.string().trim().min(1, 'must not be empty'),
        until: z
          .union(
            [z.iso.date(), z.iso.datetime({ offset: true })],
            'must be a date (its first moment, UTC) or a time with its zone: 2027-01-31 or 2027-01-31T18:00:00Z',
          )
          .transform((text) => Date.parse(text))
          .optional(),
        may: z.array(z.enum(RIGHTS)).min(1, 'must name at least one; leave it out to allow all').optional(),
      }),
    )
    .min(1, 'must have at least one operator'),
  four_eyes: z.boolean().default(false),
});

/** Throws ConfigError with the line and column of every problem. */
export function parseOperators(content: string, file: string): readonly Operator[] {
  const source = readYaml(content, file, schema);
  if (source.value === null) throw new ConfigError(source.problems);
  const { operators, four_eyes: fourEyes } = source.value;
  const read = operators.map(({ name, key, until = null, may = RIGHTS }) => ({
    name,
    publicKey: publicKeyOf(key),
    untilMs: until,
    may,
    fourEyes,
  }));
  const problems = read.flatMap((operator, at) =>
    problemsOf(operator, read.slice(0, at), (field) => ['operators', at, field], source),
  );
  if (fourEyes && read.filter(({ may }) => may.includes('approve')).length < 2)
    problems.push(source.problemAt(['four_eyes'], 'one operator alone could approve nothing', TWO_FIX));
  if (problems.length > 0) throw new ConfigError(problems);
  return read.flatMap(({ publicKey, ...rest }) => (typeof publicKey === 'string' ? [] : [{ ...rest, publicKey }]));
}

interface Read extends Omit<Operator, 'publicKey'> {
  /** Or why it is none. */
  readonly publicKey: KeyObject | string;
}

function problemsOf(
  { name, publicKey }: Read,
  before: readonly Read[],
  place: (field: string) => Path,
  { problemAt }: Pick<YamlSource<unknown>, 'problemAt'>,
): readonly Problem[] {
  if (typeof publicKey === 'string') return [problemAt(place('key'), publicKey, KEY_FIX)];
  const sameName = before.some((other) => other.name === name);
  const sameKey = before.find((other) => typeof other.publicKey !== 'string' && other.publicKey.equals(publicKey));
  return [
    ...(sameName
      ? [problemAt(place('name'), `two operators have the name ${quoted(name)}`, 'choose another name')]
      : []),
    ...(sameKey === undefined
      ? []
      : [problemAt(place('key'), `${name} has the key of ${sameKey.name}`, 'give each operator a key')]),
  ];
}

const TWO_FIX = 'give two operators the right to approve, or leave four_eyes out';
const KEY_FIX = 'give a public Ed25519 key as PEM or base64; ravenhelm operators keygen NAME --out FILE makes one';
const NO_KEY = 'it is no public Ed25519 key';
const RAW_BYTES = 32;
/** What is before the 32 bytes of a key in its DER form (RFC 8410). */
const DER_BEGIN = Buffer.from('302a300506032b6570032100', 'hex');

function publicKeyOf(text: string): KeyObject | string {
  if (text.includes('PRIVATE KEY')) return 'it is a private key';
  try {
    const key = text.includes('-----BEGIN') ? createPublicKey(text) : createPublicKey(derOf(text));
    return key.asymmetricKeyType === 'ed25519' ? key : NO_KEY;
  } catch {
    return NO_KEY; // node's reasons are those of OpenSSL, and say nothing more
  }
}

function derOf(text: string): { key: Buffer; format: 'der'; type: 'spki' } {
  const bytes = Buffer.from(text, 'base64');
  const key = bytes.length === RAW_BYTES ? Buffer.concat([DER_BEGIN, bytes]) : bytes;
  return { key, format: 'der', type: 'spki' };
}

/** A private Ed25519 key in PEM; null: it is none. */
export function privateKeyOf(text: string): KeyObject | null {
  try {
    const key = createPrivateKey(text);
    return key.asymmetricKeyType === 'ed25519' ? key : null;
  } catch {
    return null; // node's reasons are those of OpenSSL, and say nothing more
  }
}
