/** Signed requests: which hold, and which do not. */
import { readFileSync } from 'node:fs';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { createVerifyAnswer, signAnswer } from '../../src/agent/call-answer.js';
import { createVerifyRequest, signRequest, UNSIGNED_DEFAULTS } from '../../src/agent/request-signature.js';
import { createSigner, RIGHTS, type Right } from '../../src/agent/signatures.js';
import type { Signable } from '../../src/domain/requests.js';
import { requested } from '../domain/support/mission-log.js';
import { testOperator } from '../support/operator.js';

const AT_MS = 1_795_000_000_000;
const ann = testOperator('ann');
const bob = testOperator('bob');
const SQUAD = { prefix: 'squad', clusterId: 'kafka-a' };
const verify = createVerifyRequest([ann.operator, bob.operator], SQUAD);

const about = { mission_id: 'm1', signed: null };
const letter = { letter_id: '0-1', origin_topic: 't', origin_partition: 0, origin_offset: 1, origin_timestamp: 5 };
const mission = requested({ requested_by: 'ann' });
if (mission.event_type !== 'mission_requested') throw new TypeError('a request');
const envelope = { event_id: 'e1', timestamp: AT_MS };

/** One of each type, by ann, with the right that it needs. */
const RECORDS: readonly (readonly [Right, Signable])[] = [
  ['request', { ...envelope, event_type: 'mission_requested', payload: mission.payload }],
  [
    'cancel',
    { ...envelope, event_type: 'mission_cancel_requested', payload: { ...about, requested_by: 'ann', reason: 'r' } },
  ],
  [
    'pause',
    {
      ...envelope,
      event_type: 'mission_pause_requested',
      payload: { ...about, number: 1, requested_by: 'ann', reason: 'r' },
    },
  ],
  [
    'pause',
    { ...envelope, event_type: 'mission_resume_requested', payload: { ...about, number: 1, requested_by: 'ann' } },
  ],
  [
    'budget',
    {
      ...envelope,
      event_type: 'mission_budget_requested',
      payload: { ...about, number: 1, requested_by: 'ann', usd: 2, tokens: null, minutes: null },
    },
  ],
  [
    'approve',
    {
      ...envelope,
      event_type: 'plan_approved',
      payload: { ...about, revision: 1, approved_by: 'ann', plan_digest: 'd' },
    },
  ],
  [
    'approve',
    {
      ...envelope,
      event_type: 'plan_rejected',
      payload: { ...about, revision: 1, rejected_by: 'ann', reason: 'r', plan_digest: 'd' },
    },
  ],
  [
    'answer',
    {
      ...envelope,
      event_type: 'attention_answered',
      payload: { ...about, number: 1, answer: 'a', answered_by: 'ann' },
    },
  ],
  [
    'retry',
    {
      ...envelope,
      event_type: 'task_retry_requested',
      payload: { ...about, task_id: 't1', attempt: 1, requested_by: 'ann', reason: 'r' },
    },
  ],
  [
    'retry',
    {
      ...envelope,
      event_type: 'dead_letter_taken',
      payload: { ...letter, taken_by: 'ann', taken_over: false, signed: null },
    },
  ],
  [
    'retry',
    {
      ...envelope,
      event_type: 'dead_letter_redriven',
      payload: {
        ...letter,
        redriven_by: 'ann',
        how: 'record',
        target_topic: 't',
        target_partition: 0,
        target_offset: 2,
        signed: null,
      },
    },
  ],
  [
    'retry',
    {
      ...envelope,
      event_type: 'dead_letter_discarded',
      payload: { ...letter, discarded_by: 'ann', reason: 'r', taken_over: false, signed: null },
    },
  ],
];
const byType = RECORDS.map(([right, record]) => [record.event_type, right, record] as const);

