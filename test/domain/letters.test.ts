import { headerText, letterHeaders, originalHeaders, parseLetterHeaders } from '../../src/domain/dead-letter.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import { createLetters, letterFields, type LetterRecord, type Letters } from '../../src/domain/letters.js';
import { REQUEST_WINDOW_MS, type VerifyRequest } from '../../src/domain/requests.js';
import { describeFolded } from '../../src/domain/record.js';
import { eventOf, T0 } from './support/events.js';

const ORIGIN = { topic: 'ravenhelm.squad.tasks.cert_agent', partition: 3, offset: 41, timestampMs: T0 };
const FACTS = { origin: ORIGIN, error: 'no value', skippedAtMs: T0 + 5 };
const POISON = { kind: 'poison', reason: 'no value' } as const;

/** A dead-letters topic with one partition, to which records are appended. */
function given(verify: VerifyRequest | null = null) {
  const letters: Letters<LetterRecord> = createLetters(verify);
  let offset = -1;
  const put = (fields: Pick<LetterRecord, 'content' | 'headers'>): string =>
    describeFolded(
      letters.apply({
        topic: 'ravenhelm.squad.dead-letters',
        partition: 0,
        offset: (offset += 1),
        timestampMs: T0 + 1000 * offset,
        ...fields,
      }),
    );
  const about = () =>
    letterFields(
      letters.all()[0] ?? {
        id: '?',
        copies: [],
        facts: FACTS,
        state: { kind: 'waiting' },
        record: { ...ORIGIN, content: POISON },
        ignored: [],
      },
    );
  return {
    letters,
    letter: (changes: Partial<typeof ORIGIN> = {}) =>
      put({ content: POISON, headers: letterHeaders({}, { ...FACTS, origin: { ...ORIGIN, ...changes } }) }),
    foreign: () => put({ content: POISON }),
    says: (event: AgentEvent, headers = {}) => put({ content: { kind: 'event', event }, headers }),
    taken: (by: string, takenOver = false) =>
      eventOf('dead_letter_taken', { ...about(), taken_by: by, taken_over: takenOver, signed: null }),
    redriven: (by: string) =>
      eventOf('dead_letter_redriven', {
        ...about(),
        redriven_by: by,
        how: 'record',
        target_topic: 't',
        target_partition: 1,
        target_offset: 2,
        signed: null,
      }),
    discarded: (by: string, changes: Partial<PayloadOf<'dead_letter_discarded'>> = {}) =>
      eventOf('dead_letter_discarded', {
        ...about(),
        discarded_by: by,
        reason: 'seen',
        taken_over: false,
        signed: null,
        ...changes,
      }),
    state: () => letters.all()[0]?.state,
  };
}

describe("a letter's headers", () => {
  const theirs = { event_type: 'task_assigned', error: 'their own', twice: ['a', 'b'], bytes: Uint8Array.of(0xff) };

  test('say where it came from, why and when, beside the headers that the record had', () => {
    const headers = letterHeaders(theirs, FACTS);
    expect(headers).toEqual({
      ...theirs,
      dead_letter_origin_topic: ORIGIN.topic,
      dead_letter_origin_partition: '3',
      dead_letter_origin_offset: '41',
      dead_letter_origin_timestamp: '2026-11-23T14:15:02.417Z',
      dead_letter_error: 'no value',
      dead_letter_time: '2026-11-23T14:15:02.422Z',
    });
    expect(parseLetterHeaders(headers)).toEqual(FACTS);
    expect(originalHeaders(headers)).toEqual(theirs);
  });

  test('of a batch name its first offset and its codec, and are not those of the record', () => {
    const facts = { ...FACTS, batch: { baseOffset: 38, codec: 'zstd' } };
    const headers = letterHeaders(theirs, facts);
    expect(headers).toMatchObject({ dead_letter_batch_first_offset: '38', dead_letter_batch_codec: 'zstd' });
    expect(parseLetterHeaders(headers)).toEqual(facts);
    expect(originalHeaders(headers)).toEqual(theirs);
  });

  test('are read from bytes as from text, and not at all when one of them is missing or no number', () => {
    const headers = letterHeaders({}, FACTS);
    const asBytes = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, new TextEncoder().encode(headerText(value))]),
    );
    expect(parseLetterHeaders(asBytes)).toEqual(FACTS);
    for (const name of Object.keys(headers)) expect(parseLetterHeaders({ ...headers, [name]: undefined })).toBeNull();
    for (const name of ['dead_letter_origin_offset', 'dead_letter_origin_partition', 'dead_letter_time'])
      expect(parseLetterHeaders({ ...headers, [name]: 'soon' })).toBeNull();
  });
});

