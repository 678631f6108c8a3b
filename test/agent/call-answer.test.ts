/** Signed answers: which hold, and which do not. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createVerifyAnswer, NOT_SIGNED, signAnswer, type UnsignedAnswer } from '../../src/agent/call-answer.js';
import { callDigest, isDigestOf } from '../../src/agent/call-digest.js';
import { canonicalJson } from '../../src/agent/canonical-json.js';
import { parseOperators, privateKeyOf } from '../../src/agent/operators-file.js';
import { createSigner, type Operator, type SignedFor } from '../../src/agent/signatures.js';
import type { SignedAnswer } from '../../src/domain/waiting-call.js';

const ann = generateKeyPairSync('ed25519');
const bob = generateKeyPairSync('ed25519');
const AT_MS = 1_000;
const SQUAD = { prefix: 'squad', clusterId: 'kafka-a' };
const OPERATORS: readonly Operator[] = [
  { name: 'ann', publicKey: ann.publicKey, untilMs: 2 * AT_MS, may: ['approve'], fourEyes: false },
  { name: 'bob', publicKey: bob.publicKey, untilMs: null, may: ['cancel'], fourEyes: false },
];
const verifyAt = createVerifyAnswer(OPERATORS, SQUAD);
const verify = (given: SignedAnswer) => verifyAt(given, AT_MS);

const answer: UnsignedAnswer = {
  mission_id: 'm1',
  task_id: 't1',
  attempt: 1,
  approval_id: 'call-1',
  digest: 'a'.repeat(64),
  approved: true,
  reason: '',
  answered_by: 'ann',
  answered_at: 1_000,
};
const signed = (changes: Partial<UnsignedAnswer> = {}, name = 'ann', key = ann.privateKey): SignedAnswer =>
  signAnswer({ ...answer, ...changes }, createSigner(name, key), SQUAD);

test('the answer of an operator holds', () => {
  expect(verify(signed())).toBeNull();
  expect(verify(signed({ approved: false, reason: 'no' }))).toBeNull();
});

test.each<readonly [string, SignedAnswer, string]>([
  ['without a signature', { ...answer, ...NOT_SIGNED }, 'unsigned'],
  ["with another operator's key", signed({}, 'ann', bob.privateKey), 'unknown_key'],
  [
    "with another operator's key that it does not name",
    { ...signed({}, 'ann', bob.privateKey), key_id: null },
    'forged',
  ],
  ['of a person who is no operator', signed({}, 'mallory'), 'unknown_key'],
  ['of an operator who may not approve', signed({}, 'bob', bob.privateKey), 'not_allowed'],
  ['with a signature that is none', { ...answer, ...NOT_SIGNED, signature: 'AAAA' }, 'forged'],
  [
    'with a signature for another purpose',
    {
      ...answer,
      ...NOT_SIGNED,
      signature: sign(null, Buffer.from(canonicalJson(answer)), ann.privateKey).toString('base64'),
    },
    'forged',
  ],
])('an answer %s does not', (_, given, code) => {
  expect(verify(given)).toBe(code);
});

test('with four eyes, who has requested the mission may reject its calls and not approve them', () => {
  const [own] = OPERATORS.map((operator) => ({ ...operator, fourEyes: true }));
  const strict = createVerifyAnswer(own === undefined ? [] : [own], SQUAD);
  expect(strict(signed(), AT_MS, 'ann')).toBe('own_mission');
  expect(strict(signed({ approved: false }), AT_MS, 'ann')).toBeNull();
  expect(strict(signed(), AT_MS, 'bob')).toBeNull();
  expect(verifyAt(signed(), AT_MS, 'ann')).toBeNull();
});

test.each<Partial<UnsignedAnswer>>([
  { mission_id: 'm2' },
  { task_id: 't2' },
  { attempt: 2 },
  { approval_id: 'call-2' },
  { digest: 'b'.repeat(64) },
  { approved: false },
  { reason: 'other' },
  { answered_at: 2_000 },
])('a signed answer that was changed does not hold: %j', (changes) => {
  expect(verify({ ...signed(), ...changes })).toBe('forged');
});

describe('a signed answer', () => {
  const on = (changes: Partial<SignedFor>) => createVerifyAnswer(OPERATORS, { ...SQUAD, ...changes });

  test('is for one cluster: one elsewhere with this prefix and these operators does not take it', () => {
    expect(signed().cluster).toBe('kafka-a');
    expect(on({ clusterId: 'kafka-b' })(signed(), AT_MS)).toBe('other_cluster');
    expect(on({ clusterId: null })(signed(), AT_MS)).toBe('other_cluster');
  });

  test('is for one prefix: a swarm on the same cluster with another one does not take it', () => {
    expect(on({ prefix: 'team' })(signed(), AT_MS)).toBe('forged');
  });

  test('is forged with a cluster that was put in later, and without its own', () => {
    expect(on({ clusterId: 'kafka-b' })({ ...signed(), cluster: 'kafka-b' }, AT_MS)).toBe('forged');
    expect(verify({ ...signed(), cluster: null })).toBe('forged');
  });

  test('of an older build, which names no cluster, holds on each; and none can be put into it', () => {
    const signature = sign(
      null,
      Buffer.from(`ravenhelm call answer 1\n${canonicalJson(answer)}`),
      ann.privateKey,
    ).toString('base64');
    const older = { ...answer, ...NOT_SIGNED, signature };
    for (const clusterId of ['kafka-a', 'kafka-b', null]) expect(on({ clusterId })(older, AT_MS)).toBeNull();
    expect(verify({ ...older, cluster: 'kafka-a' })).toBe('forged');
    const anywhere = signAnswer(answer, createSigner('ann', ann.privateKey), { ...SQUAD, clusterId: null });
    expect(anywhere.signature).toBe(signature);
  });
});

test("a signed answer of another operator's name does not hold", () => {
  expect(verify({ ...signed(), answered_by: 'bob' })).toBe('unknown_key');
  expect(verify({ ...signed(), answered_by: 'bob', key_id: null })).toBe('forged');
});

test('an answer that the log took before its key expired holds, and none after', () => {
  expect(verifyAt(signed(), 2 * AT_MS - 1)).toBeNull();
  expect(verifyAt(signed(), 2 * AT_MS)).toBe('key_expired');
});

test('the digest is that of the exact call, in whatever order its fields were written', () => {
  const call = {
    ...{ mission_id: 'm', task_id: 't', attempt: 1, step: 2, agent: 'a', tool: 'x', checks: ['ls'], working_dir: null },
    arguments: { command: 'ls', b: { d: 1, c: [2, { z: 1, y: 2 }] } },
    ...{ rule: 'packages', tainted_by: [{ origin: 'workspace', detail: '', step: 1 }] },
    inputs: [{ name: 'domain', type: 'string', value: 'a.example' }],
  };
  const digest = callDigest(call);
  expect(callDigest({ ...call, arguments: { b: { c: [2, { y: 2, z: 1 }], d: 1 }, command: 'ls' } })).toBe(digest);
  const others = [
    { ...call, mission_id: 'n' },
    { ...call, task_id: 'u' },
    { ...call, inputs: [] },
    { ...call, inputs: [{ name: 'domain', type: 'string', value: 'b.example' }] },
    { ...call, inputs: [{ name: 'domain', type: 'secret', value: 'a.example' }] },
    { ...call, inputs: [{ name: 'host', type: 'string', value: 'a.example' }] },
    { ...call, rule: 'other' },
    { ...call, tainted_by: [] },
    { ...call, tainted_by: [{ origin: 'network', detail: '', step: 1 }] },
    { ...call, attempt: 2 },
    { ...call, step: 3 },
    { ...call, agent: 'b' },
    { ...call, tool: 'y' },
    { ...call, working_dir: '/srv' },
    { ...call, checks: ['ls', 'ls -a'] },
    { ...call, arguments: { ...call.arguments, command: 'ls ' } },
    { ...call, arguments: { ...call.arguments, b: { d: 1, c: [{ z: 1, y: 2 }, 2] } } },
  ];
  expect(new Set([digest, ...others.map(callDigest)]).size).toBe(others.length + 1);
  expect(isDigestOf(digest, call)).toBe(true);
  expect(others.filter((other) => isDigestOf(digest, other))).toEqual([]);
});

test('without inputs the digest is the one that builds before them made', () => {
  const call = {
    ...{ mission_id: 'm', task_id: 't', attempt: 1, step: 2, agent: 'a', tool: 'x', checks: [], working_dir: null },
    ...{ arguments: {}, rule: 'packages', tainted_by: [] },
  };
  const before = createHash('sha256').update(canonicalJson(call)).digest('hex');
  expect(callDigest({ ...call, inputs: [] })).toBe(`v2:${before}`);
});

test('a digest of a build before stays that of its call, which it alone binds', () => {
  const call = {
    ...{ mission_id: 'm', task_id: 't', attempt: 1, step: 2, agent: 'a', tool: 'x', checks: ['ls'], working_dir: null },
    arguments: { command: 'ls' },
  };
  const before = createHash('sha256').update(canonicalJson(call)).digest('hex');
  const asked = { rule: 'packages', tainted_by: [], inputs: [] };
  expect(isDigestOf(before, { ...call, ...asked })).toBe(true);
  expect(isDigestOf(before, { ...call, ...asked, arguments: { command: 'rm' } })).toBe(false);
  expect(isDigestOf(before.replace(/^./, 'x'), { ...call, ...asked })).toBe(false);
});

describe('the operators file', () => {
  const der = ann.publicKey.export({ type: 'spki', format: 'der' });
  const pem = ann.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const indented = (text: string) => text.trimEnd().replaceAll('\n', '\n      ');
  const privatePem = ann.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  test.each([
    ['PEM', `|\n      ${indented(pem)}`],
    ['base64 of its DER', der.toString('base64')],
    ['base64 of its bytes', der.subarray(-32).toString('base64')],
  ])('takes a key as %s', (_, key) => {
    const [operator] = parseOperators(`operators:\n  - name: ann\n    key: ${key}\n`, 'o.yaml');
    expect(operator?.publicKey.equals(ann.publicKey)).toBe(true);
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  test.each([
    ['no key', 'nonsense', /^o\.yaml:3:5: it is no public Ed25519 key; give a public/],
    [
      'an RSA key',
      `|\n      ${indented(rsa.export({ type: 'spki', format: 'pem' }).toString())}`,
      /no public Ed25519 key/,
    ],
    ['a private key', `|\n      ${indented(privatePem)}`, /it is a private key; give a public/],
  ])('refuses %s, with its place', (_, key, message) => {
    expect(() => parseOperators(`operators:\n  - name: ann\n    key: ${key}\n`, 'o.yaml')).toThrow(message);
  });

  test('has what a person may do and until when', () => {
    const entry = (more: string) => `operators:\n  - name: ann\n    key: ${der.toString('base64')}\n${more}`;
    const [all] = parseOperators(entry(''), 'o.yaml');
    expect(all).toMatchObject({
      untilMs: null,
      may: ['request', 'approve', 'answer', 'cancel', 'pause', 'budget', 'retry'],
    });
    const [some] = parseOperators(entry('    until: 2027-01-31\n    may: [approve, cancel]\n'), 'o.yaml');
    expect(some).toMatchObject({ untilMs: Date.UTC(2027, 0, 31), may: ['approve', 'cancel'] });
    const [zoned] = parseOperators(entry('    until: 2027-01-31T18:00:00+01:00\n'), 'o.yaml');
    expect(zoned?.untilMs).toBe(Date.UTC(2027, 0, 31, 17));
    expect(() => parseOperators(entry('    until: tomorrow\n'), 'o.yaml')).toThrow(/o\.yaml:4:5: .*must be a date/);
    expect(() => parseOperators(entry('    may: [everything]\n'), 'o.yaml')).toThrow(
      /o\.yaml:4:11: .*use one of: request, approve/,
    );
    expect(() => parseOperators(entry('    may: []\n'), 'o.yaml')).toThrow(/must name at least one/);
  });

  test('refuses two operators with one name or one key, and a file without operators', () => {
    const entry = (name: string) => `  - name: ${name}\n    key: ${der.toString('base64')}\n`;
    expect(() => parseOperators(`operators:\n${entry('ann')}${entry('ann')}`, 'o.yaml')).toThrow(
      /o\.yaml:4:5: two operators have the name "ann"[^]*ann has the key of ann/,
    );
    expect(() => parseOperators('operators: []\n', 'o.yaml')).toThrow(/at least one operator/);
  });

  test('has four eyes where two may approve', () => {
    const keyOf = ({ publicKey }: { readonly publicKey: KeyObject }) =>
      publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const file = (may: string) =>
      `operators:\n  - { name: ann, key: ${keyOf(ann)} }\n` +
      `  - { name: bob, key: ${keyOf(bob)}${may} }\nfour_eyes: true\n`;
    expect(parseOperators(file(''), 'o.yaml').map(({ fourEyes }) => fourEyes)).toEqual([true, true]);
    expect(() => parseOperators(file(', may: [request]'), 'o.yaml')).toThrow(
      /o\.yaml:4:1: one operator alone could approve nothing; give two operators the right to approve/,
    );
  });

  test('a private key is read from PEM only, and only an Ed25519 one', () => {
    expect(privateKeyOf(privatePem)?.equals(ann.privateKey)).toBe(true);
    expect(privateKeyOf(pem)).toBeNull();
    expect(privateKeyOf('nonsense')).toBeNull();
  });
});