describe.each(byType)('%s', (_, right, record) => {
  const good = signRequest(record, ann.signer, SQUAD);

  test('holds when its person has signed it, and may', () => {
    expect(verify(good, AT_MS)).toBeNull();
    expect(good.payload.signed).toMatchObject({ signed_by: 'ann', key_id: ann.signer.keyId });
  });

  test('does not hold unsigned, or with the key of another operator or of none', () => {
    expect(verify(record, AT_MS)).toBe('unsigned');
    const stranger = createSigner('ann', createPrivateKey(testOperator('x').privateKey));
    expect(verify(signRequest(record, stranger, SQUAD), AT_MS)).toBe('unknown_key');
    expect(verify(signRequest(record, createSigner('ann', createPrivateKey(bob.privateKey)), SQUAD), AT_MS)).toBe(
      'unknown_key',
    );
    // Who signs cannot speak for another person.
    expect(verify(signRequest(record, bob.signer, SQUAD), AT_MS)).toBe('forged');
  });

  const places = changesOf(record);
  test.each(places)('does not hold with another %s', (place, change) => {
    expect(verify(change(good), AT_MS)).toBe(place === 'payload.signed.key_id' ? 'unknown_key' : 'forged');
  });

  test('holds until the key expires, and where the person may do it', () => {
    const until = createVerifyRequest([{ ...ann.operator, untilMs: AT_MS + 1 }], SQUAD);
    expect(until(good, AT_MS)).toBeNull();
    expect(until(good, AT_MS + 1)).toBe('key_expired');
    expect(createVerifyRequest([{ ...ann.operator, may: [right] }], SQUAD)(good, AT_MS)).toBeNull();
    const others = RIGHTS.filter((each) => each !== right);
    expect(createVerifyRequest([{ ...ann.operator, may: others }], SQUAD)(good, AT_MS)).toBe('not_allowed');
    expect(createVerifyRequest([bob.operator], SQUAD)(good, AT_MS)).toBe('unknown_key');
  });
});

test('with four eyes, who has requested the mission may do all with it but approve its plan', () => {
  const verifyOwn = createVerifyRequest([{ ...ann.operator, fourEyes: true }], SQUAD);
  const codes = RECORDS.map(([, record]) => {
    const good = signRequest(record, ann.signer, SQUAD);
    expect(verifyOwn(good, AT_MS, 'bob')).toBeNull();
    return [record.event_type, verifyOwn(good, AT_MS, 'ann')];
  });
  expect(codes.filter(([, code]) => code !== null)).toEqual([['plan_approved', 'own_mission']]);
});

/** Every place of a record that a person could change, and the record with it changed. */
function changesOf(record: Signable): readonly (readonly [string, (good: Signable) => Signable])[] {
  const good = signRequest(record, ann.signer, SQUAD);
  const paths: string[][] = [];
  const walk = (value: unknown, path: string[]): void => {
    if (typeof value !== 'object' || value === null) return void paths.push(path);
    const entries = Object.entries(value);
    if (entries.length === 0) paths.push(path);
    for (const [key, part] of entries) walk(part, [...path, key]);
  };
  walk(good, []);
  // Names another operator, whose key it is not: the same fault as an unknown key, in a separate test above.
  return paths
    .filter((path) => path.at(-1) !== 'signed_by')
    .map((path) => [path.join('.'), (from: Signable) => changedAt(from, path)] as const);
}

function changedAt(record: Signable, path: readonly string[]): Signable {
  const copy: Signable = structuredClone(record);
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce<object>((at, key) => Reflect.get(at, key), copy);
  Reflect.set(parent, last, otherThan(Reflect.get(parent, last), last));
  return copy;
}

function otherThan(value: unknown, name: string): unknown {
  if (name === 'signature') return Buffer.alloc(64, 7).toString('base64');
  if (name === 'event_type') return value === 'plan_approved' ? 'plan_rejected' : 'plan_approved';
  if (name === 'limits') return { cpu_seconds: 1 };
  if (name === 'plan') return { strategy: 'mine', waves: [], risks: [], success_criteria: [], notes: [] };
  if (typeof value === 'string') return `${value}x`;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  return Array.isArray(value) ? [...value, 'x'] : 'x';
}

test('a field that a later build adds, with null as its default, changes no signature', () => {
  const [, record] = RECORDS[1] ?? [];
  if (record === undefined) throw new TypeError('a record');
  const good = signRequest(record, ann.signer, SQUAD);
  const withField = (added: unknown): Signable => {
    const later = structuredClone(good);
    Reflect.set(later.payload, 'added', added);
    return later;
  };
  expect(verify(withField(null), AT_MS)).toBeNull();
  expect(verify(withField('x'), AT_MS)).toBe('forged');
});