describe('the letters of the topic', () => {
  test('wait, each under the partition and offset at which it lies, oldest first', () => {
    const topic = given();
    topic.letter();
    topic.letter({ offset: 42 });
    expect(topic.letters.all().map(({ id, state }) => [id, state.kind])).toEqual([
      ['0-0', 'waiting'],
      ['0-1', 'waiting'],
    ]);
    expect(topic.letters.find('0-1')?.facts?.origin.offset).toBe(42);
    expect(topic.letters.find('0-2')).toBeNull();
  });

  test('that two holders wrote of one record are one letter, found by either id', () => {
    const topic = given();
    topic.letter();
    topic.letter();
    expect(topic.letters.all()).toHaveLength(1);
    expect(topic.letters.find('0-1')).toBe(topic.letters.find('0-0'));
    expect(topic.letters.find('0-1')?.copies).toEqual(['0-0', '0-1']);
  });

  test('of a recreated topic are others, though they have the same offsets', () => {
    const topic = given();
    topic.letter();
    topic.letter({ timestampMs: T0 + 99 });
    expect(topic.letters.all()).toHaveLength(2);
  });

  test('that another program wrote are shown without an origin', () => {
    const topic = given();
    topic.foreign();
    expect(topic.letters.find('0-0')).toMatchObject({ facts: null, state: { kind: 'waiting' } });
    expect(topic.says(topic.discarded('ann'))).toBe('applied');
    expect(topic.state()).toMatchObject({ kind: 'discarded', by: 'ann' });
  });
});

describe('of two who want a letter', () => {
  test('the first one read has it, and the other learns who and when', () => {
    const topic = given();
    topic.letter();
    const [ann, ben] = [topic.taken('ann'), topic.taken('ben')];
    expect([topic.says(ann), topic.says(ben)]).toEqual(['applied', 'void: redriving before']);
    expect(topic.state()).toEqual({ kind: 'redriving', by: 'ann', atMs: T0 + 1000 });
    expect(topic.says(topic.discarded('ben'))).toBe('void: redriving before');
    expect(topic.says(topic.redriven('ann'))).toBe('applied');
    expect(topic.state()).toMatchObject({ kind: 'redriven', by: 'ann', redriven: { target_offset: 2 } });
  });

  test('the second may take over from a first who never said that it was done, only when it says so', () => {
    for (const next of ['taken', 'discarded'] as const) {
      const topic = given();
      topic.letter();
      topic.says(topic.taken('ann'));
      expect(
        topic.says(next === 'taken' ? topic.taken('ben', true) : topic.discarded('ben', { taken_over: true })),
      ).toBe('applied');
      expect(topic.state()).toMatchObject({ by: 'ben' });
    }
  });

  test('a handled one is not given out again, not even to a take-over', () => {
    const topic = given();
    topic.letter();
    topic.says(topic.discarded('ann'));
    expect(topic.says(topic.taken('ben', true))).toBe('void: discarded before');
    expect(topic.says(topic.discarded('ben', { taken_over: true }))).toBe('void: discarded before');
    expect(topic.says(topic.redriven('ben'))).toBe('void: it was not taken');
    expect(topic.state()).toMatchObject({ kind: 'discarded', by: 'ann', reason: 'seen' });
  });

  test('a copy that is written after the letter was handled stays handled', () => {
    const topic = given();
    topic.letter();
    topic.says(topic.discarded('ann'));
    topic.letter();
    expect(topic.letters.find('0-2')?.state.kind).toBe('discarded');
  });

  test('with operators a mark that was signed long before does not count: it may be an old one, written again', () => {
    const topic = given(() => null);
    topic.letter();
    const old = { ...topic.taken('ann', true), timestamp: T0 - 2 * REQUEST_WINDOW_MS };
    expect(topic.says(old)).toMatch(/^void: the log took it 20 minutes after it was signed/);
    expect(topic.letters.all()[0]).toMatchObject({
      state: { kind: 'waiting' },
      ignored: [{ code: 'late', by: 'ann' }],
    });
    expect(topic.says({ ...topic.taken('ann'), timestamp: T0 })).toBe('applied');
  });

  test('events about an unknown letter are void', () => {
    const topic = given();
    expect(topic.says(topic.discarded('ann'))).toBe('void: no such letter');
  });

  test('what was said about a letter, found misplaced in another topic, is a letter itself', () => {
    const topic = given();
    topic.letter();
    topic.says(topic.discarded('ann'), letterHeaders({}, { ...FACTS, origin: { ...ORIGIN, offset: 77 } }));
    expect(topic.letters.all().map(({ id, state }) => [id, state.kind])).toEqual([
      ['0-0', 'waiting'],
      ['0-1', 'waiting'],
    ]);
  });
});