test('is for one swarm: another one, whose operators have the same keys, does not take it', () => {
  const [, record] = RECORDS[0] ?? [];
  if (record === undefined) throw new TypeError('a record');
  const good = signRequest(record, ann.signer, { ...SQUAD, prefix: 'squad.staging' });
  expect(createVerifyRequest([ann.operator], { ...SQUAD, prefix: 'squad.staging' })(good, AT_MS)).toBeNull();
  expect(verify(good, AT_MS)).toBe('forged');
});

describe('is for one cluster', () => {
  const [, record] = RECORDS[1] ?? [];
  if (record === undefined) throw new TypeError('a record');
  const good = signRequest(record, ann.signer, SQUAD);
  const on = (clusterId: string | null) => createVerifyRequest([ann.operator], { ...SQUAD, clusterId });
  const withCluster = (cluster: string | null): Signable =>
    ({ ...good, payload: { ...good.payload, signed: { ...good.payload.signed, cluster } } }) as Signable;

  test('another one with the same prefix and the same operators does not take it', () => {
    expect(on('kafka-a')(good, AT_MS)).toBeNull();
    expect(on('kafka-b')(good, AT_MS)).toBe('other_cluster');
    expect(on(null)(good, AT_MS)).toBe('other_cluster');
  });

  test('who changes or removes its cluster makes it forged', () => {
    expect(on('kafka-b')(withCluster('kafka-b'), AT_MS)).toBe('forged');
    expect(on('kafka-b')(withCluster(null), AT_MS)).toBe('forged');
    expect(on(null)(withCluster(null), AT_MS)).toBe('forged');
  });

  test('one for a log without an id is for every cluster', () => {
    const anywhere = signRequest(record, ann.signer, { ...SQUAD, clusterId: null });
    for (const id of ['kafka-a', 'kafka-b', null]) expect(on(id)(anywhere, AT_MS)).toBeNull();
  });
});

/** As the last build before clusters were named has signed it. */
const OF_AN_OLDER_BUILD = {
  event_id: 'e1',
  timestamp: AT_MS,
  event_type: 'mission_cancel_requested',
  payload: {
    ...{ mission_id: 'm1', requested_by: 'ann', reason: 'r' },
    signed: {
      signed_by: 'ann',
      key_id: '1f9543d872b1bf20',
      signature: 'pTbKOH4WETiUuR0R8LTr6alLU6HHb4ttH4jvk9xEi5vJgfeV/sHdK28Miezbmt7ycxsdAsIvJYL7ynW6NDHzBw==',
      cluster: null,
    },
  },
} as const;
const OLDER_KEY = 'MCowBQYDK2VwAyEAYy/TtHpLcvo9FGuThGyK3n2K9QN6Cg5/thN/xjbsZ4g=';

test('what a build has signed that named no cluster holds on every cluster', () => {
  const publicKey = createPublicKey({ key: Buffer.from(OLDER_KEY, 'base64'), format: 'der', type: 'spki' });
  const verifyOlder = createVerifyRequest([{ ...ann.operator, publicKey }], SQUAD);
  expect(verifyOlder(OF_AN_OLDER_BUILD, AT_MS)).toBeNull();
  const { signed } = OF_AN_OLDER_BUILD.payload;
  const claimed = { ...OF_AN_OLDER_BUILD.payload, signed: { ...signed, cluster: SQUAD.clusterId } };
  expect(verifyOlder({ ...OF_AN_OLDER_BUILD, payload: claimed }, AT_MS)).toBe('forged');
});

/** Defaults of the payload of a schema that are not null, by the field's place. */
function defaultsIn(type: unknown, place = ''): readonly (readonly [string, unknown])[] {
  if (Array.isArray(type)) return type.flatMap((one) => defaultsIn(one, place));
  if (typeof type !== 'object' || type === null) return [];
  const { fields = [], items, values, type: inner } = type as Readonly<Record<string, unknown>>;
  const own = (fields as readonly Readonly<Record<string, unknown>>[]).flatMap(({ name, default: value, type: of }) => {
    const at = place === '' ? String(name) : `${place}.${name}`;
    return [...(value === undefined || value === null ? [] : [[at, value] as const]), ...defaultsIn(of, at)];
  });
  return [
    ...own,
    ...defaultsIn(items, `${place}[]`),
    ...defaultsIn(values, `${place}{}`),
    ...(typeof inner === 'string' ? [] : defaultsIn(inner, place)),
  ];
}

test.each(byType)('what an older build has signed holds: %s has no default that would be signed', (type) => {
  const schema: { readonly fields: readonly { readonly name: string; readonly type: unknown }[] } = JSON.parse(
    readFileSync(`schemas/${type.replaceAll('_', '-')}.avsc`, 'utf8'),
  );
  const defaults = defaultsIn(schema.fields.find(({ name }) => name === 'payload')?.type);
  expect(Object.fromEntries(defaults)).toEqual(
    Object.fromEntries(defaults.map(([name]) => [name, UNSIGNED_DEFAULTS[name]])),
  );
});

test('a mission that was signed without the fields of later builds holds with their defaults', () => {
  const [, record] = RECORDS[0] ?? [];
  if (record?.event_type !== 'mission_requested') throw new TypeError('a mission');
  const later = { requires: [], limits: {}, brief_trusted: true, workspace_trusted: false };
  const older = structuredClone(record);
  for (const name of Object.keys(later)) Reflect.deleteProperty(older.payload, name);
  const signed = signRequest(older, ann.signer, SQUAD);
  const decoded = { ...signed, payload: { ...signed.payload, ...later } };
  expect(verify(decoded, AT_MS)).toBeNull();
  expect(verify({ ...decoded, payload: { ...decoded.payload, workspace_trusted: true } }, AT_MS)).toBe('forged');
  expect(verify({ ...decoded, payload: { ...decoded.payload, brief_trusted: false } }, AT_MS)).toBe('forged');
});

test('what a mission carries from another one is signed, also under the names of fields with defaults', () => {
  const [, record] = RECORDS[0] ?? [];
  if (record?.event_type !== 'mission_requested') throw new TypeError('a mission');
  const carrying = (outputs: Readonly<Record<string, unknown>>) =>
    ({
      ...record,
      payload: { ...record.payload, continues: { mission_id: 'm0', tasks: [{ id: 'a', outputs }] } },
    }) as never;
  const signedWith = (outputs: Readonly<Record<string, unknown>>): Signable =>
    signRequest(carrying(outputs), ann.signer, SQUAD);
  for (const [name, value] of Object.entries(UNSIGNED_DEFAULTS)) {
    const [plain, added] = [signedWith({ path: 'x' }), signedWith({ path: 'x', [name]: value })];
    expect(verify(plain, AT_MS)).toBeNull();
    expect(verify(added, AT_MS)).toBeNull();
    const swap = (from: Signable, to: Signable) =>
      ({ ...to, payload: { ...to.payload, signed: from.payload.signed } }) as Signable;
    expect(verify(swap(plain, added), AT_MS)).toBe('forged');
    expect(verify(swap(added, plain), AT_MS)).toBe('forged');
  }
});

test('a signature for a call is none for a request, and the other way round', () => {
  const answer = {
    ...{ mission_id: 'm1', task_id: 't1', attempt: 1, approval_id: 'a', digest: 'd', approved: true, reason: '' },
    ...{ answered_by: 'ann', answered_at: AT_MS },
  };
  const answered = signAnswer(answer, ann.signer, SQUAD);
  const [, record] = RECORDS[1] ?? [];
  if (record === undefined || answered.signature === null) throw new TypeError('a record');
  const asked = signRequest(record, ann.signer, SQUAD);
  const { keyId: key_id } = ann.signer;
  const signed = { signed_by: 'ann', key_id, signature: answered.signature, cluster: SQUAD.clusterId };
  expect(verify({ ...asked, payload: { ...asked.payload, signed } } as Signable, AT_MS)).toBe('forged');
  const { signature = '' } = asked.payload.signed ?? {};
  expect(createVerifyAnswer([ann.operator], SQUAD)({ ...answered, signature }, AT_MS)).toBe('forged');
});
